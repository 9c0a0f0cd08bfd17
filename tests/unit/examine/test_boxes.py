from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditlens.examine.boxes import focus_box, smooth, threshold_box, widen


def test_the_box_holds_all_that_reaches_the_threshold():
    heatmap = np.zeros((20, 30))
    heatmap[5, 7], heatmap[9, 20], heatmap[15, 2] = 1.0, 0.01, 0.0099
    assert threshold_box(heatmap, 0.01).tolist() == [7, 5, 21, 10]
    assert threshold_box(heatmap, 0.5).tolist() == [7, 5, 8, 6]
    assert threshold_box(heatmap, 0.0).tolist() == [2, 5, 21, 16]
    assert threshold_box(np.zeros((4, 4)), 0.01) is None
    assert threshold_box(-heatmap, 0.01) is None


def slow_focus(heatmap, mass):
    """All boxes, one by one."""
    best = None
    height, width = heatmap.shape
    for left, right in combinations(range(width + 1), 2):
        for top, bottom in combinations(range(height + 1), 2):
            inside = heatmap[top:bottom, left:right].sum()
            if inside >= mass * heatmap.sum() - 1e-9:
                key = ((right - left) * (bottom - top), -inside)
                best = min(best, (key, (left, top, right, bottom))) if best else (key, (left, top, right, bottom))
    return best[0]


@pytest.mark.parametrize("seed", range(5))
def test_focus_is_the_smallest_box_with_the_mass(seed):
    rng = np.random.default_rng(seed)
    heatmap = rng.random((9, 7)) ** 6
    left, top, right, bottom = focus_box(heatmap, 0.8).astype(int)
    inside = heatmap[top:bottom, left:right].sum()
    area, negative = slow_focus(heatmap, 0.8)
    assert (right - left) * (bottom - top) == area
    assert inside == pytest.approx(-negative)


def test_focus_on_a_large_map_is_near_the_spot():
    heatmap = np.zeros((224, 224))
    heatmap[100:120, 50:90] = 1
    left, top, right, bottom = focus_box(heatmap)
    assert 38 <= left <= 60 and 80 <= right <= 100 and 90 <= top <= 105 and 110 <= bottom <= 130
    assert focus_box(np.zeros((8, 8))) is None


def test_smoothing_keeps_the_positive_part_only():
    heatmap = np.zeros((64, 64))
    heatmap[20, 20], heatmap[40, 40] = 1, -5
    found = smooth(heatmap)
    assert found.argmax() == 20 * 64 + 20 and found[40, 40] < 1e-6
    assert found.sum() == pytest.approx(1, abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 300), st.integers(1, 300))
def test_widened_boxes_contain_the_box_lie_inside_and_are_large_enough(data, width, height):
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    right, bottom = data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height))
    box = np.array([left, top, right, bottom])
    wide = widen(box, (width, height))
    assert (wide[:2] <= box[:2]).all() and (wide[2:] >= box[2:]).all()
    assert (wide[:2] >= 0).all() and (wide[2:] <= [width, height]).all()
    assert (wide[2:] - wide[:2] >= np.ceil(min(width, height) / 8)).all()
