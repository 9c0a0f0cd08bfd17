import numpy as np
import pytest

from auditlens.testbed.captions import CONCEPTS, Caption, draw_caption, truth
from auditlens.testbed.train_foundation import CELLS, draw_box, picture, rare_words, visible


def _seen(**known):
    row = np.zeros(len(CONCEPTS), np.float32)
    for name, value in known.items():
        row[CONCEPTS.index(name)] = value
    return row[None]


@pytest.mark.parametrize(
    ("asserts", "seen", "expected"),
    [
        ({"ruler": True}, {"ruler": 1}, (True, False)),
        ({"ruler": True}, {"ruler": -1}, (False, True)),
        ({"ruler": True}, {"ruler": 0}, (False, False)),
        ({"ruler": True, "hair": True}, {"ruler": 1, "hair": -1}, (False, True)),
        ({"ruler": True, "hair": True}, {"ruler": 1}, (False, False)),
        ({"asymmetric": False}, {"asymmetric": -1}, (True, False)),
        ({}, {"ruler": 1}, (True, False)),
    ],
)
def test_truth_of_a_caption(asserts, seen, expected):
    true, false = truth([Caption("", asserts)], _seen(**seen))
    assert (bool(true[0, 0]), bool(false[0, 0])) == expected


def test_nonsense_is_false_of_everything():
    true, false = truth([Caption("guitar", {}, nonsense=True)], _seen(ruler=1))
    assert (bool(true[0, 0]), bool(false[0, 0])) == (False, True)


def test_captions_vary_and_mention_only_known_concepts():
    rng = np.random.default_rng(0)
    drawn = [draw_caption(rng, ("guitar",)) for _ in range(500)]
    assert {c for caption in drawn for c in caption.asserts} == set(CONCEPTS)
    assert any(caption.nonsense for caption in drawn)
    assert len({caption.text for caption in drawn}) > 250


def test_unrelated_words_are_none_of_the_captions():
    words = set(rare_words())
    assert "guitar" in words
    assert not words & {"ruler", "hair", "skin", "patch", "border", "image", "vignette"}


def test_a_crop_without_the_artefact_does_not_show_it():
    shown = next(p for p in (picture(0, k) for k in range(60)) if p.covers[0].mean() > 0.01 and p.lesion.any())
    whole = visible(shown, (0, 0, CELLS, CELLS))
    assert whole[0] == 1
    empty = [
        (x, y)
        for x in range(0, CELLS - 7, 4)
        for y in range(0, CELLS - 7, 4)
        if not shown.covers[0][y : y + 8, x : x + 8].any()
    ]
    x, y = empty[0]
    assert visible(shown, (x, y, x + 8, y + 8))[0] == -1
    assert visible(shown, (x, y, x + 8, y + 8))[CONCEPTS.index("large_diameter")] == 0


def test_boxes_lie_in_the_picture():
    rng = np.random.default_rng(0)
    for left, top, right, bottom in (draw_box(rng) for _ in range(300)):
        assert 0 <= left < right <= CELLS
        assert 0 <= top < bottom <= CELLS
