import numpy as np
import pytest

from auditlens.challenge.placement import centre_ellipse, place

ROUND = np.ones((20, 30), dtype=np.float32)


def spots(placement, n=40, **more):
    return [place(ROUND, (100, 120), placement, np.random.default_rng(seed), None, **more) for seed in range(n)]


def test_border_touches_a_border():
    for spot in spots("border"):
        assert spot.left in (0, 90) or spot.top in (0, 80)
        assert 0 <= spot.left <= 90
        assert 0 <= spot.top <= 80


def test_corner_touches_two_borders():
    found = {(spot.left, spot.top) for spot in spots("corner")}
    assert found == {(0, 0), (90, 0), (0, 80), (90, 80)}


def test_anywhere_stays_inside():
    found = spots("anywhere")
    assert all(0 <= spot.left <= 90 and 0 <= spot.top <= 80 for spot in found)
    assert len(set(found)) > 30


def test_overhang_and_inset_are_bounds():
    lefts = [spot.left for spot in spots("border", side="left", overhang=0.5, inset=0.1)]
    assert min(lefts) >= -15
    assert max(lefts) <= 12
    assert min(lefts) < -5
    assert max(lefts) > 4


def test_a_chosen_side_is_kept():
    assert {spot.top for spot in spots("border", side="bottom")} == {80}


def test_full_is_centred():
    assert {(spot.left, spot.top) for spot in spots("full")} == {(45, 40)}


def test_what_is_avoided_stays_free():
    avoid = centre_ellipse(100, 120)
    for seed in range(30):
        spot = place(ROUND, (100, 120), "anywhere", np.random.default_rng(seed), avoid)
        assert not avoid[spot.top : spot.top + 20, spot.left : spot.left + 30].any()


def test_the_least_bad_place_is_taken_where_none_is_free():
    avoid = np.ones((100, 120), dtype=bool)
    avoid[:, :10] = False
    found = [place(ROUND, (100, 120), "border", np.random.default_rng(seed), avoid) for seed in range(20)]
    assert np.mean([spot.left <= 0 for spot in found]) > 0.9


@pytest.mark.parametrize("size", [(10, 10), (97, 201)])
def test_the_centre_is_an_ellipse_of_its_stated_area(size):
    assert centre_ellipse(*size).mean() == pytest.approx(np.pi * 0.27**2, abs=0.03)
