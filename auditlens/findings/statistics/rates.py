"""Rates of events with exact limits for clustered data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from auditlens.findings.statistics.clusters import (
    Clusters,
    FloatArray,
    clusters_of,
    effective_units,
    scope_note,
    spread_of_sum,
    t_quantile,
    tail_of,
)
from auditlens.stages.findings import Estimate, Sided

METHOD = "Clopper-Pearson, effective n (Korn-Graubard)"


@dataclass(frozen=True, slots=True)
class RateLimits:
    """A rate, its limits, and the effective sample size that they rest on."""

    value: float
    low: float
    high: float
    n_effective: float


def rate(
    events: npt.ArrayLike,
    units: npt.ArrayLike,
    *,
    instances: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    sided: Sided = "two",
) -> Estimate:
    """Share of observations with the event, in [0, 1], with exact limits for clustered data.

    Clopper-Pearson limits at an effective sample size (Korn and Graubard 1998), from the two-way (unit x instance)
    cluster-robust variance. The effective size never exceeds the (Kish) number of units, and is that number where
    there are no events, or only events: such data say nothing about clustering, so the observations of a unit count
    as one. Variation between instances cannot be seen there either, and the note says so. Duplicating every
    observation under its unit changes nothing.

    Parameters
    ----------
    events : array of bool or 0/1, shape (n,)
    units : array, shape (n,)
        Patient, lesion or image.
    instances : array, shape (n,), optional
        Artefact instance (cut-out).
    confidence, sided
        See `Estimate`.

    Raises
    ------
    ValueError
        For events other than 0 and 1, shapes that differ, or an invalid confidence.
    """
    happened = binary(events)
    clusters = clusters_of(units, instances, len(happened))
    tail = tail_of(confidence, sided)
    if not len(happened):
        return Estimate(value=None, confidence=confidence, sided=sided, n_events=0, note="no observations")
    limits = rate_limits(happened, clusters, tail)
    n_events = int(happened.sum())
    unseen = clusters.resamples_instances and n_events in (0, len(happened))
    return Estimate(
        value=limits.value,
        low=limits.low,
        high=limits.high,
        confidence=confidence,
        sided=sided,
        n=len(happened),
        n_units=clusters.n_units,
        n_instances=clusters.n_instances,
        n_events=n_events,
        method=METHOD,
        note=scope_note(clusters, "no difference between instances seen" if unseen else ""),
    )


def binary(events: npt.ArrayLike) -> FloatArray:
    """Events as 0.0 and 1.0.

    Raises
    ------
    ValueError
        For anything else than 0 and 1.
    """
    array = np.asarray(events, dtype=np.float64)
    if array.ndim != 1 or not np.isin(array, (0.0, 1.0)).all():
        raise ValueError("events must be a vector of 0 and 1 (or False and True)")
    return array


def rate_limits(happened: FloatArray, clusters: Clusters, tail: float) -> RateLimits:
    """Exact limits of one rate at the effective sample size; `tail` is the probability outside each."""
    value = float(happened.mean())
    n_effective = _effective_size(happened, value, clusters, tail)
    low, high = clopper_pearson(value * n_effective, n_effective, tail)
    return RateLimits(value, low, high, n_effective)


def _effective_size(happened: FloatArray, value: float, clusters: Clusters, tail: float) -> float:
    most = effective_units(clusters)
    if value in (0.0, 1.0):
        return most
    spread = spread_of_sum(((happened - value) / len(happened))[:, None], clusters)
    variance, df = float(spread.variance[0]), float(spread.df[0])
    if variance == 0:
        return most
    known = t_quantile(tail, clusters.n_units - 1) if clusters.n_units > 1 else t_quantile(tail, df)
    shrunk = value * (1 - value) / variance * float(known / t_quantile(tail, df)) ** 2
    return min(1 + shrunk, most)


def clopper_pearson(n_events: float, n: float, tail: float) -> tuple[float, float]:
    """Exact binomial limits (Clopper and Pearson 1934), continued to fractional counts."""
    low = 0.0 if n_events <= 0 else float(special.betaincinv(n_events, n - n_events + 1, tail))
    high = 1.0 if n_events >= n else float(special.betaincinv(n_events + 1, n - n_events, 1 - tail))
    return low, high
