"""How much more an artefact lowers one model's AUROC than another's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from auditlens.findings.statistics.auroc import (
    BoolArray,
    Separation,
    auroc_difference,
    correlation_of,
    scores_of,
    separation_of,
)
from auditlens.findings.statistics.clusters import clusters_of, instance_factors
from auditlens.findings.statistics.square_and_add import square_and_add
from auditlens.stages.findings import Estimate, Sided


def auroc_change_difference(
    scores_a: tuple[npt.ArrayLike, npt.ArrayLike],
    scores_b: tuple[npt.ArrayLike, npt.ArrayLike],
    positives: npt.ArrayLike,
    units: npt.ArrayLike,
    *,
    instances: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    sided: Sided = "two",
) -> Estimate:
    """How much more the AUROC falls from before to after for a than for b, on the same images; in [-2, 2].

    (AUROC(a before) - AUROC(a after)) - (AUROC(b before) - AUROC(b after)): square-and-add from the limits of the two
    falls (`auroc_difference`), with the correlation of their contributions.

    Parameters
    ----------
    scores_a, scores_b : pair of array (n,)
        Before and after.

    Raises
    ------
    ValueError
        For shapes that differ or scores that are not finite.
    """
    falls = [
        auroc_difference(*pair, positives, units, instances=instances, confidence=confidence, sided=sided)
        for pair in (scores_a, scores_b)
    ]
    a, b = (_fall_of(pair, np.asarray(positives, dtype=bool), units) for pair in (scores_a, scores_b))
    limits = [(row.value, row.low, row.high) for row in falls]
    if a is None or b is None:
        return falls[0]
    clusters = clusters_of(units, None, len(a.influence))
    factors = instance_factors(instances, ~np.asarray(positives, dtype=bool), clusters)
    terms = [(float(value or 0.0), float(low or 0.0), float(high or 0.0)) for value, low, high in limits]
    low, high = square_and_add(terms[0], terms[1], correlation_of(a, b, clusters, factors), (-2.0, 2.0))
    found = {"value": terms[0][0] - terms[1][0], "low": low, "high": high}
    return falls[0].model_copy(update=found)


def _fall_of(pair: tuple[npt.ArrayLike, npt.ArrayLike], sides: BoolArray, units: npt.ArrayLike) -> Separation | None:
    """An AUROC's fall with what each observation contributes to it."""
    before, after = (separation_of(scores_of(one), sides, clusters_of(units, None, len(sides)), None) for one in pair)
    if before is None or after is None:
        return None
    return replace(before, value=before.value - after.value, influence=before.influence - after.influence)
