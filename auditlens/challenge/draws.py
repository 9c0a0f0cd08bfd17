"""Random streams named by what they are for, so that every model sees the same pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

from auditlens.spec.artefacts import Acquired, Drawn


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


def drawn_designs(
    artefact: Drawn | Acquired, seed: int, design: Callable[[np.random.Generator, Any], Any]
) -> tuple[Any, ...]:
    """Draw the designs of an artefact, each from a stream of its own: the first n are the same for any larger number.

    Parameters
    ----------
    artefact : Drawn or Acquired
        Its `kind` names the streams, and `n_instances` says how many.
    seed : int
    design : callable
        One design from a generator and the artefact.
    """
    return tuple(
        design(stream("design", artefact.kind, number, seed), artefact) for number in range(artefact.n_instances)
    )
