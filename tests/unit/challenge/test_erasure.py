import numpy as np
import pytest

from auditlens.challenge.erasure import MARGIN, can_erase, erase, erased_region

from .scenes import skin


def disc(height, width, radius=0.2):
    rows, columns = np.mgrid[:height, :width]
    return np.hypot((rows + 0.5) / height - 0.5, (columns + 0.5) / width - 0.5) < radius


def test_the_region_is_the_mask_and_a_margin():
    mask = np.zeros((100, 160), dtype=bool)
    mask[50, 80] = True
    region = erased_region(mask)
    reach = MARGIN * 100
    rows, columns = np.mgrid[:100, :160]
    assert np.array_equal(region, np.hypot(rows - 50, columns - 80) <= reach)
    assert not erased_region(np.zeros((20, 20), dtype=bool)).any()


@pytest.mark.parametrize(("mask", "expected"), [("none", False), ("all", False), ("disc", True)])
def test_what_can_be_erased(mask, expected):
    masks = {"none": np.zeros((64, 64), bool), "all": np.ones((64, 64), bool), "disc": disc(64, 64)}
    assert can_erase(erased_region(masks[mask])) is expected


@pytest.mark.parametrize("size", [(128, 128), (97, 141), (33, 20)])
def test_only_the_region_changes_and_the_lesion_is_gone(size):
    image, region = skin(0, *size), erased_region(disc(*size))
    after = erase(image, region, np.random.default_rng(0))
    assert after.shape == image.shape
    assert after.dtype == np.uint8
    assert np.array_equal(after[~region], image[~region])
    lesion, around = disc(*size, 0.12), ~region
    assert image[lesion].mean() < 0.7 * image[around].mean()
    assert after[lesion].mean() == pytest.approx(image[around].mean(), rel=0.08)


def test_a_slope_goes_on_through_the_hole():
    slope = np.broadcast_to(np.linspace(60, 200, 128)[None, :, None], (128, 128, 3)).round().astype(np.uint8)
    image, region = slope.copy(), disc(128, 128)
    image[region] = 0
    assert np.abs(erase(image, region, np.random.default_rng(0)).astype(int) - slope).max() <= 16


def test_the_fill_has_the_grain_of_its_surroundings():
    rng = np.random.default_rng(1)
    image = np.clip(150 + 8 * rng.standard_normal((128, 128, 3)), 0, 255).round().astype(np.uint8)
    region = disc(128, 128)
    after = erase(image, region, np.random.default_rng(0)).astype(float)
    assert after[disc(128, 128, 0.15)].std() == pytest.approx(8, rel=0.25)


def test_nothing_of_the_lesion_comes_through():
    region = disc(128, 128)
    dark, light = skin(2), skin(2)
    dark[region], light[region] = 0, 255
    renders = [erase(image, region, np.random.default_rng(0)) for image in (dark, light)]
    assert np.array_equal(*renders)


def test_a_region_at_the_border_and_grey_images():
    image, region = np.repeat(skin(3)[:, :, :1], 3, axis=2), np.zeros((128, 128), bool)
    region[:40, :70] = True
    after = erase(image, region, np.random.default_rng(0))
    assert (after[:, :, :1] == after).all()
    assert np.array_equal(after, erase(image, region, np.random.default_rng(0)))
