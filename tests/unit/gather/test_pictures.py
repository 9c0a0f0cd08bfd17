"""Pictures of the report: small, deterministic, with names that are safe in a path."""

import io

import numpy as np
import pytest
from PIL import Image

from auditlens.gather.pictures import SIDE, _safe, jpeg

PIXELS = np.random.default_rng(0).integers(0, 256, (300, 500, 3), dtype=np.uint8)


def test_equal_pixels_give_equal_bytes():
    assert jpeg(PIXELS) == jpeg(PIXELS.copy())
    assert jpeg(PIXELS) != jpeg(PIXELS[::-1])


def test_the_longest_side_is_bounded_and_the_shape_kept():
    with Image.open(io.BytesIO(jpeg(PIXELS))) as image:
        assert image.format == "JPEG"
        assert image.size == (SIDE, round(SIDE * 300 / 500))
    with Image.open(io.BytesIO(jpeg(PIXELS[:10, :20]))) as image:
        assert image.size == (20, 10)


@pytest.mark.parametrize(("name", "safe"), [("layer4.1", "layer4.1"), ("a/b c", "a_b_c"), ("..", "..")])
def test_names_are_safe_in_a_path(name, safe):
    assert _safe(name) == safe
