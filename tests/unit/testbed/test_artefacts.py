from pathlib import Path

import numpy as np
import pytest

from auditlens.testbed.artefacts import ARTEFACTS
from auditlens.testbed.foundation_artefacts import FOUNDATION_ARTEFACTS
from auditlens.testbed.scenes import scenes

MOSTLY_UNTOUCHED = ("ruler", "band_aid", "hair", "ink")


@pytest.fixture(scope="module")
def image():
    return next(scenes(n=1, seed=0, artefact_rates={})).image


@pytest.mark.parametrize("name", ARTEFACTS)
def test_a_renderer_keeps_form_and_input_and_repeats_itself(name, image):
    before = image.copy()
    first, again = (ARTEFACTS[name](image, np.random.default_rng(3)) for _ in range(2))
    assert first.shape == image.shape
    assert first.dtype == np.uint8
    assert (image == before).all()
    assert (first == again).all()


@pytest.mark.parametrize("name", ARTEFACTS)
def test_looks_vary(name, image):
    looks = {ARTEFACTS[name](image, np.random.default_rng(k)).tobytes() for k in range(12)}
    assert len(looks) == 12


@pytest.mark.parametrize("name", MOSTLY_UNTOUCHED)
def test_most_of_the_image_stays_as_it_was(name, image):
    for k in range(12):
        changed = (ARTEFACTS[name](image, np.random.default_rng(k)) != image).any(-1).mean()
        assert 0.004 < changed < 0.45


def test_rulers_patches_leave_the_centre_alone(image):
    for k in range(12):
        for name in ("ruler", "band_aid", "dark_corner"):
            changed = ARTEFACTS[name](image, np.random.default_rng(k)) != image
            assert not changed[54:74, 54:74].any()


def test_hair_and_ruler_ticks_darken(image):
    for k in range(6):
        shown = ARTEFACTS["hair"](image, np.random.default_rng(k)).astype(int)
        assert (shown.sum(-1) <= image.astype(int).sum(-1) + 3).all()


def test_ink_is_bluer_and_red_skin_redder(image):
    blue = [ARTEFACTS["ink"](image, np.random.default_rng(k)).astype(int) - image for k in range(6)]
    assert all((d[..., 0].sum() < d[..., 2].sum()) for d in blue)
    red = [ARTEFACTS["red_skin"](image, np.random.default_rng(k)).astype(float) for k in range(6)]
    assert all(r[..., 0].mean() / r[..., 1].mean() > image[..., 0].mean() / image[..., 1].mean() * 1.05 for r in red)


def test_dark_corner_blackens_the_corners(image):
    for k in range(6):
        assert ARTEFACTS["dark_corner"](image, np.random.default_rng(k))[0, 0].max() < 70


@pytest.mark.parametrize("size", [64, 96, 224])
def test_other_sizes_work(size):
    image = next(scenes(n=1, seed=0, artefact_rates={}, image_size=size)).image
    assert all(f(image, np.random.default_rng(0)).shape == image.shape for f in ARTEFACTS.values())


def test_the_foundation_family_is_another_one(image):
    assert set(FOUNDATION_ARTEFACTS) == set(ARTEFACTS)
    assert not {f.__module__ for f in FOUNDATION_ARTEFACTS.values()} & {f.__module__ for f in ARTEFACTS.values()}
    for name, renderer in FOUNDATION_ARTEFACTS.items():
        shown, cover = renderer(image, np.random.default_rng(1))
        assert shown.dtype == np.uint8
        assert cover.shape == image.shape[:2]
        assert 0 <= cover.min() <= cover.max() <= 1
        assert (shown != ARTEFACTS[name](image, np.random.default_rng(1))).any()


def test_the_foundation_renderers_import_nothing_of_the_audited_ones():
    import auditlens.testbed.foundation_artefacts as module

    source = Path(module.__file__).read_text(encoding="utf-8")
    assert "import" in source
    assert "from auditlens" not in source
