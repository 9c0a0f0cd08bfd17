"""From one heatmap to boxes: the paper's crop, and the tight box that shows where the relevance lies."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from auditlens.stages.evidence import Floats

SMOOTHING = 3.2 / 224
"""Width of the Gaussian as a share of the input's side: what zennit-crp's kernel of 19 is at 224 pixels."""

FOCUS_MASS = 0.8
FOCUS_GRID = 24
SMALLEST_SIDE = 1 / 8
"""Of the image's shorter side: the least that a crop shows."""


def smooth(heatmap: Floats) -> NDArray[np.float64]:
    """Take the positive part of a heatmap (H, W) and smooth it lightly, so that single pixels do not set the scale."""
    positive = np.clip(np.asarray(heatmap, float), 0, None)
    return np.asarray(gaussian_filter(positive, SMOOTHING * min(positive.shape), mode="constant"))


def threshold_box(heatmap: Floats, threshold: float) -> NDArray[np.float64] | None:
    """Bounding box of all positions that have at least `threshold` of the highest value (paper, 3.1).

    Returns
    -------
    float array (4,) or None
        Left, top, right, bottom in positions of the heatmap, the latter two exclusive; None where nothing is positive.
    """
    highest = heatmap.max(initial=0.0)
    if not highest > 0:
        return None
    kept = heatmap >= max(threshold * highest, np.finfo(float).tiny)
    rows, columns = np.flatnonzero(kept.any(axis=1)), np.flatnonzero(kept.any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], float)


def focus_box(heatmap: Floats, mass: float = FOCUS_MASS) -> NDArray[np.float64] | None:
    """Smallest box that holds `mass` of the heatmap, on a grid of at most 24 x 24 cells; for display.

    Returns
    -------
    float array (4,) or None
        As `threshold_box`. Of equally small boxes, the one that holds most.
    """
    total = heatmap.sum()
    if not total > 0:
        return None
    cells, x_edges, y_edges = _cells(heatmap)
    (top, bottom), (left, right) = _all_spans(len(y_edges) - 1), _all_spans(len(x_edges) - 1)
    sums = np.zeros((len(y_edges), len(x_edges)))
    sums[1:, 1:] = cells.cumsum(0).cumsum(1)
    rows = (sums[bottom] - sums[top]).T
    inside = rows[right] - rows[left]
    area = np.multiply.outer(x_edges[right] - x_edges[left], y_edges[bottom] - y_edges[top])
    enough = inside >= mass * total * (1 - 1e-9)
    smallest = enough & (area == area[enough].min())
    across, down = np.unravel_index(np.where(smallest, inside, -np.inf).argmax(), area.shape)
    return np.array([x_edges[left[across]], y_edges[top[down]], x_edges[right[across]], y_edges[bottom[down]]], float)


def widen(box: NDArray[np.int64], size: tuple[int, int]) -> NDArray[np.int64]:
    """Grow a box of pixels around its centre to the smallest side that a crop has, and move it into the image."""
    least = np.ceil(SMALLEST_SIDE * min(size))
    widened = np.empty(4, np.int64)
    for axis in (0, 1):
        length = min(max(box[axis + 2] - box[axis], least), size[axis])
        start = np.floor((box[axis] + box[axis + 2] - length) / 2)
        widened[axis] = np.clip(start, 0, size[axis] - length)
        widened[axis + 2] = widened[axis] + length
    return widened


def _cells(heatmap: Floats) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Sum the heatmap over the cells of a grid; also the cells' edges."""
    rows, columns = (min(FOCUS_GRID, length) for length in heatmap.shape)
    y_edges = np.linspace(0, heatmap.shape[0], rows + 1).round().astype(np.int64)
    x_edges = np.linspace(0, heatmap.shape[1], columns + 1).round().astype(np.int64)
    sums = np.add.reduceat(np.add.reduceat(heatmap, y_edges[:-1], axis=0), x_edges[:-1], axis=1)
    return np.asarray(sums, float), x_edges, y_edges


@cache
def _all_spans(n_cells: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First edge and last edge of every run of cells along one axis."""
    first, last = np.triu_indices(n_cells + 1, 1)
    return first, last
