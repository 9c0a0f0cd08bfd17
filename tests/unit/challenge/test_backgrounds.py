import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from auditlens.challenge.backgrounds import BackgroundSource, filling, outside, tone_around
from auditlens.challenge.instances import load_artefact
from auditlens.challenge.rendering import as_grey, changed, is_grey
from auditlens.challenge.sham import make_sham
from auditlens.errors import ArtefactError

from .masked import disc, index_of, skins, with_columns
from .scenes import artefact_of, skin

OWN = {"own_data": True}


def pictures(folder, n=3, size=(40, 60)):
    (folder / "grounds").mkdir()
    rng = np.random.default_rng(0)
    for number in range(n):
        colour = (30 + 60 * number, 160, 90)
        grain = rng.integers(-9, 10, (*size, 1))
        Image.fromarray(np.clip(np.full((*size, 3), colour) + grain, 0, 255).astype(np.uint8)).save(
            folder / "grounds" / f"ground{number}.png"
        )


def green(**fields):
    picture = np.full((50, 50, 3), (20, 160, 60), dtype=np.uint8)
    return BackgroundSource(artefact_of("background", images="x", **fields), (picture,), ("green",))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 99),
    height=st.integers(20, 90),
    width=st.integers(20, 90),
    share=st.floats(0.05, 0.4),
    opacity=st.floats(0, 1),
)
def test_the_lesion_stays_bit_for_bit_and_the_support_covers_every_change(seed, height, width, share, opacity):
    image, lesion = skin(seed, height, width), disc(height, width, share)
    source = green(opacity=(opacity, opacity))
    shown = source.render(image, 0, np.random.default_rng(seed), lesion)
    again = source.render(image, 0, np.random.default_rng(seed), lesion)
    assert shown.inserted.shape == image.shape
    assert np.array_equal(shown.inserted, again.inserted)
    differs = changed(image, shown.inserted)
    assert not differs[lesion].any()
    assert (shown.alpha[differs] > 0).all()
    sham = make_sham(image, shown, np.random.default_rng(seed))
    assert not changed(image, sham.image)[lesion].any(), "the sham spares the lesion, too"


def test_far_from_the_lesion_there_is_the_background_alone():
    image, lesion = skin(0), disc(128, 128, 0.1)
    shown = green().render(image, 0, np.random.default_rng(0), lesion)
    assert np.abs(shown.inserted[:8, :8].astype(int) - (20, 160, 60)).max() <= 1


def test_there_is_no_seam():
    """Flat skin and a flat background 100 levels apart: no step between neighbours as large as a hard edge would be."""
    image = np.full((128, 128, 3), (200, 60, 160), dtype=np.uint8)
    shown = green().render(image, 0, np.random.default_rng(0), disc(128, 128)).inserted.astype(int)
    steps = max(np.abs(np.diff(shown, axis=axis)).max() for axis in (0, 1))
    assert steps <= 15
    assert np.abs(shown[64, 64] - (200, 60, 160)).max() == 0


def test_the_tone_starts_from_the_skin_not_from_the_lesion():
    image, lesion = np.full((128, 128, 3), 200, dtype=np.uint8), disc(128, 128)
    image[lesion] = 40
    ground = np.full_like(image, 120)
    tone = tone_around(image, ground, lesion)
    rim = outside(lesion, 0.0, 0.01) * (1 - outside(lesion, 0.03, 0.01)) > 0.5
    assert tone[rim].mean() == pytest.approx(80, abs=8), "the skin is 80 levels lighter than the background"
    assert np.abs(tone[:4]).max() < 1


def test_weights_rise_from_the_margin_on():
    weight = outside(disc(100, 100), 0.05, 0.1)
    row = weight[50, 50:]
    assert row[:21].max() == 0
    assert (np.diff(row) >= 0).all()
    assert row[-1] == 1
    assert (outside(np.zeros((5, 5), dtype=bool), 0.1, 0.1) == 1).all()


def test_opacity_zero_changes_nothing():
    image = skin(1)
    shown = green(opacity=(0.0, 0.0)).render(image, 0, np.random.default_rng(0), disc(128, 128))
    assert np.array_equal(shown.inserted, image)
    assert (shown.alpha == 0).all()


def test_a_grey_image_stays_grey():
    image = as_grey(skin(2))
    shown = green().render(image, 0, np.random.default_rng(0), disc(128, 128))
    assert is_grey(shown.inserted)
    assert changed(image, shown.inserted).any()


def test_the_sham_has_the_energy_of_the_swap():
    image = skin(3)
    picture = np.clip(skin(9) * 0.9, 0, 255).astype(np.uint8)
    source = BackgroundSource(artefact_of("background", images="x"), (picture,), ("other",))
    shown = source.render(image, 0, np.random.default_rng(0), disc(128, 128))
    assert make_sham(image, shown, np.random.default_rng(0)).energy_ratio == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("size", [(30, 90), (90, 30), (64, 64)])
def test_a_background_fills_the_image_and_keeps_its_proportions(size):
    chequered = ((np.indices((60, 80)) // 10).sum(axis=0) % 2 * 255).astype(np.uint8)
    picture = np.repeat(chequered[:, :, None], 3, axis=2)
    filled = filling(picture, size, 1.0, np.random.default_rng(0))
    assert filled.shape == (*size, 3)
    factor = max(size[0] / 60, size[1] / 80)
    across = np.abs(np.diff(filled[:, :, 0].astype(int), axis=1)).sum(axis=1).mean() / 255
    down = np.abs(np.diff(filled[:, :, 0].astype(int), axis=0)).sum(axis=0).mean() / 255
    assert across == pytest.approx(size[1] / factor / 10, abs=1.6)
    assert down == pytest.approx(size[0] / factor / 10, abs=1.6)


def test_pictures_of_a_folder_are_the_instances(tmp_path):
    pictures(tmp_path)
    source = load_artefact(artefact_of("background", images="grounds"), tmp_path, 0)
    assert source.names == ("ground0", "ground1", "ground2")
    means = [
        source.render(skin(0), i, np.random.default_rng(0), disc(128, 128)).inserted[:9, :9].mean() for i in (0, 2)
    ]
    assert means[1] - means[0] == pytest.approx(40, abs=8)


def test_own_data_gives_the_skin_without_the_lesion(tmp_path):
    images = skins(6)
    index = index_of(tmp_path, images, [disc(64, 80)] * 5 + [None])
    source = load_artefact(artefact_of("background", n_instances=4, **OWN), tmp_path, 0, index)
    again = load_artefact(artefact_of("background", n_instances=2, **OWN), tmp_path, 0, index)
    other = load_artefact(artefact_of("background", n_instances=4, **OWN), tmp_path, 7, index)
    assert source.n_instances == 4
    assert again.names == source.names[:2], "the first are the same for a larger number"
    assert set(other.names) != set(source.names) or other.names != source.names
    assert "005.png" not in source.names, "it has no mask"
    for name, picture in zip(source.names, source.pictures, strict=True):
        before = images[int(name[:3])]
        inside = disc(64, 80, 0.1)
        assert picture[inside].mean() > 1.6 * before[inside].mean(), "the lesion is gone"
        assert np.array_equal(picture[:6], before[:6])


def test_own_data_takes_no_skin_with_what_must_not_come_along(tmp_path):
    index = index_of(tmp_path, skins(6), [disc(64, 80)] * 6)
    index = with_columns(index, ruler=[1.0, 0.0, 1.0, 0.0, None, 0.0])
    source = load_artefact(artefact_of("background", clean_of=("ruler",), **OWN), tmp_path, 0, index)
    assert set(source.names) == {"001.png", "003.png", "005.png"}


def test_without_masks_there_is_no_own_data(tmp_path):
    with pytest.raises(ArtefactError, match=r"no image has a usable lesion mask.*`data.mask`"):
        load_artefact(artefact_of("background", **OWN), tmp_path, 0, index_of(tmp_path, skins(2)))
    with pytest.raises(ArtefactError, match="made of the audited images"):
        load_artefact(artefact_of("background", **OWN), tmp_path, 0)


@pytest.mark.parametrize("fields", [{}, {"images": "x", "own_data": True}])
def test_one_origin_of_the_backgrounds(fields):
    with pytest.raises(ValueError, match="either images, or own_data"):
        artefact_of("background", **fields)


def test_a_picture_that_is_none_is_told_by_name(tmp_path):
    (tmp_path / "grounds").mkdir()
    (tmp_path / "grounds" / "broken.png").write_bytes(b"no picture")
    with pytest.raises(ArtefactError, match=r"broken\.png: not a readable"):
        load_artefact(artefact_of("background", images="grounds"), tmp_path, 0)
