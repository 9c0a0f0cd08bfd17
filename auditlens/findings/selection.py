"""Which components are relevant enough to be looked at."""

from __future__ import annotations

import numpy as np

from auditlens.stages.evidence import Ints, LayerRelevance


def select_components(relevance: LayerRelevance, floor: float, cap: int) -> tuple[Ints, int]:
    """Components whose mean share of |relevance| reaches the floor, strongest first, at most `cap`.

    Returns
    -------
    tuple of Ints and int
        The chosen components and how many reached the floor.
    """
    means = np.abs(relevance.relevance).mean(axis=0, dtype=np.float64)
    order = np.argsort(-means, kind="stable")
    above = order[means[order] >= floor]
    return above[:cap], int(above.size)
