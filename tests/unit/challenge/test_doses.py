"""One level of a dose: only the dose differs."""

from typing import get_args

import numpy as np
import pytest

from auditlens.challenge.doses import demand_doses, dosed
from auditlens.challenge.draws import stream
from auditlens.challenge.instances import BUILDERS, load_artefact
from auditlens.challenge.placement import SIDES, place
from auditlens.challenge.rendering import bounding_box, changed, energy
from auditlens.challenge.sham import make_sham
from auditlens.errors import ArtefactError
from auditlens.spec.doses import Dimension, refusal

from .scenes import artefact_of, skin

NEED = {"tint": {"colour": (231, 128, 151)}, "hue_shift": {"degrees": (20.0, 30.0)}}
FROM_FILES = {"overlay", "cutout", "background", "python", "colour_profile"}
KINDS = [kind for kind in BUILDERS if kind not in FROM_FILES]
LEVELS = {"scale": (0.6, 1.4), "opacity": (0.3, 0.9), "count": (1, 3), "position": (0.0, 1.0)}


def render(source, image, instance=0, seed=0):
    return source.render(image, instance, stream("dose", seed), None)


def build(kind, tmp_path):
    return load_artefact(artefact_of(kind, **NEED.get(kind, {})), tmp_path, 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dimension", get_args(Dimension))
def test_every_dose_that_is_valid_changes_the_picture_and_keeps_the_image_size(kind, dimension, tmp_path):
    if refusal(kind, dimension, None):
        pytest.skip("refused by the spec")
    image, source = skin(0), build(kind, tmp_path)
    low, high = (render(dosed(source, dimension, level), image).inserted for level in LEVELS[dimension])
    assert low.shape == high.shape == image.shape
    assert not np.array_equal(low, high)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not refusal(kind, "opacity", None)])
def test_opacity_changes_nothing_but_the_strength(kind, tmp_path):
    image, source = skin(1), build(kind, tmp_path)
    weak, strong = (render(dosed(source, "opacity", level), image) for level in (0.5, 1.0))
    assert 0 < energy(image, weak.inserted) < energy(image, strong.inserted)
    assert (weak.alpha[strong.alpha > 0.02] > 0).all() and (strong.alpha[weak.alpha > 0.02] > 0).all()
    assert (weak.alpha <= strong.alpha + 1e-6).all()


def test_the_level_stands_in_place_of_what_is_drawn(tmp_path):
    image, source = skin(2), build("band_aid", tmp_path)
    at_one = dosed(source, "scale", 1.0)
    assert at_one.artefact.scale == (1.0, 1.0)
    assert np.array_equal(render(at_one, image).inserted, render(at_one, image).inserted)
    fixed = load_artefact(artefact_of("band_aid", scale=(1.0, 1.0)), tmp_path, 1)
    assert np.array_equal(render(at_one, image).inserted, render(fixed, image).inserted)


def test_one_copy_is_the_single_test_and_fewer_are_the_first_of_more(tmp_path):
    image, source = skin(3), build("band_aid", tmp_path)
    once, twice, four = (render(dosed(source, "count", n), image) for n in (1, 2, 4))
    assert np.array_equal(once.inserted, render(source, image).inserted)
    assert (once.alpha <= twice.alpha + 1e-6).all() and (twice.alpha <= four.alpha + 1e-6).all()
    assert once.alpha.sum() < twice.alpha.sum() < four.alpha.sum()
    second = render(dosed(source, "count", 2), image, instance=5)
    assert not np.array_equal(second.inserted, twice.inserted)


@pytest.mark.parametrize("side", [None, *SIDES])
def test_position_leads_from_touching_the_border_to_the_centre(side):
    alpha, size = np.ones((10, 20), dtype=np.float32), (80, 120)
    distances = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        spot = place(alpha, size, share, stream("way", str(side)), None, side=side)
        distances.append(np.hypot(spot.left + 10 - 60, spot.top + 5 - 40))
        assert 0 <= spot.left <= 100 and 0 <= spot.top <= 70
        if share == 0.0:
            touches = {
                "left": spot.left == 0,
                "right": spot.left == 100,
                "top": spot.top == 0,
                "bottom": spot.top == 70,
            }
            assert touches[side] if side else any(touches.values())
    assert distances[-1] == 0
    assert (np.diff(distances) < 0).all()
    assert distances[2] == pytest.approx(distances[0] / 2, abs=1)


def test_position_sets_aside_what_is_to_be_avoided_and_moves_the_same_artefact(tmp_path):
    image, source = np.full((128, 128, 3), 180, np.uint8), build("logo", tmp_path)
    everything = np.ones((128, 128), dtype=bool)
    areas = []
    for share in (0.0, 0.5, 1.0):
        found = dosed(source, "position", share).render(image, 0, stream("logo"), everything)
        left, top, right, bottom = bounding_box(changed(image, found.inserted))
        areas.append((right - left, bottom - top))
    assert len(set(areas)) == 1
    assert abs((left + right) / 2 - 64) <= 6 and abs((top + bottom) / 2 - 64) <= 6


def test_sizes_of_a_function_that_takes_none_are_refused(tmp_path):
    (tmp_path / "marks.py").write_text(
        "def plain(image, instance, rng, avoid):\n    image[:4, :4] = instance\n    return image\n"
        "def sized(image, instance, rng, avoid, scale):\n    image[: int(8 * scale), :4] = 0\n    return image\n"
    )
    for name, refused in (("plain", True), ("sized", False)):
        fields = {"function": f"marks:{name}", "import_path": str(tmp_path), "dose": {"scale": (0.5, 1.0)}}
        source = load_artefact(artefact_of("python", **fields), tmp_path, 1)
        if refused:
            with pytest.raises(ArtefactError, match="no parameter `scale`"):
                demand_doses(source)
        else:
            demand_doses(source)
            small, large = (render(dosed(source, "scale", level), skin(0)).alpha.sum() for level in (0.5, 1.0))
            assert small < large


@pytest.mark.parametrize(("dimension", "level"), [("scale", 0.5), ("opacity", 0.4), ("count", 3), ("position", 0.5)])
def test_the_sham_of_a_level_has_the_energy_of_that_level(dimension, level, tmp_path):
    image, source = skin(4), build("band_aid", tmp_path)
    shown = render(dosed(source, dimension, level), image)
    assert make_sham(image, shown, stream("sham")).energy_ratio == pytest.approx(1.0, abs=0.05)
