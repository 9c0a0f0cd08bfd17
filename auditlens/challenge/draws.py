"""Random streams named by what they are for, so that every model sees the same pictures."""

from __future__ import annotations

import hashlib

import numpy as np


def digest_of(*parts: object) -> int:
    """Turn names and numbers into one 128-bit number through SHA-256.

    Parameters
    ----------
    *parts : object
        What the number is for; texts and integers. Their order counts.

    Returns
    -------
    int
        The same on every machine and in every process.
    """
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")


def stream(*parts: object) -> np.random.Generator:
    """Open the generator that belongs to these names and numbers.

    Parameters
    ----------
    *parts : object
        Such as image digest, artefact name, repetition and seed.

    Returns
    -------
    numpy.random.Generator
    """
    return np.random.Generator(np.random.PCG64(digest_of(*parts)))


def between(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    """Draw uniformly from a closed range of the spec."""
    low, high = limits
    return float(low + (high - low) * rng.random())
