import numpy as np
import pytest
from PIL import Image

from auditlens.challenge.cutouts import usable_piece
from auditlens.challenge.instances import load_artefact
from auditlens.errors import ArtefactError
from auditlens.spec.artefacts import Cutout

SIDE = 100


@pytest.fixture
def patch_folder(tmp_path):
    """A blue half disc at the right border of one image, with a mask that has holes and crumbs."""
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    rows, columns = np.mgrid[:SIDE, :SIDE]
    disc = np.hypot(rows - 50, columns - 99) < 20
    image = np.full((SIDE, SIDE, 3), (210, 160, 140), dtype=np.uint8)
    image[disc] = (20, 60, 220)
    Image.fromarray(image).save(tmp_path / "images" / "one.jpg", quality=98)
    mask = disc.astype(np.uint8) * 255
    mask[48:50, 90:92] = 0
    mask[5:7, 5:7] = 255
    Image.fromarray(mask).resize((224, 224)).save(tmp_path / "masks" / "one.png")
    return tmp_path


def cutout(**more):
    return Cutout(kind="cutout", images="images", masks="masks", scale=(1.0, 1.0), **more)


def test_the_cut_edge_lies_at_a_border_again(patch_folder):
    source = load_artefact(cutout(), patch_folder, 0)
    assert source.names == ("one",)
    image = np.full((SIDE, SIDE, 3), (200, 170, 150), dtype=np.uint8)
    sides = set()
    for seed in range(16):
        after = source.render(image, 0, np.random.default_rng(seed), None).inserted
        blue = after[:, :, 2] > after[:, :, 0].astype(int) + 60
        assert 0.03 < blue.mean() < 0.07
        edges = {"top": blue[0], "bottom": blue[-1], "left": blue[:, 0], "right": blue[:, -1]}
        flush = [name for name, edge in edges.items() if edge.sum() > 20]
        assert flush, "the straight edge must lie at a border"
        sides.update(flush)
    assert sides == {"top", "bottom", "left", "right"}


def test_no_skin_of_the_source_comes_along(patch_folder):
    source = load_artefact(cutout(feather=0.03), patch_folder, 0)
    black = np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
    rendering = source.render(black, 0, np.random.default_rng(1), None)
    core = rendering.alpha > 0.9
    assert (rendering.inserted[core][:, 2] > 180).all()
    assert (rendering.inserted[rendering.alpha == 0] == 0).all()


def test_a_noisy_mask_becomes_one_filled_piece():
    rows, columns = np.mgrid[:200, :200]
    disc = np.hypot(rows - 80, columns - 90) < 40
    noisy = disc & (np.random.default_rng(0).random((200, 200)) > 0.15)
    noisy |= np.random.default_rng(1).random((200, 200)) > 0.999
    piece = usable_piece(noisy.astype(np.uint8) * 200, (200, 200), 0.01, 0.5)
    assert piece is not None
    assert (piece ^ disc).sum() / disc.sum() < 0.05


@pytest.mark.parametrize(("radius", "usable"), [(0, False), (3, False), (30, True), (99, False)])
def test_area_bounds(radius, usable):
    rows, columns = np.mgrid[:100, :100]
    mask = (np.hypot(rows - 50, columns - 50) < radius).astype(np.uint8) * 255
    assert (usable_piece(mask, (100, 100), 0.01, 0.5) is not None) is usable


def test_errors_name_the_folder_or_the_mask(patch_folder):
    with pytest.raises(ArtefactError, match="masks: no mask covers"):
        load_artefact(cutout(min_area=0.4), patch_folder, 0)
    with pytest.raises(ArtefactError, match="no such folder"):
        load_artefact(cutout().model_copy(update={"masks": "mask"}), patch_folder, 0)
    (patch_folder / "masks" / "two.png").write_bytes((patch_folder / "masks" / "one.png").read_bytes())
    with pytest.raises(ArtefactError, match=r"two\.png: no image of the same name"):
        load_artefact(cutout(), patch_folder, 0)
