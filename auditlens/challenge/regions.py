"""Where an artefact must not lie because the audited model looks there."""

from __future__ import annotations

import numpy as np
from PIL import Image

from auditlens.challenge.rendering import Mask
from auditlens.stages.evidence import Floats

MASS = 0.8
"""Share of the relevance that the region holds."""


def focus_region(focus: Floats, size: tuple[int, int], mass: float = MASS) -> Mask | None:
    """Mark the smallest region that holds a share of what the model looks at.

    Parameters
    ----------
    focus : (rows, columns)
        Not negative, evenly spread over the image.
    size : tuple of int
        Height and width of the image.
    mass : float
        Between 0 and 1.

    Returns
    -------
    Mask, (height, width), or None
        None where nothing is positive. Found on the map's own cells, highest first; its outline is then drawn at the
        image's size.
    """
    total = float(focus.sum(dtype=np.float64))
    if not total > 0:
        return None
    ordered = np.sort(focus, axis=None)[::-1]
    held = np.cumsum(ordered, dtype=np.float64)
    least = ordered[min(int(np.searchsorted(held, mass * total)), ordered.size - 1)]
    cells = Image.fromarray(np.where(focus >= least, 255, 0).astype(np.uint8))
    region: Mask = np.asarray(cells.resize((size[1], size[0]), Image.Resampling.BILINEAR)) >= 128
    return region
