"""Spec, lock, ledger, record and keys come in; locks, looks and signatures are written, and checked without a model."""
