"""Which components are relevant enough to be looked at."""

from __future__ import annotations

from typing import Literal

import numpy as np

from auditlens.stages.evidence import Floats, Ints, LayerRelevance

HIGHEST_FLOOR = 0.01
ROWS = 1024
FEWEST = 8
"""With `auto`, at least so many are cropped: in a model that spreads its relevance none may reach the floor."""


def floor_for(floor: float | Literal["auto"], n_components: int) -> float:
    """Relevance floor of a layer; `auto` is 1 % or five times the even share, whichever is lower (D.5)."""
    return min(HIGHEST_FLOOR, 5 / n_components) if floor == "auto" else floor


def select_components(relevance: LayerRelevance, floor: float | Literal["auto"], cap: int) -> tuple[Ints, int]:
    """Components to crop: mean share of |relevance| at the floor or above, strongest first, at most `cap`.

    Returns
    -------
    tuple of Ints and int
        The chosen components and how many reached the floor.
    """
    means = mean_magnitude(relevance.relevance)
    order = np.argsort(-means, kind="stable")
    order = order[means[order] > 0]  # what is silent on every image, or silenced, has no concept examples
    above = order[means[order] >= floor_for(floor, means.size)]
    chosen = order[: max(above.size, FEWEST)] if floor == "auto" else above
    return chosen[:cap], int(above.size)


def mean_magnitude(relevance: Floats) -> Floats:
    """Mean over the rows of the magnitudes, (images, components) -> (components,); some rows in memory at a time."""
    sums = [
        np.abs(relevance[start : start + ROWS]).sum(axis=0, dtype=np.float64)
        for start in range(0, len(relevance), ROWS)
    ]
    means: Floats = np.sum(sums, axis=0) / len(relevance)
    return means
