"""The artefact filled from its surroundings, and a control of the same shape beside it."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from auditlens.challenge.removal import Removed, artefact_region, dark_blobs, elsewhere, removed
from auditlens.spec.artefacts import Removal

REMOVAL = Removal(masks="masks")
SIDE = 128


def box(top, left, height, width, side=SIDE):
    mask = np.zeros((side, side), dtype=bool)
    mask[top : top + height, left : left + width] = True
    return mask


def skin(seed=0):
    rng = np.random.default_rng(seed)
    return np.clip(rng.normal([190, 150, 140], 4, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)


def ruled(seed=0):
    """Skin with black ticks near the lower border, and the mask around them."""
    image = skin(seed)
    image[112:120, 20:80:6] = 10
    return image, (box(110, 18, 12, 64) * 255).astype(np.uint8)


def sample(mask=None, digest="a"):
    return SimpleNamespace(mask=mask, digest=digest, location="here")


def test_the_artefact_is_gone_and_all_else_stays():
    image, mask = ruled()
    made = removed(image, mask, sample(), "ruler", REMOVAL, 0)
    assert isinstance(made, Removed)
    assert image.min() == 10
    assert made.after.min() > 100
    assert (made.after[~made.region] == image[~made.region]).all()
    assert (made.control[~made.control_region] == image[~made.control_region]).all()


def test_the_control_has_the_same_shape_elsewhere_and_leaves_the_artefact():
    image, mask = ruled()
    made = removed(image, mask, sample(), "ruler", REMOVAL, 0)
    assert made.control_region.sum() == made.region.sum()
    assert not (made.control_region & made.region).any()
    assert (made.control[mask > 0] == image[mask > 0]).all()
    assert (made.control != image).any()


def test_nothing_meets_the_lesion(tmp_path):
    lesion = box(70, 10, 50, 60)
    Image.fromarray((lesion * 255).astype(np.uint8)).save(tmp_path / "lesion.png")
    image, mask = ruled()
    made = removed(image, mask, sample(tmp_path / "lesion.png"), "ruler", Removal(masks="m", margin=0.0), 0)
    assert made == "lesion"  # most of the ruler lies over it
    lesion = box(70, 10, 50, 20)
    Image.fromarray((lesion * 255).astype(np.uint8)).save(tmp_path / "lesion.png")
    made = removed(image, mask, sample(tmp_path / "lesion.png"), "ruler", REMOVAL, 0)
    assert not (made.region & lesion).any()
    assert not (made.control_region & lesion).any()


def test_a_lesion_without_a_mask_is_taken_for_the_centre_and_dark_blobs():
    image, mask = ruled()
    image[10:50, 4:44] = (110, 60, 50)
    for digest in "abcdefgh":
        made = removed(image, mask, sample(digest=digest), "ruler", REMOVAL, 0)
        assert not (made.control_region & box(10, 4, 40, 40)).any()
        assert not made.control_region[SIDE // 2 - 20 : SIDE // 2 + 20, SIDE // 2 - 20 : SIDE // 2 + 20].any()


def test_dark_lines_are_no_blobs():
    image = skin()
    image[:, 30:32] = 20
    assert not dark_blobs(image).any()
    image[40:80, 60:100] = 60
    assert dark_blobs(image)[45:75, 65:95].all()


def test_without_room_there_is_no_control():
    image = skin()
    mask = (box(0, 0, 90, 64) * 255).astype(np.uint8)
    assert removed(image, mask, sample(), "patch", Removal(masks="m", max_area=0.5), 0) == "room"


@pytest.mark.parametrize("mask", [np.zeros((40, 40)), np.full((40, 40), 255)], ids=["empty", "everything"])
def test_an_empty_mask_and_one_of_everything_are_not_used(mask):
    assert removed(skin(), mask.astype(np.uint8), sample(), "ruler", REMOVAL, 0) == "mask"


def test_a_cleaned_mask_keeps_large_pieces_and_drops_specks():
    mask = box(100, 10, 10, 40) | box(100, 70, 10, 40) | box(0, 0, 4, 4)
    heat = (mask * 255).astype(np.uint8)
    clean, whole = (
        artefact_region(heat, (SIDE, SIDE), Removal(masks="m", cleaned=cleaned, margin=0.0))
        for cleaned in (True, False)
    )
    assert clean[105, 30]
    assert clean[105, 90]
    assert not clean[1, 1]
    assert whole[1, 1]


def test_the_margin_widens_and_masks_of_another_size_are_brought_to_the_image():
    heat = np.asarray(Image.fromarray((box(100, 20, 10, 60) * 255).astype(np.uint8)).resize((64, 64)))
    narrow, wide = (
        artefact_region(heat, (SIDE, SIDE), Removal(masks="m", margin=margin)).sum() for margin in (0.0, 0.05)
    )
    assert narrow == pytest.approx(600, rel=0.25)
    assert wide > narrow + 2 * 60 * 5


def test_the_same_image_gives_the_same_pixels_and_another_seed_another_control():
    image, mask = ruled()
    first, again, other = (removed(image, mask, sample(), "ruler", REMOVAL, seed) for seed in (0, 0, 1))
    assert (first.control == again.control).all()
    assert (first.after == again.after).all()
    assert (first.control_region != other.control_region).any()


def test_a_region_at_the_border_gets_a_control_at_the_border():
    region, taken = box(120, 30, 8, 50), box(120, 30, 8, 50)
    for seed in range(12):
        rows, columns = np.nonzero(elsewhere(region, taken, np.random.default_rng(seed)))
        assert min(rows.min(), columns.min(), SIDE - 1 - rows.max(), SIDE - 1 - columns.max()) == 0


@settings(max_examples=30, deadline=None)
@given(
    st.integers(40, 150), st.integers(40, 150), st.floats(0, 0.8), st.floats(0, 0.8), st.floats(0.05, 0.4),
    st.floats(0.05, 0.4), st.integers(0, 5),
)  # fmt: skip
def test_a_place_never_meets_what_is_taken_and_keeps_the_shape(height, width, top, left, tall, wide, seed):
    rng = np.random.default_rng(seed)
    region = np.zeros((height, width), dtype=bool)
    rows = slice(int(top * height), int(top * height) + max(int(tall * height), 2))
    columns = slice(int(left * width), int(left * width) + max(int(wide * width), 2))
    region[rows, columns] = rng.random(region[rows, columns].shape) < 0.7
    if not region.any():
        return
    taken = region | (rng.random((height, width)) < 0.001)
    found = elsewhere(region, taken, rng)
    if found is not None:
        assert found.sum() == region.sum()
        assert not (found & taken).any()
