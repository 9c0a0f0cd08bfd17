"""Seeds and artefacts come in; freshly planted models and their clean twins are audited, and counts of verdicts go out."""
