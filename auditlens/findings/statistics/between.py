"""Differences between two models: on overlapping observations, of two changes, and of independent estimates."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from auditlens.findings.statistics.clusters import (
    Clusters,
    FloatArray,
    clusters_of,
    effective_units,
    scope_note,
    spread_of_sum,
    tail_of,
)
from auditlens.findings.statistics.paired import correlation_of_rates, rate_difference
from auditlens.findings.statistics.rates import binary, rate_limits
from auditlens.findings.statistics.square_and_add import square_and_add
from auditlens.stages.findings import Estimate, Sided

BoolArray = npt.NDArray[np.bool_]


def overlapping_rate_difference(
    events_a: npt.ArrayLike,
    events_b: npt.ArrayLike,
    rows_a: BoolArray,
    rows_b: BoolArray,
    units: npt.ArrayLike,
    *,
    instances: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    sided: Sided = "two",
) -> Estimate:
    """Rate of a over its rows minus rate of b over its rows, where the rows overlap, in [-1, 1].

    For decisions that turn in two models: each rate has its own denominator, the images which that model calls
    rightly. Limits and correlation are those of `rate_difference`, which this equals where the rows are the same; an
    observation outside a rate's rows contributes nothing to it.

    Parameters
    ----------
    events_a, events_b : array of bool or 0/1, shape (n,)
        Only what lies in the rows counts.
    rows_a, rows_b : array of bool, shape (n,)
    units, instances : array (n,)
    confidence, sided
        See `Estimate`.
    """
    tail = tail_of(confidence, sided)
    either = rows_a | rows_b
    clusters = _subset(units, instances, either)
    if not rows_a.any() or not rows_b.any():
        return Estimate(value=None, confidence=confidence, sided=sided, note="no observations of one of the two")
    parts = []
    for events, rows in ((events_a, rows_a), (events_b, rows_b)):
        happened = binary(np.asarray(events)[rows])
        limits = rate_limits(happened, _subset(units, instances, rows), tail)
        influence = np.zeros(len(rows))
        influence[rows] = (happened - limits.value) / len(happened)
        parts.append((limits, influence[either]))
    (a, of_a), (b, of_b) = parts
    correlation = correlation_of_rates(of_a, of_b, a, b, clusters)
    low, high = square_and_add((a.value, a.low, a.high), (b.value, b.low, b.high), correlation)
    return _estimate(
        a.value - b.value, low, high, clusters, "square-and-add of exact limits (Newcombe), paired", confidence, sided
    )


def difference_of_changes(
    change_a: tuple[npt.ArrayLike, npt.ArrayLike],
    change_b: tuple[npt.ArrayLike, npt.ArrayLike],
    rows_a: BoolArray,
    rows_b: BoolArray,
    units: npt.ArrayLike,
    *,
    instances: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    sided: Sided = "two",
) -> Estimate:
    """Change of a rate in a minus change of a rate in b, in [-2, 2].

    Each change is a pair (events after, events before) on its rows, as with the artefact and with its sham. Square-
    and-add from the limits of the two changes (`rate_difference`); their correlation comes from what each observation
    contributes, moved towards 0 by a continuity correction where it is positive.

    Parameters
    ----------
    change_a, change_b : pair of arrays of bool or 0/1, shape (n,)
    rows_a, rows_b : array of bool, shape (n,)
    units, instances : array (n,)
    confidence, sided
        See `Estimate`.
    """
    tail_of(confidence, sided)
    either = rows_a | rows_b
    clusters = _subset(units, instances, either)
    if not rows_a.any() or not rows_b.any():
        return Estimate(value=None, confidence=confidence, sided=sided, note="no observations of one of the two")
    parts = []
    for change, rows in ((change_a, rows_a), (change_b, rows_b)):
        after, before = (binary(np.asarray(events)[rows]) for events in change)
        within = np.asarray(instances)[rows] if instances is not None else None
        limits = rate_difference(
            after, before, np.asarray(units)[rows], instances=within, confidence=confidence, sided=sided
        )
        assert limits.value is not None and limits.low is not None and limits.high is not None
        influence = np.zeros(len(rows))
        influence[rows] = (after - before - limits.value) / len(after)
        parts.append(((limits.value, limits.low, limits.high), influence[either]))
    (a, of_a), (b, of_b) = parts
    low, high = square_and_add(a, b, _correlation(of_a, of_b, clusters), (-2.0, 2.0))
    return _estimate(a[0] - b[0], low, high, clusters, "square-and-add of two paired changes", confidence, sided)


def independent_difference(a: Estimate, b: Estimate, bounds: tuple[float, float] | None = None) -> Estimate:
    """Difference a - b of two estimates from different observations (MOVER; Zou and Donner 2008).

    Parameters
    ----------
    a, b : Estimate
        With limits at the same confidence.
    bounds : (float, float), optional
        What the difference cannot leave.
    """
    same = {"confidence": a.confidence, "sided": a.sided}
    if a.value is None or b.value is None:
        return Estimate(value=None, note="one of the two could not be estimated", **same)
    if a.low is None or a.high is None or b.low is None or b.high is None or a.confidence != b.confidence:
        return Estimate(value=a.value - b.value, note="one of the two has no interval", **same)
    low, high = square_and_add((a.value, a.low, a.high), (b.value, b.low, b.high), 0.0, bounds or (-math.inf, math.inf))
    return Estimate(value=a.value - b.value, low=low, high=high, method="square-and-add, unpaired", **same)


def _subset(units: npt.ArrayLike, instances: npt.ArrayLike | None, rows: BoolArray) -> Clusters:
    within = np.asarray(instances)[rows] if instances is not None else None
    return clusters_of(np.asarray(units)[rows], within, int(rows.sum()))


def _correlation(of_a: FloatArray, of_b: FloatArray, clusters: Clusters) -> float:
    """Correlation of two sums; the covariance of an observation is first lessened by 1 / (2 n), as Newcombe does."""
    influence = np.column_stack([of_a, of_b, of_a - of_b])
    variance_a, variance_b, variance = spread_of_sum(influence, clusters).variance
    if not np.isfinite(variance) or variance_a * variance_b == 0:
        return 0.0
    scale = np.sqrt(variance_a * variance_b)
    phi = float((variance_a + variance_b - variance) / (2 * scale))
    if phi > 0:
        phi = max(phi - 1 / (2 * effective_units(clusters) ** 2 * scale), 0.0)
    return float(np.clip(phi, -1.0, 1.0))


def _estimate(
    value: float, low: float, high: float, clusters: Clusters, method: str, confidence: float, sided: Sided
) -> Estimate:
    return Estimate(
        value=value,
        low=low,
        high=high,
        confidence=confidence,
        sided=sided,
        n=len(clusters.units),
        n_units=clusters.n_units,
        n_instances=clusters.n_instances,
        method=method,
        note=scope_note(clusters),
    )
