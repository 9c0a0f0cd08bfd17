import numpy as np
import pytest

from auditlens.challenge.lettering import GLYPHS, box_of, inked, written
from auditlens.spec.artefacts import WRITABLE


def cover(text, height=24.0, weight=2.0):
    paths = written(text, height)
    return inked(paths, weight, *box_of(paths, 3.0))


def test_what_the_spec_lets_through_can_be_drawn():
    assert set(WRITABLE) == set(GLYPHS)


def test_no_two_characters_look_alike():
    drawn = [inked(written(character, 24.0), 2.0, np.array([-20.0, -20.0]), (40, 40)) for character in GLYPHS]
    for number, one in enumerate(drawn):
        for other in drawn[:number]:
            assert np.abs(one - other).sum() > 2.0


def test_small_letters_are_written_as_capitals():
    assert np.array_equal(cover("Left arm"), cover("LEFT ARM"))


@pytest.mark.parametrize("height", [12.0, 30.0])
def test_a_capital_is_as_high_as_asked(height):
    rows = np.flatnonzero((cover("H", height, 1.0) > 0.5).any(axis=1))
    assert rows[-1] - rows[0] + 1 == pytest.approx(height, abs=2.0)


def test_a_quarter_turn_swaps_the_sides():
    flat, upright = (box_of(written("ABC", 20.0, angle), 0.0)[1] for angle in (0.0, np.pi / 2))
    assert upright == pytest.approx(flat[::-1], abs=1)


def test_the_strokes_stay_on_the_sheet():
    drawn = cover("WQ/8-,")
    assert drawn[0].max() == drawn[-1].max() == drawn[:, 0].max() == drawn[:, -1].max() == 0
