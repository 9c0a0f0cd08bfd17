"""Which observations belong together, and the variance that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse, special

from auditlens.stages.findings import Sided

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

MIN_UNITS = 10
"""Fewer units than this are noted as few."""
MIN_UNITS_MEAN = 30
"""The same for means and shares: with skewed data, below this a 95 % interval may cover only 91 %."""
MIN_INSTANCES = 5
"""With fewer artefact instances a result is for these cut-outs, not for the artefact."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """The two ways in which observations are clustered, coded from 0.

    A unit is a patient or lesion (an image where neither is known), an instance is one cut-out of an artefact. Both
    are sampled, and they are crossed: the same cut-out is put into images of many units.
    """

    units: IntArray
    n_units: int
    instances: IntArray | None
    n_instances: int | None

    @property
    def resamples_instances(self) -> bool:
        """Whether there are at least two instances, so that their variation can be seen."""
        return self.n_instances is not None and self.n_instances >= 2


@dataclass(frozen=True, slots=True)
class Spread:
    """Variances of K estimates with their degrees of freedom, and the skewness of their units.

    `skewness` is that of the sum over units (third central moment over the 3/2 power of the second): of the order of
    1 / sqrt(units).
    """

    variance: FloatArray
    df: FloatArray
    skewness: FloatArray


def clusters_of(units: npt.ArrayLike, instances: npt.ArrayLike | None, n: int) -> Clusters:
    """Code units and instances; labels may be of any sortable type.

    Raises
    ------
    ValueError
        Where a label is missing or there is one too many.
    """
    unit_codes, n_units = _coded(units, n, "units")
    if instances is None:
        return Clusters(unit_codes, n_units, None, None)
    instance_codes, n_instances = _coded(instances, n, "instances")
    return Clusters(unit_codes, n_units, instance_codes, n_instances)


def _coded(labels: npt.ArrayLike, n: int, name: str) -> tuple[IntArray, int]:
    array = np.asarray(labels)
    if array.shape != (n,):
        raise ValueError(f"{name} must have shape ({n},), one label per observation, not {array.shape}")
    kinds, codes = np.unique(array, return_inverse=True)
    return codes.astype(np.int64), len(kinds)


def tail_of(confidence: float, sided: Sided) -> float:
    """Probability outside each bound.

    Raises
    ------
    ValueError
        For a confidence outside (0.5, 1) or another `sided` than "one" and "two".
    """
    if not 0.5 < confidence < 1:
        raise ValueError(f"confidence must lie in (0.5, 1), not {confidence}")
    if sided not in ("one", "two"):
        raise ValueError(f'sided must be "one" or "two", not {sided!r}')
    return 1 - confidence if sided == "one" else (1 - confidence) / 2


def sums_by(codes: IntArray, n_groups: int, scores: FloatArray) -> FloatArray:
    """Sums of the rows of `scores` (n, K) within each group: (n_groups, K)."""
    rows = np.arange(len(codes))
    indicator = sparse.csr_array((np.ones(len(codes)), (codes, rows)), shape=(n_groups, len(codes)))
    summed: FloatArray = np.asarray(indicator @ scores)
    return summed


def effective_units(clusters: Clusters) -> float:
    """Kish's number of equally large units: (sum m)^2 / sum m^2, at most the number of units.

    What is left of the sample where all observations of a unit agree; duplicating every observation changes nothing.
    """
    sizes = np.bincount(clusters.units).astype(np.float64)
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def spread_of_sum(influence: FloatArray, clusters: Clusters) -> Spread:
    """Two-way cluster-robust variance of the sum of centred scores.

    Units plus what instances add beyond the cells (Cameron, Gelbach and Miller 2011, with the instance term kept from
    falling below zero), each with G / (G - 1). Degrees of freedom after Satterthwaite, where the noise of the
    instance term is that of the whole sum of squares over instances, not only of what it adds: with few instances
    the simulations (`benchmarks/coverage.py`) need it. A single unit has variance infinity: nothing is known of it.

    Parameters
    ----------
    influence : array (n, K)
        Contribution of each observation to each estimate, minus its expectation; columns sum to about 0.
    """
    by_unit, skewness = _over_units(influence, clusters)
    df = np.full(by_unit.shape, max(clusters.n_units - 1, 1), dtype=np.float64)
    if not clusters.resamples_instances or clusters.instances is None or clusters.n_instances is None:
        return Spread(by_unit, df, skewness)
    codes, n_cells = _cell_codes(clusters.units, clusters.instances, clusters.n_instances)
    by_cell = _inflated((sums_by(codes, n_cells, influence) ** 2).sum(axis=0), n_cells)
    instance_sums = sums_by(clusters.instances, clusters.n_instances, influence)
    by_instance = _inflated((instance_sums**2).sum(axis=0), clusters.n_instances)
    added = np.where(by_instance > by_cell * (1 + 1e-9), by_instance - by_cell, 0.0)
    variance = by_unit + added
    with np.errstate(divide="ignore", invalid="ignore"):
        noise = by_unit**2 / max(clusters.n_units - 1, 1) + by_instance**2 / (clusters.n_instances - 1)
        df = np.where(added > 0, np.maximum(variance**2 / noise, 1.0), df)
        skewness = np.where(variance > 0, skewness * (by_unit / variance) ** 1.5, 0.0)
    return Spread(variance, df, skewness)


def _over_units(influence: FloatArray, clusters: Clusters) -> tuple[FloatArray, FloatArray]:
    """Variance over units alone, and the skewness of their sum."""
    sums = sums_by(clusters.units, clusters.n_units, influence)
    second = (sums**2).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        skewness = np.where(second > 0, (sums**3).sum(axis=0) / second**1.5, 0.0)
    return _inflated(second, clusters.n_units), skewness


def _cell_codes(units: IntArray, instances: IntArray, n_instances: int) -> tuple[IntArray, int]:
    cells, codes = np.unique(units * n_instances + instances, return_inverse=True)
    return codes.astype(np.int64), len(cells)


def _inflated(squares: FloatArray, n_groups: int) -> FloatArray:
    if n_groups < 2:
        return np.full(squares.shape, np.inf)
    return squares * (n_groups / (n_groups - 1))


def t_quantile(tail: float | FloatArray, df: Any) -> FloatArray:
    """Upper quantile of Student's t."""
    value: FloatArray = np.asarray(special.stdtrit(df, 1 - tail), dtype=np.float64)
    return value


def scope_note(clusters: Clusters, *notes: str, fewest: int = MIN_UNITS) -> str:
    """The given notes, with what few units or few instances leave open."""
    said = [note for note in notes if note]
    if clusters.n_units < fewest:
        said.append("few units")
    if clusters.n_instances == 1:
        said.append("for this one instance")
    elif clusters.n_instances is not None and 1 < clusters.n_instances < MIN_INSTANCES:
        said.append("for these cut-outs")
    return "; ".join(said)


@dataclass(frozen=True, slots=True)
class InstanceFactor:
    """The instances of one artefact among some of the observations (the others carry none).

    Attributes
    ----------
    rows : IntArray, (k,)
        The observations that carry the artefact.
    codes : IntArray, (k,)
        Their instance.
    n_instances : int
    cells : IntArray, (k,)
        Their combination of unit and instance.
    n_cells : int
    """

    rows: IntArray
    codes: IntArray
    n_instances: int
    cells: IntArray
    n_cells: int


def instance_factors(
    instances: npt.ArrayLike | None, carries: npt.NDArray[np.bool_], clusters: Clusters
) -> tuple[InstanceFactor, ...]:
    """One factor per column of `instances`, (n,) or (n, K), over the observations that carry the artefact.

    Raises
    ------
    ValueError
        For another number of rows than observations.
    """
    if instances is None or not carries.any():
        return ()
    table = np.asarray(instances)
    if table.shape[:1] != carries.shape or table.ndim > 2:
        raise ValueError(f"instances must have shape ({len(carries)},) or ({len(carries)}, K), not {table.shape}")
    rows = np.flatnonzero(carries)
    found = []
    for column in table.reshape(len(table), -1).T:
        codes, n_instances = _coded(column[rows], len(rows), "instances")
        cells, n_cells = _cell_codes(clusters.units[rows], codes, n_instances)
        found.append(InstanceFactor(rows, codes, n_instances, cells, n_cells))
    return tuple(found)


def spread_by_factors(influence: FloatArray, factors: tuple[InstanceFactor, ...]) -> tuple[float, float]:
    """Variance that instances add to that over units, summed over the factors, and its noise for Satterthwaite.

    As in `spread_of_sum`: the squares over instances minus those over cells, not below zero. A factor with a single
    instance adds nothing: its variation cannot be seen.
    """
    added = noise = 0.0
    for factor in factors:
        if factor.n_instances < 2:
            continue
        own = influence[factor.rows][:, None]
        by_instance = float(
            _inflated((sums_by(factor.codes, factor.n_instances, own) ** 2).sum(axis=0), factor.n_instances)[0]
        )
        by_cell = float(_inflated((sums_by(factor.cells, factor.n_cells, own) ** 2).sum(axis=0), factor.n_cells)[0])
        if by_instance > by_cell * (1 + 1e-9):
            added += by_instance - by_cell
            noise += by_instance**2 / (factor.n_instances - 1)
    return added, noise
