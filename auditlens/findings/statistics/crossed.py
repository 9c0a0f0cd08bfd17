"""Means of paired changes behind which stand instances of several artefacts at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from auditlens.findings.statistics.clusters import Clusters, FloatArray, Spread, clusters_of, spread_of_sum
from auditlens.findings.statistics.many import Means


def crossed_means(matrix: npt.ArrayLike, units: npt.ArrayLike, instances: Sequence[npt.ArrayLike]) -> Means:
    """Mean of each column of paired changes (n, K), clustered by units and by the instances of several artefacts.

    Variance: units, plus what the instances of each artefact add beyond their cells (`spread_of_sum` with one artefact
    at a time; the cells of two artefacts' instances are left to the units, which hold one pair each as a rule). Degrees
    of freedom after Satterthwaite over all terms, at most those of the artefact with the fewest instances: with one
    artefact it is `mean_effects`.

    Parameters
    ----------
    matrix : array (n, K)
    units : array (n,)
    instances : sequence of array (n,)
        One per artefact.

    Raises
    ------
    ValueError
        No observations, values that are not finite, shapes that differ, or no artefact.
    """
    table = np.asarray(matrix, dtype=np.float64)
    if table.ndim != 2 or not len(table) or not np.isfinite(table).all():
        raise ValueError(f"values must be a matrix of finite numbers with rows, not of shape {table.shape}")
    if not instances:
        raise ValueError("name the instances of at least one artefact")
    found = [clusters_of(units, codes, len(table)) for codes in instances]
    means = np.where(np.ptp(table, axis=0) == 0, table[0], table.mean(axis=0))
    spread = _spread((table - means) / len(table), found)
    fewest = min(found, key=lambda clusters: clusters.n_instances or 0)
    return Means(means, len(table), fewest, spread)


def _spread(influence: FloatArray, found: Sequence[Clusters]) -> Spread:
    """Add up what the instances of each artefact add; one unit leaves everything unknown, as in `spread_of_sum`."""
    alone = spread_of_sum(influence, Clusters(found[0].units, found[0].n_units, None, None))
    variance, skewness = alone.variance.copy(), alone.skewness
    if found[0].n_units < 2:
        return alone
    of_units = alone.variance**2 / alone.df
    noise, fewest = of_units.copy(), float(found[0].n_units - 1)
    for clusters in found:
        if clusters.resamples_instances and clusters.n_instances is not None:
            own = spread_of_sum(influence, clusters)
            variance += own.variance - alone.variance
            noise += np.where(own.variance > alone.variance, np.maximum(own.variance**2 / own.df - of_units, 0.0), 0.0)
            fewest = min(fewest, float(clusters.n_instances - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        df = np.where(noise > 0, np.maximum(variance**2 / noise, 1.0), alone.df)
        skewness = np.where(variance > 0, skewness * (alone.variance / variance) ** 1.5, 0.0)
    return Spread(variance, np.minimum(df, fewest), skewness)
