import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditlens.findings.statistics import rate, rate_difference
from auditlens.findings.statistics.square_and_add import square_and_add


@st.composite
def pairs(draw):
    n = draw(st.integers(2, 40))
    vectors = [np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n))) for _ in range(2)]
    return (*vectors, np.array(draw(st.lists(st.integers(0, 12), min_size=n, max_size=n))))


def limits(estimate):
    return estimate.low, estimate.high


def test_no_events_on_either_side_still_has_a_width():
    zeros = np.zeros(100)
    estimate = rate_difference(zeros, zeros, np.arange(100), sided="one")
    bound = 1 - 0.05 ** (1 / 100)
    assert limits(estimate) == pytest.approx((-bound, bound))
    assert estimate.value == 0


def test_events_on_one_side_only():
    a = np.arange(100) < 12
    estimate = rate_difference(a, np.zeros(100), np.arange(100))
    alone = rate(a, np.arange(100))
    none = rate(np.zeros(100), np.arange(100))
    assert estimate.high == pytest.approx(alone.high)
    assert estimate.low == pytest.approx(0.12 - np.hypot(0.12 - alone.low, none.high))


def test_events_that_go_together_narrow_the_interval():
    rng = np.random.default_rng(0)
    b = rng.random(300) < 0.2
    a = b | (rng.random(300) < 0.1)
    together = rate_difference(a, b, np.arange(300))
    apart = rate_difference(a, rng.permutation(b), np.arange(300))
    assert together.high - together.low < 0.8 * (apart.high - apart.low)
    assert together.n_events == int((a != b).sum())


def test_notes_and_emptiness():
    assert rate_difference([], [], []).value is None
    zeros = np.zeros(20)
    note = rate_difference(zeros, zeros, np.arange(20), instances=np.arange(20) % 2).note
    assert note == "no difference between instances seen; for these cut-outs"


def test_unpaired_is_refused():
    with pytest.raises(ValueError, match="must be paired"):
        rate_difference([0, 1], [0, 1, 1], [0, 1])


def test_square_and_add_is_clipped():
    assert square_and_add((1.0, 0.5, 1.0), (0.0, 0.0, 0.9), -1.0) == (pytest.approx(-0.4), 1.0)


@settings(max_examples=60, deadline=None)
@given(pairs())
def test_bounds_are_ordered_and_swapping_mirrors_them(data):
    a, b, units = data
    estimate, swapped = rate_difference(a, b, units), rate_difference(b, a, units)
    assert -1 <= estimate.low <= estimate.value <= estimate.high <= 1
    assert estimate.low < estimate.high
    assert limits(estimate) == pytest.approx((-swapped.high, -swapped.low), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(pairs())
def test_duplication_and_order_change_nothing(data):
    a, b, units = data
    once = limits(rate_difference(a, b, units))
    twice = limits(rate_difference(np.tile(a, 2)[::-1], np.tile(b, 2)[::-1], np.tile(units, 2)[::-1]))
    assert twice == pytest.approx(once, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(pairs())
def test_more_confidence_is_not_narrower(data):
    a, b, units = data
    narrow, wide = (rate_difference(a, b, units, confidence=c) for c in (0.9, 0.99))
    assert wide.high - wide.low >= narrow.high - narrow.low - 1e-12
