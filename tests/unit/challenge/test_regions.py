"""The region that holds what the model looks at."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from auditlens.challenge.placement import centre_ellipse
from auditlens.challenge.regions import MASS, focus_region
from auditlens.challenge.trials import avoided


@given(arrays(np.float32, (8, 8), elements=st.floats(0, 1, width=32)), st.floats(0.05, 0.95))
def test_it_is_the_smallest_that_holds_the_share(focus, mass):
    region = focus_region(focus, (8, 8), mass)
    if not focus.sum() > 0:
        assert region is None
        return
    total = focus.sum(dtype=float)
    assert focus[region].sum(dtype=float) >= mass * total * (1 - 1e-6)
    lowest = focus[region].min()
    assert focus[focus > lowest].sum(dtype=float) < mass * total + 1e-6 * total
    assert not region.all() or mass * total > focus[focus > focus.min()].sum(dtype=float) - 1e-6


def test_it_is_drawn_at_the_size_of_the_image():
    focus = np.zeros((64, 64), np.float32)
    focus[16:32, 32:48] = 1
    region = focus_region(focus, (128, 256))
    assert region.shape == (128, 256)
    rows, columns = np.nonzero(region)
    assert (rows.min(), rows.max()) == pytest.approx((32, 63), abs=1)
    assert (columns.min(), columns.max()) == pytest.approx((128, 191), abs=2)
    assert region.mean() == pytest.approx(1 / 16 * MASS, rel=0.3)


def test_a_mask_comes_first_then_the_relevance_then_the_centre(make_index, tmp_path):
    sample = make_index(1).samples[0]
    focus = np.zeros((64, 64), np.float32)
    focus[:8] = 1
    centre = centre_ellipse(48, 48)
    assert np.array_equal(avoided(sample, "relevance", (48, 48)), centre)
    looked_at = replace(sample, focus=focus)
    assert np.array_equal(avoided(looked_at, "relevance", (48, 48)), focus_region(focus, (48, 48)))
    assert np.array_equal(avoided(looked_at, "lesion_mask", (48, 48)), centre)
    assert np.array_equal(avoided(replace(sample, focus=focus * 0), "relevance", (48, 48)), centre)
    path = tmp_path / "mask.png"
    mask = np.zeros((48, 48), np.uint8)
    mask[40:] = 255
    Image.fromarray(mask).save(path)
    assert np.array_equal(avoided(replace(looked_at, mask=path), "relevance", (48, 48)), mask > 0)
