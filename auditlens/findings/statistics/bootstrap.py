"""The crossed bootstrap of a mean, over units and artefact instances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditlens.findings.statistics.clusters import Clusters, FloatArray

CHUNK = 200_000
"""Weights drawn at a time: what stays in the cache."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Sums of centred values and counts by unit and instance; one column where instances are not resampled."""

    sums: FloatArray
    """(units, instances)"""
    counts: FloatArray
    squares: FloatArray
    """Of the cells' sums."""
    n_cells: int


def cells_of(centred: FloatArray, clusters: Clusters) -> Cells:
    """Arrange observations by unit and instance; `centred` has mean 0."""
    columns, width = np.zeros(len(centred), dtype=np.int64), 1
    if clusters.resamples_instances and clusters.instances is not None and clusters.n_instances is not None:
        columns, width = clusters.instances, clusters.n_instances
    codes, size = clusters.units * width + columns, clusters.n_units * width
    shape = (clusters.n_units, width)
    sums = np.bincount(codes, weights=centred, minlength=size).reshape(shape).astype(np.float64)
    counts = np.bincount(codes, minlength=size).reshape(shape).astype(np.float64)
    return Cells(sums, counts, sums**2, int((counts > 0).sum()))


def studentised_draws(cells: Cells, n_draws: int, seed: int) -> FloatArray:
    """Draws of (mean* - mean) / standard error*, sorted; those without an observation are left out.

    Pigeonhole bootstrap (Owen 2007): units and instances are drawn with replacement, independently, and an
    observation weighs the product of both counts. Each draw carries its own two-way standard error, of the same form
    as the sample's (`spread_of_sum`), which is what corrects the bootstrap's excess variance. A draw without any
    spread counts as infinitely far out, to the side where its mean lies.
    """
    return studentised_draws_of_each([cells], n_draws, seed)[0]


def studentised_draws_of_each(columns: Sequence[Cells], n_draws: int, seed: int) -> list[FloatArray]:
    """The same for several columns of values of the same observations, whose draws are made once."""
    if not columns:
        return []
    rng = np.random.default_rng(seed)
    counts = columns[0].counts
    n_units, n_instances = counts.shape
    step = max(1, CHUNK // max(n_units, n_instances))
    parts: list[list[FloatArray]] = [[] for _ in columns]
    for start in range(0, n_draws, step):
        size = min(step, n_draws - start)
        by_unit = _draw_counts(rng, size, n_units)
        drawn = _drawn(counts, by_unit, _draw_counts(rng, size, n_instances)) if n_instances > 1 else None
        for found, cells in zip(parts, columns, strict=True):
            found.append(_one_way(cells, by_unit) if drawn is None else _crossed(cells, drawn))
    return [np.sort(np.concatenate(found)) for found in parts]


def _draw_counts(rng: np.random.Generator, n_draws: int, size: int) -> FloatArray:
    """How often each of `size` things is drawn in `size` draws with replacement: multinomial, (n_draws, size)."""
    picks = rng.integers(size, size=(n_draws, size), dtype=np.int64)
    picks += (np.arange(n_draws) * size)[:, None]
    counts: npt.NDArray[np.intp] = np.bincount(picks.ravel(), minlength=n_draws * size)
    return counts.reshape(n_draws, size).astype(np.float64)


def _one_way(cells: Cells, by_unit: FloatArray) -> FloatArray:
    sums, counts = cells.sums[:, 0], cells.counts[:, 0]
    columns = np.stack([sums, counts, sums**2, sums * counts, counts**2], axis=1)
    total, n, squares, products, sizes = (by_unit @ columns).T
    mean = total / n
    n_units = len(sums)
    variance = (squares - 2 * mean * products + mean**2 * sizes) / n**2 * n_units / (n_units - 1)
    return _ratios(mean, variance, squares / n**2)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Counts of some draws by unit and instance, and what they alone say of the sizes; (draws, ...) each."""

    by_unit: FloatArray
    by_instance: FloatArray
    unit_sizes: FloatArray
    """Observations of each unit among the drawn instances."""
    n: FloatArray
    instance_sizes: FloatArray
    cell_sizes: FloatArray
    """Squares of the cells' counts, summed over the drawn units, by instance."""


def _drawn(counts: FloatArray, by_unit: FloatArray, by_instance: FloatArray) -> Drawn:
    """Look at the sizes of draws; those without an observation are left out."""
    unit_sizes = by_instance @ counts.T
    n = np.einsum("du,du->d", by_unit, unit_sizes)
    kept = n > 0
    if not kept.all():
        by_unit, by_instance, unit_sizes, n = by_unit[kept], by_instance[kept], unit_sizes[kept], n[kept]
    return Drawn(by_unit, by_instance, unit_sizes, n, by_unit @ counts, by_unit @ counts**2)


def _crossed(cells: Cells, drawn: Drawn) -> FloatArray:
    n_units, n_instances = cells.sums.shape
    by_unit, by_instance, n = drawn.by_unit, drawn.by_instance, drawn.n
    unit_sums = by_instance @ cells.sums.T
    mean = np.einsum("du,du->d", by_unit, unit_sums) / n
    unit_sums -= mean[:, None] * drawn.unit_sizes
    over_units = np.einsum("du,du->d", by_unit, unit_sums**2) * n_units / (n_units - 1)
    instance_sums = by_unit @ cells.sums - mean[:, None] * drawn.instance_sizes
    over_instances = np.einsum("di,di->d", by_instance, instance_sums**2)
    cell_squares = (
        by_unit @ cells.squares
        - 2 * mean[:, None] * (by_unit @ (cells.sums * cells.counts))
        + mean[:, None] ** 2 * drawn.cell_sizes
    )
    over_cells = np.einsum("di,di->d", by_instance, cell_squares) * cells.n_cells / (cells.n_cells - 1)
    added = np.maximum(over_instances * n_instances / (n_instances - 1) - over_cells, 0.0)
    return _ratios(mean, (over_units + added) / n**2, over_units / n**2)


def _ratios(mean: FloatArray, variance: FloatArray, scale: FloatArray) -> FloatArray:
    """Each mean over its standard error; a variance below rounding error of `scale` counts as none."""
    none = variance <= 1e-12 * np.maximum(scale, np.finfo(float).tiny)
    error = np.sqrt(np.where(none, 1.0, variance))
    return np.where(none, np.where(mean == 0, 0.0, np.copysign(np.inf, mean)), mean / error)
