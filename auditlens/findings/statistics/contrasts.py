"""Differences between groups of observations that are not paired."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from auditlens.findings.statistics.clusters import (
    MIN_UNITS_MEAN,
    Clusters,
    FloatArray,
    IntArray,
    Spread,
    clusters_of,
    scope_note,
    spread_of_sum,
    sums_by,
    tail_of,
)
from auditlens.findings.statistics.many import Means
from auditlens.findings.statistics.rates import binary, rate_limits
from auditlens.findings.statistics.square_and_add import square_and_add
from auditlens.stages.estimate import Estimate, Sided

BoolArray = npt.NDArray[np.bool_]
MIN_PER_SIDE = 2
"""Units on a side (of a label) below which its spread cannot be known."""


def difference_within(
    values: npt.ArrayLike,
    inside: npt.ArrayLike,
    units: npt.ArrayLike,
    instances: npt.ArrayLike | None = None,
    *,
    labels: npt.ArrayLike | None = None,
) -> Means | None:
    """Mean over a group of (value minus the mean of the other observations with the same label), in the values' unit.

    A difference of means within labels, weighted as the labels occur inside the group, so that the two sides may have
    other mixes of them; without labels the plain difference of the two means. The variance is that of both sides and of
    the weights (the influence function), over units, which may have observations on both sides, and over instances,
    which the sides share. Labels with fewer than two units outside are left out. The interval is Student's t put
    through Hall's (1992) transformation, with Welch's degrees of freedom over the units of the two sides and no more
    than the instances have. Duplicating every observation under its unit changes nothing.

    Parameters
    ----------
    values : array (n,)
    inside : array of bool (n,)
    units, instances : array (n,)
    labels : array (n,), optional
        Such as the true class.

    Returns
    -------
    Means or None
        Of one column; None where fewer than two units are inside, or no label has two outside.

    Raises
    ------
    ValueError
        For values that are not finite, or shapes that differ.
    """
    numbers, here = _vector(values), np.asarray(inside, dtype=bool)
    strata = np.zeros(len(numbers), dtype=np.int64) if labels is None else np.asarray(labels)
    if not numbers.shape == here.shape == strata.shape:
        raise ValueError(f"inside and labels must have shape {numbers.shape}, not {here.shape} and {strata.shape}")
    all_units = clusters_of(units, None, len(numbers)).units
    used = _comparable(here, strata, all_units)
    numbers, here, strata = numbers[used], here[used], strata[used]
    chosen = None if instances is None else np.asarray(instances)[used]
    clusters = clusters_of(all_units[used], chosen, len(numbers))
    if _n_units(clusters, here) < MIN_PER_SIDE:
        return None
    value, influence = _contrast(numbers, here, strata, clusters)
    smaller = min(_n_units(clusters, here), _n_units(clusters, ~here))
    few = "few units on a side" if smaller < MIN_UNITS_MEAN <= clusters.n_units else ""
    note = scope_note(clusters, few, fewest=MIN_UNITS_MEAN)
    return Means(np.array([value]), len(numbers), clusters, _of_two_sides(influence, here, clusters), note)


def _comparable(here: BoolArray, strata: npt.NDArray[Any], units: IntArray) -> BoolArray:
    """Rows of the labels that have observations inside, and two units outside."""
    used = np.zeros(len(here), dtype=bool)
    for label in np.unique(strata):
        rows = strata == label
        if (here & rows).any() and len(np.unique(units[rows & ~here])) >= MIN_PER_SIDE:
            used |= rows
    return used


def _contrast(
    numbers: FloatArray, here: BoolArray, strata: npt.NDArray[Any], clusters: Clusters
) -> tuple[float, FloatArray]:
    """The difference, and what each observation contributes to it with the small-sample factor of its side."""
    n_inside = int(here.sum())
    deviation, influence = np.zeros(len(numbers)), np.zeros(len(numbers))
    for label in np.unique(strata):
        inside, outside = here & (strata == label), ~here & (strata == label)
        mean = float(numbers[outside].mean())
        deviation[inside] = numbers[inside] - mean
        weight = inside.sum() / n_inside / outside.sum()
        influence[outside] = -weight * (numbers[outside] - mean) * _own_factor(clusters, outside)
    value = float(deviation[here].mean())
    influence[here] = (deviation[here] - value) / n_inside * _own_factor(clusters, here)
    return value, influence


def rate_contrast(
    events: npt.ArrayLike,
    inside: npt.ArrayLike,
    units: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    sided: Sided = "two",
) -> Estimate:
    """Rate inside a group minus rate outside of it, in [-1, 1]: a risk difference of groups that are not paired.

    Square-and-add (Newcombe 1998, method 10) from the exact clustered limits of the two rates. The two are taken as
    uncorrelated, which is exact where every unit is on one side and cautious where units on both sides are alike.
    `n_events` counts the events on both sides.

    Parameters
    ----------
    events : array of bool or 0/1, shape (n,)
    inside : array of bool (n,)
    units : array (n,)
    confidence, sided
        See `Estimate`.

    Raises
    ------
    ValueError
        For events other than 0 and 1, shapes that differ, or an invalid confidence.
    """
    happened, here = binary(events), np.asarray(inside, dtype=bool)
    clusters, tail = clusters_of(units, None, len(happened)), tail_of(confidence, sided)
    if here.shape != happened.shape:
        raise ValueError(f"inside must have shape {happened.shape}, not {here.shape}")
    if not here.any() or here.all():
        return Estimate(value=None, confidence=confidence, sided=sided, note="only one of the two groups has images")
    a, b = (
        rate_limits(happened[side], clusters_of(clusters.units[side], None, int(side.sum())), tail)
        for side in (here, ~here)
    )
    low, high = square_and_add((a.value, a.low, a.high), (b.value, b.low, b.high), 0.0)
    return Estimate(
        value=a.value - b.value,
        low=low,
        high=high,
        confidence=confidence,
        sided=sided,
        n=len(happened),
        n_units=clusters.n_units,
        n_events=int(happened.sum()),
        method="square-and-add of exact limits (Newcombe), effective n",
        note=scope_note(clusters),
    )


def _vector(values: npt.ArrayLike) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise ValueError("values must be a vector of finite numbers")
    return array


def _n_units(clusters: Clusters, rows: BoolArray) -> int:
    return len(np.unique(clusters.units[rows]))


def _own_factor(clusters: Clusters, rows: BoolArray) -> float:
    """Small-sample factor of a side's own units."""
    n_units = _n_units(clusters, rows)
    return float(np.sqrt(n_units / (n_units - 1)))


def _of_two_sides(influence: FloatArray, here: BoolArray, clusters: Clusters) -> Spread:
    """Spread of a difference whose sides carry their own small-sample factors, with Welch's degrees of freedom."""
    shrunk = influence * np.sqrt((clusters.n_units - 1) / clusters.n_units)
    spread = spread_of_sum(shrunk[:, None], clusters)
    parts = [
        (float((sums_by(clusters.units[side], clusters.n_units, influence[side][:, None]) ** 2).sum()), n_units)
        for side in (here, ~here)
        for n_units in (_n_units(clusters, side),)
    ]
    noise = sum(variance**2 / max(n_units - 1, 1) for variance, n_units in parts)
    total = sum(variance for variance, _ in parts)
    welch = total**2 / noise if noise > 0 else float(clusters.n_units - 1)
    most = welch if not clusters.resamples_instances else min(welch, (clusters.n_instances or 2) - 1)
    return replace(spread, df=np.minimum(spread.df, max(most, 1.0)))
