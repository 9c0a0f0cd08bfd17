"""Means of many columns at once, with levels of their own: for lists that are corrected for multiplicity."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import special

from auditlens.findings.statistics.clusters import (
    MIN_UNITS_MEAN,
    Clusters,
    FloatArray,
    Spread,
    clusters_of,
    scope_note,
    spread_of_sum,
)
from auditlens.findings.statistics.means import skewed_reach
from auditlens.stages.estimate import Estimate

METHOD = "two-way cluster-robust t, corrected for skewness (Hall)"


@dataclass(frozen=True, slots=True)
class Means:
    """Means of the columns of a matrix with their two-way cluster-robust spread."""

    values: FloatArray
    n: int
    clusters: Clusters
    spread: Spread
    note: str = ""
    """Said in place of what follows from the number of units."""

    def p_values(self) -> FloatArray:
        """Two-sided p-value of a mean of zero, by column; below alpha exactly where the interval is clear of zero.

        1 for columns of zeros, and where a single unit leaves the variance unknown.
        """
        error, skewness = np.sqrt(self.spread.variance), self.spread.skewness
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(self.values == 0, 0.0, self.values / error)
            transformed = t + skewness * t**2 / 3 + skewness**2 * t**3 / 27 + skewness / 6
        tail = special.stdtr(self.spread.df, -np.abs(np.where(np.isfinite(t), transformed, t)))
        return np.where(self.values == 0, 1.0, np.minimum(2 * tail, 1.0))

    def estimates(self, confidences: npt.ArrayLike = 0.95) -> list[Estimate]:
        """Each mean with its two-sided interval, at one level for all or at a level of its own."""
        levels = np.broadcast_to(np.asarray(confidences, dtype=np.float64), self.values.shape)
        known = self.clusters.n_units > 1
        down, up = skewed_reach(self.spread, (1 - levels) / 2) if known else (levels, levels)
        note = self.note or scope_note(self.clusters, "" if known else "one unit: no interval", fewest=MIN_UNITS_MEAN)
        return [
            Estimate(
                value=float(value),
                low=float(value - below) if known else None,
                high=float(value + above) if known else None,
                confidence=float(level),
                n=self.n,
                n_units=self.clusters.n_units,
                n_instances=self.clusters.n_instances,
                method=METHOD,
                note=note,
                too_few=self.clusters.n_units < MIN_UNITS_MEAN,
            )
            for value, below, above, level in zip(self.values, down, up, levels, strict=True)
        ]


def mean_effects(matrix: npt.ArrayLike, units: npt.ArrayLike, instances: npt.ArrayLike | None = None) -> Means:
    """Mean of each column of paired changes (n, K), clustered by units and, crossed with them, by instances.

    The interval is the one that `mean_effect` falls back on, Student's t put through Hall's (1992) transformation, but
    with no more degrees of freedom than the instances have. The bootstrap would cost seconds per column.

    Raises
    ------
    ValueError
        No observations, values that are not finite, or shapes that differ.
    """
    table = np.asarray(matrix, dtype=np.float64)
    if table.ndim != 2 or not len(table) or not np.isfinite(table).all():
        raise ValueError(
            f"values must be a matrix of finite numbers with rows, not of shape {table.shape} or with gaps"
        )
    clusters = clusters_of(units, instances, len(table))
    means = np.where(np.ptp(table, axis=0) == 0, table[0], table.mean(axis=0))
    return Means(
        means, len(table), clusters, _cautious(spread_of_sum((table - means) / len(table), clusters), clusters)
    )


def _cautious(spread: Spread, clusters: Clusters) -> Spread:
    """Degrees of freedom at most those of the instances.

    Satterthwaite's keep 5 % for a single mean, but not far out in the tails, where a list's levels lie: they are
    themselves estimated, and too large where few instances happen to agree.
    """
    if clusters.n_instances is None or not clusters.resamples_instances:
        return spread
    return replace(spread, df=np.minimum(spread.df, clusters.n_instances - 1))
