"""Labelled images: a description from the spec comes in; a frozen index with hashes, and decoded batches, go out."""
