"""Correction: a run that found a shortcut comes in; a corrected model with its spec, card and audit goes out."""
