import numpy as np
import pytest

from auditlens.challenge.instances import load_artefact
from auditlens.challenge.rendering import changed
from auditlens.errors import ArtefactError
from auditlens.store.python_objects import load_function, sources_sha256

from .scenes import artefact_of, skin

MODULE = """
import random
import sys
import time

import numpy as np

CALLS = []


def stamp(image, instance, rng, avoid, size=4, colour=(0, 0, 255)):
    top, left = (int(rng.integers(0, n - size)) for n in image.shape[:2])
    image[top : top + size, left : left + size] = colour
    image[top, left] = (instance, 0, 0)
    return image


def with_support(image, instance, rng, avoid):
    after = image.copy()
    after[:5] = 0
    support = np.zeros(image.shape[:2], dtype=bool)
    support[:3] = True
    return after, support


def scaled(image, instance, rng, avoid, scale):
    image[: int(10 * scale)] = 0
    return image


def avoiding(image, instance, rng, avoid):
    image[~avoid] = 7
    avoid[:] = True
    return image


def writes_floats(image, instance, rng, avoid):
    return image / 255.0


def writes_nan(image, instance, rng, avoid):
    return image * np.nan


def too_small(image, instance, rng, avoid):
    return image[1:]


def nothing(image, instance, rng, avoid):
    image[:] = 0


def raising(image, instance, rng, avoid):
    return deeper(image)


def deeper(image):
    raise KeyError("no such stamp")


def leaving(image, instance, rng, avoid):
    sys.exit(3)


def by_time(image, instance, rng, avoid):
    image[0, 0] = (time.perf_counter_ns() // 100 % 256, 0, 0)
    image[0, 1] = (random.randrange(256), 0, 0)
    return image


def remembering(image, instance, rng, avoid):
    CALLS.append(instance)
    image[0, 0] = len(CALLS) % 256
    return image


def fails_later(image, instance, rng, avoid):
    if image.shape[0] == 64:
        raise ValueError("not this size")
    return image


def wide_support(image, instance, rng, avoid):
    return image, np.full(image.shape[:2], 2.0)


def flat_support(image, instance, rng, avoid):
    return image, np.ones(3)


def two(image):
    return image


number = 3
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "my_stamps.py").write_text(MODULE)
    return tmp_path


def load(folder, function, **fields):
    artefact = artefact_of("python", function=f"my_stamps:{function}", import_path=".", **fields)
    return load_artefact(artefact, folder, 0)


def test_the_function_puts_the_artefact_in(folder):
    source = load(folder, "stamp", n_instances=3, arguments={"size": 6, "colour": [1, 2, 3]})
    image = skin(0)
    before = image.copy()
    shown = source.render(image, 2, np.random.default_rng(4), None)
    assert np.array_equal(image, before), "the image itself is untouched"
    places = np.argwhere(changed(image, shown.inserted))
    assert len(places) == 36
    assert tuple(shown.inserted[tuple(places[0])]) == (2, 0, 0), "the instance arrives"
    assert tuple(shown.inserted[tuple(places[1])]) == (1, 2, 3), "and so do the arguments"
    assert np.array_equal(shown.alpha > 0, changed(image, shown.inserted))
    assert source.names == ("stamp 1", "stamp 2", "stamp 3")
    again = source.render(image, 2, np.random.default_rng(4), None)
    assert np.array_equal(shown.inserted, again.inserted)
    assert not np.array_equal(shown.inserted, source.render(image, 2, np.random.default_rng(5), None).inserted)


def test_a_support_is_widened_to_every_change(folder):
    image = np.full((20, 20, 3), 100, dtype=np.uint8)
    shown = load(folder, "with_support").render(image, 0, np.random.default_rng(0), None)
    assert (shown.alpha[:5] == 1).all()
    assert (shown.alpha[5:] == 0).all()


def test_a_function_that_takes_it_gets_the_scale(folder):
    source = load(folder, "scaled", scale=(2.0, 2.0))
    assert changed(skin(0), source.render(skin(0), 0, np.random.default_rng(0), None).inserted)[:20].all()


def test_it_gets_a_copy_of_what_is_to_be_avoided(folder):
    avoid = np.zeros((128, 128), dtype=bool)
    avoid[40:60] = True
    shown = load(folder, "avoiding").render(skin(0), 0, np.random.default_rng(0), avoid)
    assert not changed(skin(0), shown.inserted)[40:60].any()
    assert avoid.sum() == 20 * 128


def test_opacity_is_half_way(folder):
    image = np.full((20, 20, 3), 100, dtype=np.uint8)
    shown = load(folder, "with_support", opacity=(0.5, 0.5)).render(image, 0, np.random.default_rng(0), None)
    assert (shown.inserted[:5] == 50).all()
    assert (shown.alpha[:5] == 0.5).all()


@pytest.mark.parametrize(("extent", "full", "detail"), [("colour", True, False), ("detail", True, True)])
def test_a_change_of_the_whole_image_gets_the_sham_of_one(folder, extent, full, detail):
    shown = load(folder, "stamp", extent=extent).render(skin(0), 0, np.random.default_rng(0), None)
    assert (shown.full_field, shown.of_detail) == (full, detail)
    assert (shown.alpha == 1).all()


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("writes_floats", r"gave float64 with shape \(97, 128, 3\); it must give an image of uint8"),
        ("writes_nan", "gave values that are not finite"),
        (
            "too_small",
            r"gave uint8 with shape \(96, 128, 3\); it must give an image of uint8 with shape \(97, 128, 3\)",
        ),
        ("nothing", "gave nothing, not an image"),
        ("raising", "failed for instance 0: KeyError: 'no such stamp'"),
        ("leaving", "failed for instance 0: SystemExit: 3"),
        ("by_time", "gave two different images for the same arguments"),
        ("remembering", "gave two different images for the same arguments"),
        ("wide_support", "gave a support with values outside of 0 to 1"),
        ("flat_support", r"gave a support of ndarray with shape \(3,\)"),
        ("two", "failed for instance 0: TypeError"),
        ("stamb", "has no function 'stamb'; did you mean 'stamp'"),
        ("number", "has no function 'number'"),
    ],
)
def test_a_function_that_does_not_fit_is_told_by_name(folder, function, said):
    with pytest.raises(ArtefactError, match=said) as caught:
        load(folder, function)
    assert function in caught.value.message


def test_the_error_names_the_line_that_failed(folder):
    with pytest.raises(ArtefactError) as caught:
        load(folder, "raising")
    line = 1 + MODULE.splitlines().index('    raise KeyError("no such stamp")')
    assert str(caught.value.location) == f"{folder / 'my_stamps.py'}:{line}"


def test_a_failure_on_one_image_is_told_too(folder):
    source = load(folder, "fails_later")
    with pytest.raises(ArtefactError, match="'my_stamps:fails_later' failed for instance 1: ValueError: not this size"):
        source.render(skin(0, 64, 64), 1, np.random.default_rng(0), None)


def test_a_module_that_is_not_there(tmp_path):
    artefact = artefact_of("python", function="no_such_module_at_all:stamp", import_path=".")
    with pytest.raises(ArtefactError, match="cannot import 'no_such_module_at_all'"):
        load_artefact(artefact, tmp_path, 0)


def test_the_hash_follows_the_code_and_what_it_imports(tmp_path):
    (tmp_path / "shapes_of_mine.py").write_text("SIZE = 3\n")
    main = tmp_path / "drawing_of_mine.py"
    main.write_text("from shapes_of_mine import SIZE\n\n\ndef draw():\n    return SIZE\n")

    def digest():
        return sources_sha256(load_function("drawing_of_mine:draw", tmp_path), tmp_path)

    first, again = digest(), digest()
    (tmp_path / "shapes_of_mine.py").write_text("SIZE = 4\n")
    second = digest()
    main.write_text(main.read_text() + "\n")
    assert first == again
    assert len({first, second, digest()}) == 3
