"""Seeds and artefacts come in; freshly planted models and their twins are audited, and counts of verdicts go out."""
