import numpy as np
import pytest
from PIL import Image

from auditlens.challenge.eligible import eligible
from auditlens.challenge.trials import clean_rows
from auditlens.errors import ArtefactError

from .masked import disc, index_of, skins, with_columns
from .scenes import artefact_of


def artefact(**fields):
    return artefact_of(**{"kind": "ruler", **fields})


@pytest.fixture
def index(tmp_path):
    masks = [
        disc(64, 80),
        None,
        np.zeros((64, 80), dtype=bool),
        np.ones((64, 80), dtype=bool),
        disc(64, 80),
        disc(64, 80),
    ]
    return with_columns(
        index_of(tmp_path, skins(6), masks),
        ruler=[0.0, 1.0, 0.0, None, 0.0, 0.0],
        skin_type=[1.0, 2.0, 5.0, 6.0, None, 5.0],
        site=["a", "b", "a", "b", "a", "c"],
    )


def told(found):
    return [(row.what, row.why, row.n_images, row.by_rule) for row in found.left_out]


def test_everything_counts_without_a_rule(index, tmp_path):
    found = eligible(index, artefact(), tmp_path)
    assert found.rows == tuple(range(6))
    assert found.left_out == ()


def test_flagged_images_and_those_nobody_looked_at_are_counted(index, tmp_path):
    found = eligible(index, artefact(column="ruler"), tmp_path)
    assert found.rows == (0, 2, 4, 5)
    assert told(found) == [
        ("column ruler is not 0 (1 cells are empty: nobody looked)", "it is there already", 2, False)
    ]


def test_only_some_values(index, tmp_path):
    found = eligible(index, artefact(only={"skin_type": (1, "2")}, reason="it lightens dark skin"), tmp_path)
    assert found.rows == (0, 1)
    assert told(found) == [("skin_type: 5 (2), 6 (1), empty (1)", "it lightens dark skin", 4, True)]


def test_several_columns_must_all_fit_and_every_image_is_told_of_once(index, tmp_path):
    found = eligible(index, artefact(column="ruler", only={"skin_type": (1, 5), "site": ("a",)}), tmp_path)
    assert found.rows == (0, 2)
    assert [row.n_images for row in found.left_out] == [2, 1, 1]
    assert [row.what for row in found.left_out[1:]] == ["skin_type: empty (1)", "site: c (1)"]
    assert found.left_out[1].why == "no reason is given"
    assert len(found.rows) + sum(row.n_images for row in found.left_out) == len(index)


@pytest.mark.parametrize(
    ("only", "said"),
    [
        (
            {"skin_typ": (1,)},
            "only: the data has no column 'skin_typ'; valid are ruler, skin_type, site; did you mean 'skin",
        ),
        ({"skin_type": (3,)}, r"only\.skin_type: no cell of the column 'skin_type' is '3'; found are 1, 2, 5, 6"),
        ({"site": ("A",)}, r"only\.site: no cell of the column 'site' is 'A'; found are a, b, c"),
    ],
)
def test_columns_and_values_must_be_there(index, tmp_path, only, said):
    with pytest.raises(ArtefactError, match=said):
        clean_rows(index, artefact(only=only), tmp_path)


def test_a_reason_needs_its_rule():
    with pytest.raises(ValueError, match="there is no `only`"):
        artefact(reason="because")


def write_mask(folder, name, value, size=(4, 4)):
    folder.mkdir(exist_ok=True)
    pixels = np.zeros(size, dtype=np.uint8)
    pixels[1, 1] = value
    Image.fromarray(pixels).save(folder / name)


def test_images_with_a_mask_of_the_artefact_are_not_clean(index, tmp_path):
    folder = tmp_path / "rulers"
    for name, value in (("000.png", 0), ("001.png", 1), ("002.png", 255), ("003.jpg", 9), ("nobody.png", 255)):
        write_mask(folder, name, value)
    found = eligible(index, artefact(clean_by={"masks": "rulers"}), tmp_path)
    assert found.rows == (0, 3, 4, 5), "an empty mask, JPEG's noise, and no mask at all are clean"
    assert told(found) == [("the mask in rulers is not empty", "it is there already", 2, False)]
    write_mask(folder, "000.png", 255)
    assert clean_rows(index, artefact(clean_by={"masks": "rulers"}), tmp_path) == (3, 4, 5), (
        "a changed mask is read anew"
    )


def test_masks_of_other_images_are_an_error(index, tmp_path):
    write_mask(tmp_path / "rulers", "ISIC_7.png", 255)
    with pytest.raises(ArtefactError, match=r"rulers: no mask has the name of an image, such as 000\.png"):
        clean_rows(index, artefact(clean_by={"masks": "rulers"}), tmp_path)
    with pytest.raises(ArtefactError, match=r"clean_by\.masks: .*nowhere: no such folder"):
        clean_rows(index, artefact(clean_by={"masks": "nowhere"}), tmp_path)


def test_a_background_needs_a_usable_mask(index, tmp_path):
    found = eligible(index, artefact_of("background", own_data=True), tmp_path)
    assert found.rows == (0, 4, 5)
    assert [row.n_images for row in found.left_out] == [3], "no mask, an empty one, and one that leaves nothing"
    assert found.left_out[0].what == "no usable lesion mask"


def test_a_swap_needs_a_group_that_it_starts_from(index, tmp_path):
    found = eligible(index, artefact_of("colour_profile", swap={"column": "site", "from": "a"}), tmp_path)
    assert found.rows == (0, 2, 4)
    assert told(found) == [("site: b (2), c (1)", "not of a group that is swapped", 3, False)]


@pytest.mark.parametrize(("column", "rows"), [("ruler", (0, 2, 4, 5)), (None, (1, 2, 4, 5))])
def test_flags_win_over_the_score_and_the_score_decides_where_nobody_looked(index, tmp_path, column, rows):
    """Row 3 has no flag; the score says that rows 0 and 3 carry a ruler."""
    found = eligible(
        index, artefact(column=column, clean_by={"score": "ruler"}), tmp_path, np.array([1, 0, 0, 1, 0, 0], dtype=bool)
    )
    assert found.rows == rows
    assert found.left_out[0].n_images == 2
    assert "the score of ruler says that it is there" in found.left_out[0].what


def test_further_columns_count_beside_the_score(index, tmp_path):
    index = with_columns(index, ink=[0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
    asked = artefact(column="ruler", clean_of=("ink",), clean_by={"score": "ruler"})
    assert eligible(index, asked, tmp_path, np.zeros(6, dtype=bool)).rows == (0, 3, 4, 5)


def test_clean_by_says_something():
    with pytest.raises(ValueError, match="masks, a score, or both"):
        artefact(clean_by={})
