import colorsys

import numpy as np
import pytest

from auditlens.challenge.colours import HueSource, TintSource, hue_turned, tinted
from auditlens.spec.artefacts import HueShift, Tint

RED_SKIN = (231, 128, 151)


@pytest.fixture
def all_kinds_of_pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (64, 48, 3), dtype=np.uint8)


def test_tint_is_the_formula_of_the_paper(all_kinds_of_pixels):
    after = tinted(all_kinds_of_pixels, RED_SKIN, 0.3)
    expected = np.rint(all_kinds_of_pixels * 0.7 + np.array(RED_SKIN) * 0.3)
    assert np.abs(after - expected).max() <= 1  # a tie may round either way
    assert (after == expected).mean() > 0.999


def test_tint_of_strength_zero_and_one(all_kinds_of_pixels):
    assert np.array_equal(tinted(all_kinds_of_pixels, RED_SKIN, 0.0), all_kinds_of_pixels)
    assert (tinted(all_kinds_of_pixels, RED_SKIN, 1.0) == RED_SKIN).all()


@pytest.mark.parametrize("degrees", [0.0, 360.0, -360.0])
def test_a_whole_turn_changes_no_pixel(all_kinds_of_pixels, degrees):
    assert np.array_equal(hue_turned(all_kinds_of_pixels, degrees), all_kinds_of_pixels)


@pytest.mark.parametrize("degrees", [-75.0, -10.0, 33.0, 120.0, 181.0])
def test_hue_agrees_with_the_standard_library(all_kinds_of_pixels, degrees):
    after = hue_turned(all_kinds_of_pixels, degrees)
    for before, turned in zip(all_kinds_of_pixels.reshape(-1, 3)[:300], after.reshape(-1, 3)[:300], strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*(before / 255))
        expected = np.array(colorsys.hsv_to_rgb((hue + degrees / 360) % 1.0, saturation, value)) * 255
        assert np.abs(turned - expected).max() <= 0.51


def test_120_degrees_turn_red_into_green():
    red = np.full((2, 2, 3), (200, 10, 10), dtype=np.uint8)
    assert (hue_turned(red, 120.0) == (10, 200, 10)).all()


def test_grey_has_no_hue():
    grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    assert np.array_equal(hue_turned(grey, 77.0), grey)


def test_sources_draw_within_the_ranges(image):
    tint = TintSource(Tint(kind="tint", colour=RED_SKIN, strength=(0.3, 0.3)))
    rendering = tint.render(image, 0, np.random.default_rng(0), None)
    assert np.array_equal(rendering.inserted, tinted(image, RED_SKIN, 0.3))
    assert rendering.full_field
    assert tint.n_instances == len(tint.names) == 1
    hue = HueSource(HueShift(kind="hue_shift", degrees=(20.0, 20.0), opacity=(0.5, 0.5)))
    assert np.array_equal(hue.render(image, 0, np.random.default_rng(0), None).inserted, hue_turned(image, 10.0))
