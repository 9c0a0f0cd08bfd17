"""Multiplicity in exploratory lists; gates are never corrected, each is decided at its own level."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def holm(p_values: Sequence[float] | npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Adjusted p-values of a family (Holm 1979), in the order given.

    An adjusted value below alpha keeps the chance of any false finding in the family below alpha, whatever the
    dependence. The family must be fixed by the plan, not by a selection.

    Raises
    ------
    ValueError
        For p-values outside [0, 1].
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise ValueError("p-values must be a vector of numbers in [0, 1]")
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def holm_confidences(p_values: Sequence[float] | npt.ArrayLike, confidence: float = 0.95) -> npt.NDArray[np.float64]:
    """Level at which Holm's procedure tests each member: 1 - alpha / (members not yet rejected), in the order given.

    For showing intervals beside a list: compute each at its level, and "clear of zero" agrees with the adjustment.
    """
    p = np.asarray(p_values, dtype=np.float64)
    rejected = holm(p) <= 1 - confidence
    left = np.full(len(p), max(int((~rejected).sum()), 1), dtype=np.float64)
    ranks = np.empty(len(p), dtype=np.int64)
    ranks[np.argsort(p, kind="stable")] = np.arange(len(p))
    left[rejected] = len(p) - ranks[rejected]
    return 1 - (1 - confidence) / left
