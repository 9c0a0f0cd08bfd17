import numpy as np
import pytest

from auditlens.challenge.draws import between, stream
from auditlens.challenge.instances import BUILDERS, load_artefact
from auditlens.challenge.rendering import Layer, as_grey, bounding_box, compose, energy, is_grey
from auditlens.errors import ArtefactError
from auditlens.spec.artefacts import Rendered

GREY = np.full((10, 12, 3), 100, dtype=np.uint8)
HALF = np.full((4, 4), 0.5, dtype=np.float32)
RED = np.array([200, 0, 0], dtype=np.float32)


def test_the_three_blends():
    assert (compose(GREY, [Layer(0, 0, HALF, RED)]).inserted[0, 0] == (150, 50, 50)).all()
    dark = np.array([127.5, 255, 0], dtype=np.float32)
    assert (compose(GREY, [Layer(0, 0, HALF, dark, "multiply")]).inserted[0, 0] == (75, 100, 50)).all()
    plus = np.full((4, 4, 3), (-120, 30, 200), dtype=np.float32)
    assert (compose(GREY, [Layer(0, 0, HALF, plus, "add")]).inserted[0, 0] == (0, 130, 255)).all()


def test_opacity_scales_each_blend():
    assert (compose(GREY, [Layer(0, 0, HALF, RED)], 0.5).inserted[0, 0] == (125, 75, 75)).all()
    plus = np.full((4, 4, 3), 40, dtype=np.float32)
    assert (compose(GREY, [Layer(0, 0, HALF, plus, "add")], 0.5).inserted[0, 0] == 120).all()


@pytest.mark.parametrize(("left", "top", "n"), [(-2, -2, 4), (10, 8, 4), (-9, 0, 0), (0, 10, 0), (3, 3, 16)])
def test_layers_are_cut_at_the_borders(left, top, n):
    rendering = compose(GREY, [Layer(left, top, HALF, RED)])
    assert (rendering.alpha > 0).sum() == n
    assert (rendering.inserted != GREY).any(axis=2).sum() == n


def test_covers_add_up():
    rendering = compose(GREY, [Layer(0, 0, HALF, RED), Layer(0, 0, HALF, RED)])
    assert rendering.alpha[0, 0] == pytest.approx(0.75)


def test_box_and_energy():
    mask = np.zeros((10, 12), dtype=bool)
    assert bounding_box(mask) == (0, 0, 0, 0)
    mask[2:5, 3:9] = True
    assert bounding_box(mask) == (3, 2, 9, 5)
    after = GREY.copy()
    after[0, 0] = (110, 97, 100)
    assert energy(GREY, after) == 109.0


def test_streams_are_named_by_all_their_parts():
    draws = [stream(*parts).random() for parts in (("a", 1), ("a", 1), ("a", 2), ("a1",), (1, "a"))]
    assert draws[0] == draws[1]
    assert len(set(draws)) == 4
    assert stream("auditlens", 0).integers(1 << 30) == 689137788


def test_ranges_may_be_a_single_value():
    assert between(np.random.default_rng(0), (0.3, 0.3)) == 0.3


def test_every_kind_of_the_spec_has_a_builder():
    from typing import get_args

    from auditlens.spec.artefacts import Artefact

    kinds = {
        kind for form in get_args(get_args(Artefact)[0]) for kind in get_args(form.model_fields["kind"].annotation)
    }
    assert kinds - set(BUILDERS) == {"transplant"}  # made from the inside of the model: gather.transplants


def test_grey_is_kept_and_colours_become_their_luma():
    assert is_grey(GREY)
    assert np.array_equal(as_grey(GREY), GREY)
    coloured = GREY.copy()
    coloured[0, 0] = (255, 0, 0)
    assert not is_grey(coloured)
    assert (as_grey(coloured)[0, 0] == 76).all()
    every_grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    assert np.array_equal(as_grey(every_grey), every_grey)


def test_an_unknown_kind_is_named(tmp_path):
    wrong = Rendered(kind="ruler").model_copy(update={"kind": "rulr"})
    with pytest.raises(ArtefactError, match=r"'rulr'.*did you mean 'ruler'"):
        load_artefact(wrong, tmp_path, 0)
