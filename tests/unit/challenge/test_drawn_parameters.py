"""Parameters of the drawn kinds: what the spec says is what is drawn, and what cannot be drawn is refused."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import ndimage

from auditlens.challenge.instances import load_artefact
from auditlens.challenge.placement import centre_ellipse

from .scenes import artefact_of, skin


def designs(kind, tmp_path, n=30, **fields):
    return load_artefact(artefact_of(kind, n_instances=n, **fields), tmp_path, 0).designs


@pytest.mark.parametrize(
    ("kind", "field", "counted"),
    [("gel_bubble", "n_bubbles", "n_bubbles"), ("reflection", "n_spots", "n_spots"), ("tube", "n_tubes", "n_tubes")],
)
def test_counts_are_drawn_from_their_range(kind, field, counted, tmp_path):
    assert {getattr(design, counted) for design in designs(kind, tmp_path, n=60, **{field: (2, 4)})} == {2, 3, 4}


def test_so_many_bubbles_as_were_asked_for(tmp_path):
    source = load_artefact(artefact_of("gel_bubble", n_bubbles=(5, 5), placement="anywhere"), tmp_path, 0)
    image = np.full((400, 400, 3), 180, dtype=np.uint8)
    n_pieces = []
    for trial in range(8):
        alpha = source.render(image, trial, np.random.default_rng(trial), None).alpha
        n_pieces.append(ndimage.label(alpha > 0)[1])
    assert max(n_pieces) == 5
    assert min(n_pieces) >= 2, "bubbles may touch, not vanish"


def test_blades_lie_at_as_many_sides_as_were_asked_for(tmp_path):
    for design in designs("collimator", tmp_path, n_sides=(3, 3), width=(0.05, 0.06)):
        widths = [width for width in design.widths if width]
        assert len(widths) == 3
        assert 0.05 <= min(widths) <= max(widths) <= 0.06


def test_a_frame_is_as_wide_as_the_spec_says_and_closed(tmp_path):
    source = load_artefact(artefact_of("frame", width=(0.1, 0.1), scale=(1.0, 1.0)), tmp_path, 0)
    for instance in range(8):
        alpha = source.render(skin(0, 200, 200), instance, np.random.default_rng(0), None).alpha
        assert (alpha[:20] == 1).all()
        assert (alpha[:, -20:] == 1).all()
        assert alpha[100, 30] == 0.0


def test_frames_and_blades_give_way_to_a_large_lesion(tmp_path):
    avoid = np.zeros((100, 140), dtype=bool)
    avoid[6:94, 6:134] = True
    for kind in ("frame", "collimator"):
        source = load_artefact(artefact_of(kind), tmp_path, 0)
        for instance in range(12):
            inserted = source.render(skin(1, 100, 140), instance, np.random.default_rng(0), avoid).inserted
            assert not (inserted != skin(1, 100, 140)).any(axis=2)[avoid].any()


def test_the_spec_may_bring_its_own_texts(tmp_path):
    own = ("clinic 7", "Ward B")
    assert {design.text for design in designs("text", tmp_path, texts=own)} == set(own)
    assert {design.text for design in designs("timestamp", tmp_path, texts=("1999",))} == {"1999"}


def test_timestamps_are_dates(tmp_path):
    texts = [design.text for design in designs("timestamp", tmp_path)]
    assert len(set(texts)) == len(texts)
    assert all(sum(character.isdigit() for character in text) >= 6 for text in texts)


def test_long_texts_stay_inside_of_the_image(tmp_path):
    source = load_artefact(artefact_of("text", texts=("PATIENT NAME WITHHELD 0123456789",)), tmp_path, 0)
    image = skin(2, 120, 120)
    for instance in range(6):
        touched = (source.render(image, instance, np.random.default_rng(instance), None).inserted != image).any(axis=2)
        assert not touched[:, 0].any()
        assert not touched[:, -1].any()


def test_tiles_of_a_watermark_leave_out_what_is_to_be_avoided(tmp_path):
    source = load_artefact(artefact_of("watermark"), tmp_path, 0)
    tiled = [number for number, design in enumerate(source.designs) if design.tiled]
    image, avoid = skin(3, 160, 160), centre_ellipse(160, 160)
    for number in tiled:
        free = source.render(image, number, np.random.default_rng(0), None).alpha > 0
        kept = source.render(image, number, np.random.default_rng(0), avoid).alpha > 0
        assert not kept[avoid].any()
        assert free.sum() > kept.sum() > 0


def test_a_watermark_is_never_left_out_altogether(tmp_path):
    source = load_artefact(artefact_of("watermark", scale=(1.2, 1.2)), tmp_path, 0)
    image, avoid = skin(3), np.ones((128, 128), dtype=bool)
    avoid[:14] = False
    for number in range(source.n_instances):
        assert source.render(image, number, np.random.default_rng(1), avoid).alpha.any()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "text", "texts": ("Größe",)}, "cannot be drawn: ß ö; valid are letters A to Z, digits and"),
        ({"kind": "text", "texts": (" ",)}, "a text is empty"),
        ({"kind": "jpeg", "quality": (40, 10)}, "write the smaller end first"),
        ({"kind": "jpeg", "quality": (0, 10)}, "greater than or equal to 1"),
        ({"kind": "collimator", "n_sides": (1, 5)}, "less than or equal to 4"),
        ({"kind": "frame", "width": (0.1, 0.5)}, "less than or equal to 0.25"),
        ({"kind": "blur", "radius": (0.0, 0.01)}, "greater than 0"),
        ({"kind": "gel_bubble", "n_bubbles": (0, 2)}, "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_drawn_is_refused(fields, said):
    with pytest.raises(ValidationError, match=said):
        artefact_of(**fields)
