"""Means, quantiles and shares with limits for clustered data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from auditlens.findings.statistics.bootstrap import cells_of, studentised_draws_of_each
from auditlens.findings.statistics.clusters import (
    MIN_UNITS_MEAN,
    Clusters,
    FloatArray,
    Spread,
    clusters_of,
    effective_units,
    scope_note,
    spread_of_sum,
    t_quantile,
    tail_of,
)
from auditlens.findings.statistics.smallest import bound_with_zero_events
from auditlens.stages.findings import Estimate, Sided

BOOTSTRAP_INSTANCES = range(15, 101)
"""Numbers of instances that are resampled. With fewer, draws repeat a few of them (93 % coverage at 9); with more, the
bootstrap is slow and adds nothing. The skewness-corrected t interval takes over at both ends."""

Bounds = tuple[float, float] | None


def mean_effect(
    values: npt.ArrayLike,
    units: npt.ArrayLike,
    instances: npt.ArrayLike | None = None,
    *,
    n_draws: int = 10_000,
    seed: int = 0,
    bounds: Bounds = None,
    confidence: float = 0.95,
    sided: Sided = "two",
) -> Estimate:
    """Mean of paired changes, in their unit, with a studentised crossed bootstrap over units and instances.

    With 2 to 14 or over 100 instances, or where too many draws have no spread, a t interval with Hall's (1992)
    correction for skewness and Satterthwaite's degrees of freedom takes its place (`method` says which). A single
    instance is not resampled.

    Parameters
    ----------
    values : array (n,)
        Change of each observation; for an effect beyond the sham, the difference of the two changes.
    units, instances : array (n,)
    n_draws : int
        At least 10,000 for reported numbers; with 0 the t interval takes the bootstrap's place.
    bounds : (float, float), optional
        What the mean cannot leave, such as (-1, 1) for probabilities; the limits are clipped to it. With bounds the
        estimate also says which share of units may change fully, unseen (`Estimate.unseen`).
    confidence, sided
        See `Estimate`.

    Raises
    ------
    ValueError
        For values that are not finite, shapes that differ, or an invalid confidence.
    """
    return mean_effects(
        [values], units, instances, n_draws=n_draws, seed=seed, bounds=[bounds], confidence=confidence, sided=sided
    )[0]


def mean_effects(
    columns: Sequence[npt.ArrayLike],
    units: npt.ArrayLike,
    instances: npt.ArrayLike | None = None,
    *,
    n_draws: int = 10_000,
    seed: int = 0,
    bounds: Sequence[Bounds],
    confidence: float = 0.95,
    sided: Sided = "two",
) -> list[Estimate]:
    """`mean_effect` of several changes of the same observations, with bounds of each: the same draws serve all.

    Raises
    ------
    ValueError
        For values that are not finite, shapes that differ, or an invalid confidence.
    """
    numbers = [_columns(values, 1)[:, 0] for values in columns]
    clusters, tail = clusters_of(units, instances, len(numbers[0])), tail_of(confidence, sided)
    vary = [bool(len(column)) and np.ptp(column) > 0 and clusters.n_units >= 2 for column in numbers]
    centred = [column - float(column.mean()) for column, varies in zip(numbers, vary, strict=True) if varies]
    sides = iter(_reaches(centred, clusters, tail, n_draws, seed))
    return [
        _mean(column, clusters, next(sides) if varies else None, limits, confidence, sided)
        for column, varies, limits in zip(numbers, vary, bounds, strict=True)
    ]


def _mean(
    numbers: FloatArray,
    clusters: Clusters,
    reach: Reach | None,
    bounds: Bounds,
    confidence: float,
    sided: Sided,
) -> Estimate:
    """Put a mean with the limits that were found for it in words; without limits say why there are none."""
    common = _common(clusters, len(numbers), confidence, sided)
    unseen = bound_with_zero_events(clusters.n_units, 1 - tail_of(confidence, sided)) if bounds is not None else 0.0
    common["unseen"] = unseen
    if not len(numbers):
        return Estimate(value=None, note="no observations", **common)
    if np.ptp(numbers) == 0:
        note, same = scope_note(clusters, "no variation", fewest=MIN_UNITS_MEAN), float(numbers[0])
        return Estimate(value=same, low=same, high=same, note=note, **common)
    value = float(numbers.mean())
    if reach is None:
        return Estimate(value=value, note="one unit: no interval", **common)
    low, high = _clipped(value - reach.below, value + reach.above, bounds)
    note = scope_note(clusters, fewest=MIN_UNITS_MEAN)
    return Estimate(value=value, low=low, high=high, method=reach.method, note=note, **common)


def mean_share(
    matrix: npt.ArrayLike,
    units: npt.ArrayLike,
    *,
    bounds: Bounds = (0.0, 1.0),
    confidence: float = 0.95,
    sided: Sided = "two",
) -> list[Estimate]:
    """Mean of each column of a matrix (n, K), such as the share of relevance of K components over n images.

    Cluster-robust t intervals with Hall's (1992) correction for skewness, all columns at once.

    Raises
    ------
    ValueError
        For values that are not finite, shapes that differ, or an invalid confidence.
    """
    table = _columns(matrix, 2)
    clusters, tail = clusters_of(units, None, len(table)), tail_of(confidence, sided)
    common = _common(clusters, len(table), confidence, sided)
    if not len(table):
        return [Estimate(value=None, note="no observations", **common) for _ in range(table.shape[1])]
    means = table.mean(axis=0)
    if clusters.n_units < 2:
        return [Estimate(value=float(mean), note="one unit: no interval", **common) for mean in means]
    constant = np.ptp(table, axis=0) == 0
    means = np.where(constant, table[0], means)
    down, up = skewed_reach(spread_of_sum((table - means) / len(table), clusters), tail)
    note, fixed = (
        scope_note(clusters, fewest=MIN_UNITS_MEAN),
        scope_note(clusters, "no variation", fewest=MIN_UNITS_MEAN),
    )
    estimates = []
    for mean, below, above, same in zip(means, down, up, constant, strict=True):
        low, high = (mean, mean) if same else _clipped(mean - below, mean + above, bounds)
        text = fixed if same else note
        estimates.append(
            Estimate(value=float(mean), low=float(low), high=float(high), method=_T_METHOD, note=text, **common)
        )
    return estimates


def quantile(
    values: npt.ArrayLike,
    units: npt.ArrayLike,
    q: float,
    *,
    bounds: Bounds = None,
    confidence: float = 0.95,
    sided: Sided = "two",
) -> Estimate:
    """The q-quantile of a vector, in its unit; see `quantiles`."""
    column = _columns(values, 1)
    return quantiles(column, units, q, bounds=bounds, confidence=confidence, sided=sided)[0]


def quantiles(
    matrix: npt.ArrayLike,
    units: npt.ArrayLike,
    q: float,
    *,
    bounds: Bounds = None,
    confidence: float = 0.95,
    sided: Sided = "two",
) -> list[Estimate]:
    """The q-quantile of each column of a matrix (n, K), with limits that are observed values.

    Exact (binomial) order-statistic limits at the effective number of units, the design effect taken at the quantile
    (Woodruff 1952, with Korn and Graubard's exact limits). Where so few units lie beyond the quantile that no
    observed value bounds it, the limit is that of `bounds`, or None, and the note says so.

    Raises
    ------
    ValueError
        For q outside (0, 1), values that are not finite, shapes that differ, or an invalid confidence.
    """
    if not 0 < q < 1:
        raise ValueError(f"q must lie in (0, 1), not {q}")
    table = _columns(matrix, 2)
    clusters, tail = clusters_of(units, None, len(table)), tail_of(confidence, sided)
    common = _common(clusters, len(table), confidence, sided, fewest=0)
    if not len(table):
        return [Estimate(value=None, note="no observations", **common) for _ in range(table.shape[1])]
    ordered = np.sort(table, axis=0)
    value = np.quantile(ordered, q, axis=0, method="averaged_inverted_cdf")
    n_effective = _effective_at(table, value, clusters)
    below, above = _order_limits(ordered, n_effective, q, tail)
    bottom, top = bounds if bounds is not None else (None, None)
    open_note = scope_note(clusters, "too few units for a limit on both sides")
    estimates = []
    for centre, low, high in zip(value, below, above, strict=True):
        note = open_note if np.isinf(low) or np.isinf(high) else scope_note(clusters)
        estimates.append(
            Estimate(
                value=float(centre),
                low=bottom if np.isinf(low) else float(low),
                high=top if np.isinf(high) else float(high),
                method="order statistics, effective n (Woodruff)",
                note=note,
                **common,
            )
        )
    return estimates


_T_METHOD = "cluster-robust t, corrected for skewness (Hall)"


def _columns(values: npt.ArrayLike, ndim: int) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != ndim or not np.isfinite(array).all():
        shape = "a vector" if ndim == 1 else "a matrix (observations, columns)"
        raise ValueError(f"values must be {shape} of finite numbers, not of shape {array.shape} or with gaps")
    return array[:, None] if ndim == 1 else array


def _common(
    clusters: Clusters, n: int, confidence: float, sided: Sided, fewest: int = MIN_UNITS_MEAN
) -> dict[str, Any]:
    return {
        "confidence": confidence,
        "sided": sided,
        "n": n,
        "n_units": clusters.n_units,
        "n_instances": clusters.n_instances,
        "too_few": clusters.n_units < fewest,
    }


def _clipped(low: float, high: float, bounds: Bounds) -> tuple[float, float]:
    if bounds is None:
        return float(low), float(high)
    return max(float(low), bounds[0]), min(float(high), bounds[1])


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the limits lie below and above a mean, and how they were found."""

    below: float
    above: float
    method: str


def _reaches(centred: Sequence[FloatArray], clusters: Clusters, tail: float, n_draws: int, seed: int) -> list[Reach]:
    """Limits of each column: by the bootstrap where it can tell, else by the t interval."""
    crossed = clusters.resamples_instances
    drawn = bool(n_draws) and not (crossed and clusters.n_instances not in BOOTSTRAP_INSTANCES)
    cells = [cells_of(column, clusters) for column in centred] if drawn else []
    draws = studentised_draws_of_each(cells, n_draws, seed) or [np.empty(0)] * len(centred)
    return [_reach(column, clusters, tail, found) for column, found in zip(centred, draws, strict=True)]


def _reach(centred: FloatArray, clusters: Clusters, tail: float, draws: FloatArray) -> Reach:
    spread = spread_of_sum((centred / len(centred))[:, None], clusters)
    found = _bootstrap_reach(spread, tail, draws)
    if found is None:
        below, above = skewed_reach(spread, tail)
        return Reach(below[0], above[0], _T_METHOD)
    crossed = " and instances" if clusters.resamples_instances else ""
    return Reach(*found, f"studentised bootstrap over units{crossed}")


def _bootstrap_reach(spread: Spread, tail: float, draws: FloatArray) -> tuple[float, float] | None:
    """How far the limits lie below and above the mean; None where the draws cannot tell."""
    edge = int(np.floor(tail * (len(draws) + 1)))
    if edge < 1:
        return None
    upper, lower = draws[-edge], draws[edge - 1]
    if not (np.isfinite(upper) and np.isfinite(lower)):
        return None
    error = float(np.sqrt(spread.variance[0]))
    return max(float(upper) * error, 0.0), max(float(-lower) * error, 0.0)


def skewed_reach(spread: Spread, tail: float | FloatArray) -> tuple[FloatArray, FloatArray]:
    """Distance of the limits below and above: Student's t put through Hall's inverse cubic transformation."""
    error = np.sqrt(spread.variance)
    quantile_t = t_quantile(tail, spread.df)
    down = error * _hall_inverse(quantile_t, spread.skewness)
    up = -error * _hall_inverse(-quantile_t, spread.skewness)
    return np.maximum(down, 0.0), np.maximum(up, 0.0)


def _hall_inverse(t: FloatArray, skewness: FloatArray) -> FloatArray:
    """Invert g(S) = S + c S^2 / 3 + c^2 S^3 / 27 + c / 6, where c is the skewness of the sum (order n^-1/2)."""
    safe = np.where(np.abs(skewness) > 1e-8, skewness, 1.0)
    inverse = 3 / safe * (np.cbrt(1 + safe * (t - safe / 6)) - 1)
    return np.where(np.abs(skewness) > 1e-8, inverse, t)


def _effective_at(table: FloatArray, value: FloatArray, clusters: Clusters) -> FloatArray:
    """Effective number of units for the share of values up to the quantile, by column."""
    most = effective_units(clusters)
    below = (table <= value).astype(np.float64)
    share = below.mean(axis=0)
    variance = spread_of_sum((below - share) / len(table), clusters).variance
    with np.errstate(divide="ignore", invalid="ignore"):
        size = 1 + share * (1 - share) / variance
    return np.where(np.isfinite(size) & (variance > 0), np.minimum(size, most), most)


def _order_limits(ordered: FloatArray, n_effective: FloatArray, q: float, tail: float) -> tuple[FloatArray, FloatArray]:
    """Values at the shares whose exact limits just reach q; infinite where there is none."""
    n, n_columns = ordered.shape
    columns = np.arange(n_columns)
    low_share = _share_reaching(n_effective, q, tail)
    high_share = 1 - _share_reaching(n_effective, 1 - q, tail)
    slack = 1e-9
    first = np.floor(low_share * n + slack).astype(np.int64)
    last = np.ceil(high_share * n - slack).astype(np.int64) - 1
    low = np.where(low_share >= 0, ordered[np.clip(first, 0, n - 1), columns], -np.inf)
    high = np.where(high_share <= 1, ordered[np.clip(last, 0, n - 1), columns], np.inf)
    return low, high


def _share_reaching(n_effective: FloatArray, q: float, tail: float) -> FloatArray:
    """Largest share x / n whose exact upper limit lies at or below q; -1 where even no event's does not."""
    share = np.full(n_effective.shape, -1.0)
    possible = (1 - q) ** n_effective <= tail
    for size in np.unique(n_effective[possible]):
        few, many = 0.0, float(size) * q
        for _ in range(60):
            middle = (few + many) / 2
            covered = special.betainc(middle + 1, size - middle, q) >= 1 - tail
            few, many = (middle, many) if covered else (few, middle)
        share[n_effective == size] = few / size
    return share
