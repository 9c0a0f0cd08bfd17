"""Set similarity with its interval, and between the examined layers of one audit (paper, 3.3, eq. 5)."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from auditlens.examine.interpretability import component_embeddings
from auditlens.examine.similarity import best_matches
from auditlens.findings.statistics import mean_effect
from auditlens.stages.evidence import Evidence, Floats
from auditlens.stages.findings import Estimate
from auditlens.stages.labelling import SetSimilarity


def similarity_estimate(source: Floats, target: Floats, *, n_draws: int = 10_000, seed: int = 0) -> Estimate:
    """Estimate S of source in target, with a bootstrap over the source's components.

    The target is held as it is: resampling it would leave components out, and a maximum over fewer is lower. The
    interval says how much S depends on which components stand in the source, not on which images were seen.

    Parameters
    ----------
    source, target : (components, dim)
        Semantic embeddings theta.

    Returns
    -------
    Estimate
        Value None where nothing can be compared.
    """
    matches = best_matches(source, target)
    known = matches[~np.isnan(matches)]
    if not len(known):
        return Estimate(value=None, note="no components to compare")
    found = mean_effect(known, np.arange(len(known)), n_draws=n_draws, seed=seed, bounds=(-1.0, 1.0))
    words = {field: getattr(found, field).replace("units", "components") for field in ("method", "note")}
    return found.model_copy(update=words)


def layer_similarities(evidence: Evidence, *, n_draws: int, seed: int) -> tuple[SetSimilarity, ...]:
    """Compare every ordered pair of examined layers by the crops of the components that were looked at."""
    thetas = {
        layer: component_embeddings(examples.embeddings, examples.weights)
        for layer, examples in evidence.components.items()
        if len(examples.components) and examples.embeddings.shape[-1]
    }
    return tuple(
        SetSimilarity(
            source=source,
            target=target,
            n_source=len(thetas[source]),
            n_target=len(thetas[target]),
            similarity=similarity_estimate(thetas[source], thetas[target], n_draws=n_draws, seed=seed),
        )
        for source, target in permutations(thetas, 2)
    )
