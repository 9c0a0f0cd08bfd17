"""Soft masks against their definition written slowly, and what a transplant does to an image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditlens.challenge.sham import make_sham
from auditlens.challenge.transplants import (
    CORE,
    LARGEST_SIDE,
    Example,
    TransplantSource,
    kept_size,
    make_example,
    soft_mask,
)
from auditlens.spec.artefacts import Transplant


def slow_mask(heat, blur, power):
    """F.2.3 in words: blur with a truncated Gaussian kernel, power, divide by the highest value."""
    radius, (height, width) = (blur - 1) // 2, heat.shape
    sigma = 0.3 * ((blur - 1) / 2 - 1) + 0.8
    kernel = [np.exp(-0.5 * (step / sigma) ** 2) for step in range(-radius, radius + 1)]
    total = sum(kernel)

    def mirrored(place, side):
        period = 2 * (side - 1)
        place = place % period
        return place if place < side else period - place

    soft = np.zeros(heat.shape)
    for row in range(height):
        for column in range(width):
            for i, down in enumerate(kernel):
                source = mirrored(row + i - radius, height)
                line = heat[source]
                across = sum(weight * line[mirrored(column + j - radius, width)] for j, weight in enumerate(kernel))
                soft[row, column] += down * across / total**2
    lifted = soft**power
    return lifted / lifted.max()


@pytest.mark.parametrize(("blur", "power"), [(41, 0.6), (9, 1.0), (3, 2.0)])
def test_the_mask_is_that_of_the_definition(blur, power, monkeypatch):
    monkeypatch.setattr("auditlens.challenge.transplants.REFERENCE_SIDE", 24)  # so that the kernel is used as it is
    heat = np.maximum(np.random.default_rng(0).normal(size=(24, 30)), 0)
    assert soft_mask(heat, blur, power) == pytest.approx(slow_mask(heat, blur, power), abs=1e-5)


def test_the_blur_grows_with_the_image():
    heat = np.zeros((56, 56))
    heat[20:30, 24:34] = 1
    small = soft_mask(heat, 41, 0.6)
    large = soft_mask(np.kron(heat, np.ones((4, 4))), 41, 0.6)
    assert large[2::4, 2::4] == pytest.approx(small, abs=0.12)


def test_a_kernel_of_one_does_not_blur():
    heat = np.random.default_rng(1).random((20, 20))
    assert soft_mask(heat, 1, 1.0) == pytest.approx(heat / heat.max())


def test_an_empty_map_gives_an_empty_mask_and_no_instance():
    artefact = Transplant(kind="transplant", column="ruler")
    assert not soft_mask(np.zeros((30, 30)), 41, 0.6).any()
    assert make_example("a", np.zeros((30, 30, 3), np.uint8), np.zeros((30, 30)), artefact) is None


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 3.0))
def test_masks_lie_between_0_and_1_and_ignore_the_scale(seed, power):
    heat = np.random.default_rng(seed).random((12, 15))
    mask = soft_mask(heat, 5, power)
    assert mask.min() >= 0
    assert mask.max() == pytest.approx(1)
    assert soft_mask(heat * 37.0, 5, power) == pytest.approx(mask, abs=1e-5)


def source(*masks, picture=None, **fields):
    picture = np.full((*masks[0].shape, 3), (200, 20, 20), np.uint8) if picture is None else picture
    examples = tuple(Example(f"example{i}", picture, mask.astype(np.float32)) for i, mask in enumerate(masks))
    return TransplantSource(Transplant(kind="transplant", column="ruler", **fields), examples)


def test_the_overlay_is_that_of_the_paper():
    rng = np.random.default_rng(0)
    image, picture = (rng.integers(0, 256, (40, 50, 3), dtype=np.uint8) for _ in range(2))
    mask = rng.random((40, 50)).astype(np.float32)
    made = source(mask, picture=picture).render(image, 0, np.random.default_rng(3), None)
    expected = [
        np.rint(image * (1 - m[:, :, None]) + p * m[:, :, None])
        for m, p in ((mask[::a, ::b], picture[::a, ::b].astype(float)) for a in (1, -1) for b in (1, -1))
    ]
    assert min(np.abs(made.inserted - one).max() for one in expected) <= 1


def test_it_is_mirrored_away_from_what_it_must_avoid():
    mask = np.zeros((40, 40))
    mask[:, :10] = 1
    avoid = np.zeros((40, 40), bool)
    avoid[:, :20] = True
    image = np.full((40, 40, 3), 150, np.uint8)
    for seed in range(8):
        made = source(mask).render(image, 0, np.random.default_rng(seed), avoid)
        assert (made.inserted[avoid] == 150).all()
        assert (made.inserted[:, 30:] == (200, 20, 20)).all()


def test_without_anything_to_avoid_all_four_ways_are_drawn():
    mask = np.zeros((40, 40))
    mask[:10, :5] = 1
    image = np.full((40, 40, 3), 150, np.uint8)
    seen = {source(mask).render(image, 0, np.random.default_rng(seed), None).inserted.tobytes() for seed in range(40)}
    assert len(seen) == 4


def test_examples_fit_images_of_any_size():
    image = np.full((90, 120, 3), 150, np.uint8)
    made = source(np.ones((40, 40))).render(image, 0, np.random.default_rng(0), None)
    assert made.inserted.shape == image.shape
    assert (made.inserted == (200, 20, 20)).all()


def test_opacity_is_a_factor_on_the_mask():
    image = np.full((20, 20, 3), 100, np.uint8)
    made = source(np.ones((20, 20)), opacity=(0.5, 0.5)).render(image, 0, np.random.default_rng(0), None)
    assert (made.inserted == (150, 60, 60)).all()


def test_the_sham_lies_at_the_core_of_the_mask():
    mask = np.full((64, 64), 0.2)
    mask[:12] = 1.0
    image = np.full((64, 64, 3), 150, np.uint8)
    made = source(mask).render(image, 0, np.random.default_rng(0), np.zeros((64, 64), bool))
    assert ((made.alpha > 0) == np.isin(np.arange(64), np.flatnonzero((made.alpha > 0).any(1)))[:, None]).all()
    assert (made.alpha > 0).mean() == pytest.approx(12 / 64)
    assert (made.alpha[made.alpha > 0] >= CORE).all()
    sham = make_sham(image, made, np.random.default_rng(0))
    moved = (sham.image != image).any(axis=(1, 2))
    assert moved.sum() < 32


def test_large_examples_are_kept_smaller():
    assert kept_size((6000, 4000)) == (LARGEST_SIDE, round(4000 * LARGEST_SIDE / 6000))
    assert kept_size((300, 200)) == (300, 200)
