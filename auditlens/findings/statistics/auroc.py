"""The area under the ROC curve with limits for clustered and stratified data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from auditlens.findings.statistics.clusters import (
    Clusters,
    FloatArray,
    InstanceFactor,
    clusters_of,
    instance_factors,
    scope_note,
    spread_by_factors,
    sums_by,
    t_quantile,
    tail_of,
)
from auditlens.findings.statistics.square_and_add import square_and_add
from auditlens.stages.findings import Estimate, Sided

MIN_PER_SIDE = 5
"""Fewer units with positives, or with negatives, than this: the interval is [0, 1]."""

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Separation:
    """An AUROC, what each observation contributes to it, and on how many units of either side it rests."""

    value: float
    influence: FloatArray
    """(n,), with the small-sample factor of its stratum and side; the unit sums' squares add up to the variance."""
    used: BoolArray
    """(n,), observations of strata that have both sides."""
    n_positive_units: int
    n_negative_units: int


def auroc(
    scores: npt.ArrayLike,
    positives: npt.ArrayLike,
    units: npt.ArrayLike,
    *,
    strata: npt.ArrayLike | None = None,
    instances: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    sided: Sided = "two",
) -> Estimate:
    """Chance that a positive scores above a negative (ties half), in [0, 1]; 0.5 is no separation.

    Limits on the logit scale from DeLong's variance (1988) over units (Obuchowski 1997), with Student's t. No lower
    limit lies above the exact one for perfect separation, `tail ** (1 / k)` with k the units of the smaller side
    (k disjoint pairs, all concordant), and no upper limit below its mirror image; at 1.0 and 0.0 that bound is the
    limit. With strata, pairs are formed within a stratum only: the mean of the strata's AUROCs weighted by their
    number of pairs. Duplicating every observation under its unit changes nothing.

    Parameters
    ----------
    scores : array (n,)
        Higher for positives.
    positives : array of bool (n,)
    units : array (n,)
    strata : array (n,), optional
        Such as diagnosis and site; strata without both sides are left out.
    instances : array (n,) or (n, K), optional
        Artefact instance (cut-out) in each negative, a column per artefact where several are in one image; a second
        random factor beside the units. The entries of positives are not read: they carry no artefact.
    confidence, sided
        See `Estimate`.

    Raises
    ------
    ValueError
        For shapes that differ or scores that are not finite.
    """
    values, sides = scores_of(scores), np.asarray(positives, dtype=bool)
    clusters = clusters_of(units, None, len(values))
    factors = instance_factors(instances, ~sides, clusters)
    tail = tail_of(confidence, sided)
    separation = separation_of(values, sides, clusters, strata)
    if separation is None:
        return _without_both_sides(clusters, len(values), confidence, sided)
    low, high = _limits(separation, clusters, factors, tail)
    return Estimate(
        value=separation.value,
        low=low,
        high=high,
        confidence=confidence,
        sided=sided,
        n=int(separation.used.sum()),
        n_units=len(np.unique(clusters.units[separation.used])),
        n_instances=_fewest(factors),
        n_events=int(sides[separation.used].sum()),
        method="logit DeLong over units" + _and_instances(factors) + ("" if strata is None else ", within strata"),
        note=_note(separation, clusters, factors, constant=np.ptp(values) == 0),
    )


def auroc_difference(
    scores_a: npt.ArrayLike,
    scores_b: npt.ArrayLike,
    positives: npt.ArrayLike,
    units: npt.ArrayLike,
    *,
    strata: npt.ArrayLike | None = None,
    instances: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    sided: Sided = "two",
) -> Estimate:
    """AUROC of a minus AUROC of b on the same images, in [-1, 1] (say without and with the artefact).

    Square-and-add (MOVER) from the limits of the two, with the correlation of their contributions; so it is not
    degenerate where both separate perfectly. Positives may have the same scores twice, as where an artefact goes into
    the negatives alone. `instances` as in `auroc`.

    Raises
    ------
    ValueError
        For shapes that differ or scores that are not finite.
    """
    first, second, sides = scores_of(scores_a), scores_of(scores_b), np.asarray(positives, dtype=bool)
    clusters = clusters_of(units, None, len(first))
    factors = instance_factors(instances, ~sides, clusters)
    tail = tail_of(confidence, sided)
    a = separation_of(first, sides, clusters, strata)
    b = separation_of(second, sides, clusters, strata)
    if a is None or b is None:
        return _without_both_sides(clusters, len(first), confidence, sided)
    low, high = square_and_add(
        (a.value, *_limits(a, clusters, factors, tail)),
        (b.value, *_limits(b, clusters, factors, tail)),
        correlation_of(a, b, clusters, factors),
    )
    return Estimate(
        value=a.value - b.value,
        low=low,
        high=high,
        confidence=confidence,
        sided=sided,
        n=int(a.used.sum()),
        n_units=len(np.unique(clusters.units[a.used])),
        n_instances=_fewest(factors),
        n_events=int(sides[a.used].sum()),
        method="paired logit DeLong over units" + _and_instances(factors) + ", square-and-add",
        note=_note(a, clusters, factors, constant=np.ptp(first) == np.ptp(second) == 0),
    )


def separation_of(
    values: FloatArray, sides: BoolArray, clusters: Clusters, strata: npt.ArrayLike | None
) -> Separation | None:
    """AUROC and its contributions; None where no stratum has both sides."""
    if sides.shape != values.shape:
        raise ValueError(f"positives must have shape {values.shape}, not {sides.shape}")
    groups = np.zeros(len(values), dtype=np.int64) if strata is None else clusters_of(strata, None, len(values)).units
    influence, used = np.zeros(len(values)), np.zeros(len(values), dtype=bool)
    total, n_pairs = 0.0, 0
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        pairs = int(sides[rows].sum()) * int((~sides[rows]).sum())
        if pairs:
            above = _placements(values[rows], sides[rows])
            area = float(above[sides[rows]].mean())
            influence[rows] = pairs * _contributions(above - area, sides[rows], clusters.units[rows])
            used[rows] = True
            total, n_pairs = total + pairs * area, n_pairs + pairs
    if not n_pairs:
        return None
    units = clusters.units
    n_positive, n_negative = (len(np.unique(units[used & side])) for side in (sides, ~sides))
    return Separation(total / n_pairs, influence / n_pairs, used, n_positive, n_negative)


def scores_of(scores: npt.ArrayLike) -> FloatArray:
    """Read scores as a vector of finite numbers."""
    array = np.asarray(scores, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise ValueError("scores must be a vector of finite numbers")
    return array


def _placements(values: FloatArray, sides: BoolArray) -> FloatArray:
    """Share of the other side that each observation is ordered rightly with, ties half (DeLong's V10 and V01)."""
    overall: FloatArray = stats.rankdata(values)
    within = np.empty(len(values))
    for side in (sides, ~sides):
        within[side] = stats.rankdata(values[side])
    others_below = overall - within
    n_positive = int(sides.sum())
    n_negative = len(sides) - n_positive
    return np.where(sides, others_below / n_negative, 1 - others_below / n_positive)


def _contributions(centred: FloatArray, sides: BoolArray, units: npt.NDArray[np.int64]) -> FloatArray:
    influence = np.empty(len(centred))
    for side in (sides, ~sides):
        n_groups = len(np.unique(units[side]))
        factor = np.sqrt(n_groups / (n_groups - 1)) if n_groups > 1 else 1.0
        influence[side] = centred[side] / side.sum() * factor
    return influence


def _limits(
    separation: Separation, clusters: Clusters, factors: tuple[InstanceFactor, ...], tail: float
) -> tuple[float, float]:
    smaller = min(separation.n_positive_units, separation.n_negative_units)
    if smaller < MIN_PER_SIDE:
        return 0.0, 1.0
    perfect = tail ** (1 / smaller)
    value = separation.value
    if not 0 < value < 1:
        return (min(perfect, value), 1.0) if value >= 1 else (0.0, max(1 - perfect, value))
    variance, df = _spread(separation.influence, clusters, factors, smaller)
    if not variance:  # nothing varies, as with one score for all: what so few units may hide of others
        return max(value - (1 - perfect), 0.0), min(value + (1 - perfect), 1.0)
    reach = float(t_quantile(tail, df)) * np.sqrt(variance) / (value * (1 - value))
    centre = float(special.logit(value))
    return min(float(special.expit(centre - reach)), perfect), max(float(special.expit(centre + reach)), 1 - perfect)


def _spread(
    influence: FloatArray, clusters: Clusters, factors: tuple[InstanceFactor, ...], smaller: int
) -> tuple[float, float]:
    """Variance over units and, beyond them, over instances; and its degrees of freedom (Satterthwaite)."""
    by_unit = float((sums_by(clusters.units, clusters.n_units, influence[:, None])[:, 0] ** 2).sum())
    added, noise = spread_by_factors(influence, factors)
    if not added:
        return by_unit, smaller - 1
    variance = by_unit + added
    return variance, max(variance**2 / (by_unit**2 / (smaller - 1) + noise), 1.0)


def correlation_of(a: Separation, b: Separation, clusters: Clusters, factors: tuple[InstanceFactor, ...]) -> float:
    """Correlation of the two estimates: over units, plus what instances add to each and to the difference."""
    sums = sums_by(clusters.units, clusters.n_units, np.stack([a.influence, b.influence], axis=1))
    of_a, of_b, of_difference = (
        spread_by_factors(influence, factors)[0] for influence in (a.influence, b.influence, a.influence - b.influence)
    )
    covariance = (sums[:, 0] * sums[:, 1]).sum() + (of_a + of_b - of_difference) / 2
    scale = float(np.sqrt(((sums[:, 0] ** 2).sum() + of_a) * ((sums[:, 1] ** 2).sum() + of_b)))
    return float(np.clip(covariance / scale, -1.0, 1.0)) if scale > 0 else 0.0


def _fewest(factors: tuple[InstanceFactor, ...]) -> int | None:
    return min((factor.n_instances for factor in factors), default=None)


def _and_instances(factors: tuple[InstanceFactor, ...]) -> str:
    return " and instances" if any(factor.n_instances > 1 for factor in factors) else ""


def _note(separation: Separation, clusters: Clusters, factors: tuple[InstanceFactor, ...], *, constant: bool) -> str:
    smaller = min(separation.n_positive_units, separation.n_negative_units)
    if smaller >= MIN_PER_SIDE:
        return scope_note(replace(clusters, n_instances=_fewest(factors)), "no variation" if constant else "")
    side = "positives" if separation.n_positive_units == smaller else "negatives"
    return f"too few {side} ({smaller} units)"


def _without_both_sides(clusters: Clusters, n: int, confidence: float, sided: Sided) -> Estimate:
    return Estimate(
        value=None,
        confidence=confidence,
        sided=sided,
        n=n,
        n_units=clusters.n_units,
        note="no positives and negatives to compare",
    )
