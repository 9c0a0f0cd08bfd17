from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auditlens.challenge.instances import load_artefact
from auditlens.challenge.placement import centre_ellipse
from auditlens.errors import ArtefactError
from auditlens.spec.artefacts import Overlay

GREY = np.full((60, 60, 3), 120, dtype=np.uint8)


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path)


def overlay(folder: str, form: str, **more: object) -> Overlay:
    return Overlay(
        kind="overlay",
        images=folder,
        format=form,  # type: ignore[arg-type]
        **({"placement": "full", "scale": (1.0, 1.0), "reference_height": 60} | more),  # type: ignore[arg-type]
    )


def rendered(artefact: Overlay, base: Path, seed: int = 0, image: np.ndarray = GREY) -> np.ndarray:
    return load_artefact(artefact, base, 0).render(image, 0, np.random.default_rng(seed), None).inserted


def test_rgba_covers_by_its_alpha(tmp_path):
    picture = np.zeros((60, 60, 4))
    picture[20:40, 20:40] = (200, 0, 0, 255)
    picture[:10, :] = (0, 0, 0, 0)
    save(tmp_path / "a" / "x.png", picture)
    after = rendered(overlay("a", "rgba"), tmp_path)
    assert (after[20:40, 20:40] == (200, 0, 0)).all()
    assert (after[:20] == 120).all()


def test_opacity_mixes(tmp_path):
    save(tmp_path / "a" / "x.png", np.full((60, 60, 4), (220, 220, 20, 255)))
    after = rendered(overlay("a", "rgba", opacity=(0.5, 0.5)), tmp_path)
    assert (after == (170, 170, 70)).all()


def test_with_without_adds_the_difference(tmp_path):
    without = np.full((60, 60, 3), 180)
    having = without.copy()
    having[25:35, 25:35] = (100, 190, 180)
    save(tmp_path / "a" / "ruler_with_1.png", having)
    save(tmp_path / "a" / "ruler_without_1.png", without)
    after = rendered(overlay("a", "with_without"), tmp_path)
    assert (after[25:35, 25:35] == (40, 130, 120)).all()
    assert (after != 120).any(axis=2).sum() == 100


def test_added_differences_stop_at_black_and_white(tmp_path):
    save(tmp_path / "a" / "x_with.png", np.full((60, 60, 3), 255))
    save(tmp_path / "a" / "x_without.png", np.full((60, 60, 3), 0))
    assert (rendered(overlay("a", "with_without"), tmp_path) == 255).all()


def test_reversed_order_and_several_folders(tmp_path):
    for name in ("a/ISIC_0030852_02_with.png", "a/ISIC_0030852_02_without.png", "b/z_with_1.png", "b/z_without_1.png"):
        save(tmp_path / name, np.full((8, 8, 3), 90))
    source = load_artefact(overlay(("a", "b"), "with_without"), tmp_path, 0)  # type: ignore[arg-type]
    assert source.names == ("ISIC_0030852_02_with", "z_with_1")
    assert source.n_instances == 2


def test_ink_on_white_darkens_by_what_is_missing_to_white(tmp_path):
    ink = np.full((60, 60, 3), 255)
    ink[10:20, 10:50] = (155, 255, 205)
    save(tmp_path / "a" / "ink.png", ink)
    after = rendered(overlay("a", "ink_on_white"), tmp_path)
    assert sorted(map(tuple, np.unique(after.reshape(-1, 3), axis=0).tolist())) == [(20, 120, 70), (120, 120, 120)]


def test_size_follows_the_image_height(tmp_path):
    save(tmp_path / "a" / "x.png", np.full((30, 30, 4), (0, 0, 0, 255)))
    artefact = overlay("a", "rgba", placement="anywhere", reference_height=60)
    for height in (60, 120, 30):
        image = np.full((height, height, 3), 200, dtype=np.uint8)
        after = rendered(artefact, tmp_path, image=image)
        assert (after == 0).all(axis=2).mean() == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize(("folder", "axis"), [("ruler_vertical", 0), ("ruler_horizontal", 1)])
def test_strips_run_along_the_borders_that_their_folder_names(tmp_path, folder, axis):
    save(tmp_path / folder / "x.png", np.full((6, 200, 4), (0, 0, 0, 255)))
    artefact = overlay(folder, "rgba", placement="border")
    for seed in range(8):
        after = rendered(artefact, tmp_path, seed)
        dark = (after == 0).all(axis=2)
        assert dark.all(axis=axis).sum() == 6  # six whole columns, or rows
        line = np.flatnonzero(dark.any(axis=axis))
        assert min(line[0], 59 - line[-1]) <= 2


def test_an_avoided_region_stays_untouched(tmp_path):
    save(tmp_path / "a" / "x.png", np.full((14, 14, 4), (0, 0, 0, 255)))
    source = load_artefact(overlay("a", "rgba", placement="anywhere"), tmp_path, 0)
    avoid = centre_ellipse(60, 60)
    for seed in range(20):
        after = source.render(GREY, 0, np.random.default_rng(seed), avoid).inserted
        assert (after[avoid] == 120).all()
        assert (after != 120).any()


@pytest.mark.parametrize(
    ("files", "form", "says"),
    [
        ({}, "rgba", "no artefact pictures"),
        ({"x.png": (8, 8, 3)}, "rgba", "alpha channel"),
        ({"x_with.png": (8, 8, 3)}, "with_without", "no partner"),
        ({"x_without.png": (8, 8, 3)}, "with_without", "no partner"),
        ({"x.png": (8, 8, 3)}, "with_without", "needs pairs"),
        ({"x_with.png": (8, 8, 3), "x_without.png": (9, 8, 3)}, "with_without", "equal sizes"),
    ],
)
def test_wrong_files_are_named(tmp_path, files, form, says):
    (tmp_path / "a").mkdir()
    for name, shape in files.items():
        save(tmp_path / "a" / name, np.zeros(shape))
    with pytest.raises(ArtefactError, match=says) as caught:
        load_artefact(overlay("a", form), tmp_path, 0)
    assert str(tmp_path / "a") in str(caught.value)


def test_a_broken_picture_is_named(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.png").write_bytes(b"no picture")
    with pytest.raises(ArtefactError, match=r"x\.png: not a readable artefact picture"):
        load_artefact(overlay("a", "ink_on_white"), tmp_path, 0)


def test_a_picture_of_sixteen_bits_is_not_clipped(tmp_path):
    (tmp_path / "a").mkdir()
    Image.fromarray(np.full((8, 8), 3000, dtype=np.uint16)).save(tmp_path / "a" / "x.png")
    with pytest.raises(ArtefactError, match=r"x\.png: artefact pictures have 8 bits"):
        load_artefact(overlay("a", "ink_on_white"), tmp_path, 0)


def test_a_mistyped_folder_gets_a_suggestion(tmp_path):
    save(tmp_path / "rulers" / "x.png", np.zeros((8, 8, 4)))
    with pytest.raises(ArtefactError, match="did you mean 'rulers'"):
        load_artefact(overlay("rular", "rgba"), tmp_path, 0)


def mixed_folder(folder):
    """One of each kind, in a folder with sub-folders."""
    rgba = np.zeros((60, 60, 4))
    rgba[20:40, 20:40] = (200, 0, 0, 255)
    save(folder / "logo.png", rgba)
    ink = np.full((60, 60, 3), 255)
    ink[25:35, 25:35] = (90, 20, 120)
    save(folder / "ink" / "spot.png", ink)
    save(folder / "ink" / "opaque_rgba.png", np.concatenate([ink, np.full((60, 60, 1), 255)], axis=2))
    without = np.full((60, 60, 3), 180)
    having = without.copy()
    having[25:35, 25:35] = 100
    save(folder / "rulers" / "deep" / "a_with.png", having)
    save(folder / "rulers" / "deep" / "a_without.png", without)


def test_a_mixed_folder_is_told_apart_by_names_and_content(tmp_path):
    mixed_folder(tmp_path / "a")
    source = load_artefact(overlay("a", "auto"), tmp_path, 0)
    found = dict(zip(source.names, source.forms, strict=True))
    assert found == {
        "logo": "rgba", "spot": "ink_on_white", "opaque_rgba": "ink_on_white", "a_with": "with_without"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("form", "folder", "name"),
    [("rgba", "a", "logo"), ("ink_on_white", "a/ink", "spot"), ("with_without", "a/rulers/deep", "a_with")],
)
def test_each_picture_of_a_mix_is_laid_on_as_its_own_format_is(tmp_path, form, folder, name):
    mixed_folder(tmp_path / "a")
    mixed = load_artefact(overlay("a", "auto"), tmp_path, 0)
    alone = load_artefact(overlay(folder, form), tmp_path, 0) if form != "rgba" else None
    shown = mixed.render(GREY, mixed.names.index(name), np.random.default_rng(0), None).inserted
    if alone is None:
        assert (shown[20:40, 20:40] == (200, 0, 0)).all()
    else:
        instance = alone.names.index(name)
        assert np.array_equal(shown, alone.render(GREY, instance, np.random.default_rng(0), None).inserted)
    assert (shown != GREY).any()


@pytest.mark.parametrize(
    ("name", "colour", "says"),
    [
        ("x.png", (120, 90, 80), "cannot tell what this picture is: it is opaque, its border is not white"),
        ("x_with.png", (120, 90, 80), "its partner x_without.png is missing"),
    ],
)
def test_a_picture_that_is_nothing_of_these_is_named(tmp_path, name, colour, says):
    mixed_folder(tmp_path / "a")
    save(tmp_path / "a" / "sub" / name, np.full((9, 9, 3), colour))
    with pytest.raises(ArtefactError, match=says) as caught:
        load_artefact(overlay("a", "auto"), tmp_path, 0)
    assert str(tmp_path / "a" / "sub" / name) in str(caught.value)
