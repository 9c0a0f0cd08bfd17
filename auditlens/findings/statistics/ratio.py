"""Ratios of two means on the same observations, with limits that stay right where the denominator is small."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from auditlens.findings.statistics.clusters import (
    MIN_UNITS_MEAN,
    Clusters,
    FloatArray,
    clusters_of,
    scope_note,
    spread_of_sum,
    tail_of,
)
from auditlens.findings.statistics.means import skewed_reach
from auditlens.stages.estimate import Estimate, Sided

METHOD = "Fieller, cluster-robust t corrected for skewness (Hall)"
N_ANGLES, N_ZOOMS = 65, 4
"""Candidates that are tried on either side, and how often the last accepted one is looked at more closely."""


def ratio_of_means(
    numerators: npt.ArrayLike,
    denominators: npt.ArrayLike,
    units: npt.ArrayLike,
    instances: npt.ArrayLike | None = None,
    *,
    confidence: float = 0.95,
    sided: Sided = "two",
) -> Estimate:
    """Mean of the numerators over the mean of the denominators, unbounded in range.

    The limits invert a test (Fieller 1954): a ratio rho belongs to the interval where the mean of
    `numerator - rho * denominator` is not told from zero by the interval of `mean_share`, with the two-way variance
    over units and instances. Where the mean of the denominators is itself not clear of zero at that level, no ratio
    far out can be refused: there are no limits, and the note says so. Where the accepted ratios are not one stretch,
    the limits are those of the outermost.

    Parameters
    ----------
    numerators, denominators : array (n,)
    units, instances : array (n,)
    confidence, sided
        See `Estimate`.

    Raises
    ------
    ValueError
        For values that are not finite, shapes that differ, or an invalid confidence.
    """
    above, below = _paired(numerators, denominators)
    clusters, tail = clusters_of(units, instances, len(above)), tail_of(confidence, sided)
    common: dict[str, Any] = {"confidence": confidence, "sided": sided, "n": len(above), "method": METHOD}
    common |= {"n_units": clusters.n_units, "n_instances": clusters.n_instances}
    common |= {"too_few": clusters.n_units < MIN_UNITS_MEAN}
    if not len(above) or below.mean() == 0:
        note = "no observations" if not len(above) else "the mean of the denominators is zero"
        return Estimate(value=None, note=note, **common)
    value = float(above.mean() / below.mean())
    if clusters.n_units < 2:
        return Estimate(value=value, note="one unit: no interval", **common)
    found = _limits(above, below, clusters, tail)
    if found is None:
        note = "unbounded: the mean of the denominators is not clear of zero"
        return Estimate(value=value, note=scope_note(clusters, note, fewest=MIN_UNITS_MEAN), **common)
    note = scope_note(clusters, "no variation" if found[0] == found[1] else "", fewest=MIN_UNITS_MEAN)
    return Estimate(value=value, low=value + found[0], high=value + found[1], note=note, **common)


def _paired(numerators: npt.ArrayLike, denominators: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    above, below = (np.asarray(values, dtype=np.float64) for values in (numerators, denominators))
    if above.ndim != 1 or above.shape != below.shape or not (np.isfinite(above).all() and np.isfinite(below).all()):
        raise ValueError(
            f"numerators and denominators must be two vectors of finite numbers of one length, "
            f"not of shapes {above.shape} and {below.shape} or with gaps"
        )
    return above, below


def _limits(above: FloatArray, below: FloatArray, clusters: Clusters, tail: float) -> tuple[float, float] | None:
    """Limits as distances from the ratio, (at most 0, at least 0); None where the denominator is not clear of zero."""
    sign = np.sign(below.mean())
    residual, size = sign * (above - above.mean() / below.mean() * below), sign * below
    if _accepted(-size, np.zeros_like(size), np.zeros(1), clusters, tail)[0]:
        return None
    error = float(np.sqrt(spread_of_sum((residual / len(residual))[:, None], clusters).variance[0]))
    scale = error / float(size.mean())
    if scale <= 1e-12 * max(1.0, abs(above.mean() / below.mean())):
        return 0.0, 0.0
    return _outermost(residual, size, -scale, clusters, tail), _outermost(residual, size, scale, clusters, tail)


def _outermost(residual: FloatArray, size: FloatArray, scale: float, clusters: Clusters, tail: float) -> float:
    """Distance of the last accepted ratio on one side; candidates are the tangents of even angles, times the scale."""
    inside, outside = 0.0, np.pi / 2
    for _ in range(N_ZOOMS):
        angles = np.linspace(inside, outside, N_ANGLES)
        kept = np.flatnonzero(_accepted(residual, size, scale * np.tan(angles[:-1]), clusters, tail))
        last = int(kept[-1]) if len(kept) else 0
        inside, outside = float(angles[last]), float(angles[last + 1])
    return float(scale * np.tan(outside))


def _accepted(
    residual: FloatArray, size: FloatArray, distances: FloatArray, clusters: Clusters, tail: float
) -> npt.NDArray[np.bool_]:
    """Whether the mean of `residual - distance * size` is not told from zero, by distance."""
    table = residual[:, None] - distances * size[:, None]
    means = table.mean(axis=0)
    down, up = skewed_reach(spread_of_sum((table - means) / len(table), clusters), tail)
    return np.asarray((means - down <= 0) & (means + up >= 0))
