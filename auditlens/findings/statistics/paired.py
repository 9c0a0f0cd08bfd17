"""Differences of two rates on the same observations."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from auditlens.findings.statistics.clusters import (
    Clusters,
    FloatArray,
    clusters_of,
    scope_note,
    spread_of_sum,
    tail_of,
)
from auditlens.findings.statistics.rates import RateLimits, binary, rate_limits
from auditlens.findings.statistics.square_and_add import square_and_add
from auditlens.stages.findings import Estimate, Sided


def rate_difference(
    events_a: npt.ArrayLike,
    events_b: npt.ArrayLike,
    units: npt.ArrayLike,
    *,
    instances: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    sided: Sided = "two",
) -> Estimate:
    """Rate of a minus rate of b on the same observations, in [-1, 1] (flips with the artefact minus with the sham).

    Square-and-add (Newcombe 1998, method 10) from the exact clustered limits of the two rates (`rate`), so the
    interval has a width even where neither event occurs. The correlation of the two comes from their two-way
    variances, with Newcombe's continuity correction where it is positive; where a rate is 0 or 1 it is 0. `n_events`
    counts the discordant observations.

    Parameters
    ----------
    events_a, events_b : array of bool or 0/1, shape (n,)
    units, instances : array (n,)
    confidence, sided
        See `Estimate`.

    Raises
    ------
    ValueError
        For events other than 0 and 1, shapes that differ, or an invalid confidence.
    """
    first, second = binary(events_a), binary(events_b)
    if first.shape != second.shape:
        raise ValueError(f"events_a and events_b must be paired: shapes {first.shape} and {second.shape} differ")
    clusters, tail = clusters_of(units, instances, len(first)), tail_of(confidence, sided)
    if not len(first):
        return Estimate(value=None, confidence=confidence, sided=sided, n_events=0, note="no observations")
    a, b = rate_limits(first, clusters, tail), rate_limits(second, clusters, tail)
    low, high = square_and_add(
        (a.value, a.low, a.high), (b.value, b.low, b.high), _correlation(first, second, a, b, clusters)
    )
    unseen = clusters.resamples_instances and not (first.any() or second.any())
    return Estimate(
        value=a.value - b.value,
        low=low,
        high=high,
        confidence=confidence,
        sided=sided,
        n=len(first),
        n_units=clusters.n_units,
        n_instances=clusters.n_instances,
        n_events=int((first != second).sum()),
        method="square-and-add of exact limits (Newcombe), effective n",
        note=scope_note(clusters, "no difference between instances seen" if unseen else ""),
    )


def _correlation(first: FloatArray, second: FloatArray, a: RateLimits, b: RateLimits, clusters: Clusters) -> float:
    """Correlation of the two estimated rates, moved towards 0 by the continuity correction where positive."""
    n = len(first)
    return correlation_of_rates((first - a.value) / n, (second - b.value) / n, a, b, clusters)


def correlation_of_rates(
    of_first: FloatArray, of_second: FloatArray, a: RateLimits, b: RateLimits, clusters: Clusters
) -> float:
    """Correlation of two rates from what each observation contributes to them, (n,) each; 0 outside their rows."""
    binomial = a.value * (1 - a.value) * b.value * (1 - b.value)
    if binomial == 0:
        return 0.0
    influence = np.column_stack([of_first, of_second, of_first - of_second])
    of_a, of_b, of_difference = spread_of_sum(influence, clusters).variance
    if not np.isfinite(of_difference) or of_a * of_b == 0:
        return 0.0
    phi = float((of_a + of_b - of_difference) / (2 * np.sqrt(of_a * of_b)))
    if phi > 0:
        phi = max(phi - 1 / (2 * min(a.n_effective, b.n_effective) * np.sqrt(binomial)), 0.0)
    return float(np.clip(phi, -1.0, 1.0))
