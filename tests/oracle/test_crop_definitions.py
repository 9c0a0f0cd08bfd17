"""Boxes by brute force: the paper's crop, the smallest box that holds the mass, and the way back to the image."""

import itertools

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from auditlens.examine.boxes import FOCUS_MASS, SMOOTHING, focus_box, smooth, threshold_box, widen
from auditlens.examine.geometry import input_map
from auditlens.spec.model import Preprocessing
from auditlens.subject.preprocessing import Declared


def heatmaps(n, size=(9, 7)):
    rng = np.random.default_rng(0)
    return [rng.normal(size=size) ** 3 * (rng.random(size) < 0.3) for _ in range(n)]


def box_by_loops(heatmap, threshold):
    """Least and greatest row and column of a position with at least `threshold` of the highest value."""
    highest = max(float(value) for row in heatmap for value in row)
    if highest <= 0:
        return None
    kept = [
        (x, y)
        for y, row in enumerate(heatmap)
        for x, value in enumerate(row)
        if value >= threshold * highest and value > 0
    ]
    columns, rows = [x for x, _ in kept], [y for _, y in kept]
    return [min(columns), min(rows), max(columns) + 1, max(rows) + 1]


@pytest.mark.parametrize("threshold", [0.0, 0.01, 0.3, 1.0])
def test_the_papers_crop(threshold):
    for heatmap in [*heatmaps(20), np.zeros((4, 4)), -np.ones((3, 3))]:
        found, expected = threshold_box(heatmap, threshold), box_by_loops(heatmap, threshold)
        assert (found is None) == (expected is None)
        if expected is not None:
            assert found.tolist() == expected


def test_the_focus_is_the_smallest_of_all_boxes_with_the_mass():
    for heatmap in heatmaps(6):
        positive = np.clip(heatmap, 0, None)
        boxes = [
            (left, top, right, bottom)
            for left, right in itertools.combinations(range(8), 2)
            for top, bottom in itertools.combinations(range(10), 2)
        ]
        held = {box: positive[box[1] : box[3], box[0] : box[2]].sum() for box in boxes}
        enough = [box for box in boxes if held[box] >= FOCUS_MASS * positive.sum() * (1 - 1e-9)]
        best = min(enough, key=lambda box: ((box[2] - box[0]) * (box[3] - box[1]), -held[box]))
        found = tuple(focus_box(positive).astype(int))
        assert (found[2] - found[0]) * (found[3] - found[1]) == (best[2] - best[0]) * (best[3] - best[1])
        assert held[found] == pytest.approx(held[best])


def test_smoothing_is_scipys_gaussian_of_the_positive_part():
    heatmap = heatmaps(1, (40, 60))[0]
    expected = gaussian_filter(np.where(heatmap > 0, heatmap, 0), SMOOTHING * 40, mode="constant")
    np.testing.assert_allclose(smooth(heatmap), expected)


@pytest.mark.parametrize(
    "declared",
    [
        {"mode": "squash", "resize": 24},
        {"mode": "centre_square", "resize": 24},
        {"mode": "shortest", "resize": 30, "crop": 24},
        {"mode": "shortest", "resize": 24},
    ],
    ids=["squash", "centre_square", "shortest and crop", "shortest"],
)
@pytest.mark.parametrize("size", [(48, 48), (72, 48), (50, 90)])
def test_a_position_of_the_input_leads_back_to_the_pixels_that_it_shows(declared, size):
    """The way there by brute force: paint a block of the image, prepare it, and look where the input lights up."""
    fields = Preprocessing(**declared)
    prepare = Declared(fields)
    width, height = size
    for x, y in ((width // 2 - 4, height // 2 - 4), (width // 2 + 6, height // 2 + 2)):
        pixels = np.zeros((height, width, 3), np.uint8)
        pixels[y : y + 6, x : x + 6] = 255
        seen = prepare(Image.fromarray(pixels))[0].numpy()
        rows, columns = np.nonzero(seen > seen.max() / 2)
        box = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], float)
        found = input_map(fields, size, (seen.shape[1], seen.shape[0])).to_pixels(box)
        step = max(width, height) / 24  # one position of the input
        assert np.abs(found - [x, y, x + 6, y + 6]).max() <= step + 1


def test_a_widened_box_is_the_nearest_of_at_least_the_least_side():
    """Of all boxes inside the image with the wanted sides, none lies nearer to the centre of the given one."""
    rng = np.random.default_rng(3)
    for _ in range(200):
        size = tuple(int(side) for side in rng.integers(9, 40, 2))
        left, top = (int(rng.integers(0, side)) for side in size)
        right, bottom = int(rng.integers(left + 1, size[0] + 1)), int(rng.integers(top + 1, size[1] + 1))
        least = int(np.ceil(min(size) / 8))
        found = widen(np.array([left, top, right, bottom]), size)
        for axis, (low, high) in enumerate(((left, right), (top, bottom))):
            length = max(high - low, least)
            starts = range(size[axis] - length + 1)
            gap = min(abs(2 * start + length - low - high) for start in starts)
            assert found[axis + 2] - found[axis] == length
            assert abs(int(found[axis] + found[axis + 2]) - low - high) == gap
            assert found[axis] >= 0 and found[axis + 2] <= size[axis]
