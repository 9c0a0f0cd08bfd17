"""Differences between two models, against definitions written slowly and against the paired ones they extend."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditlens.findings.statistics import (
    difference_of_changes,
    independent_difference,
    overlapping_rate_difference,
    rate,
    rate_difference,
)
from auditlens.stages.findings import Estimate


@st.composite
def events(draw):
    n = draw(st.integers(2, 40))
    vectors = [np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n))) for _ in range(4)]
    return (*vectors, np.array(draw(st.lists(st.integers(0, 12), min_size=n, max_size=n))))


@given(events())
@settings(max_examples=60, deadline=None)
def test_on_the_same_rows_it_is_the_paired_difference(drawn):
    a, b, _, _, units = drawn
    everything = np.ones(len(a), dtype=bool)
    found = overlapping_rate_difference(a, b, everything, everything, units)
    expected = rate_difference(a, b, units)
    assert (found.value, found.low, found.high) == pytest.approx((expected.value, expected.low, expected.high))


@given(events())
@settings(max_examples=60, deadline=None)
def test_values_are_those_of_each_denominator_and_lie_in_their_interval(drawn):
    a, b, rows_a, rows_b, units = drawn
    found = overlapping_rate_difference(a, b, rows_a, rows_b, units)
    if not rows_a.any() or not rows_b.any():
        assert found.value is None and found.note
        return
    assert found.value == pytest.approx(a[rows_a].mean() - b[rows_b].mean())
    assert -1 <= found.low <= found.value <= found.high <= 1


def test_disjoint_rows_are_independent():
    rng = np.random.default_rng(0)
    a, b, units = rng.random(200) < 0.4, rng.random(200) < 0.2, np.arange(200)
    first = units < 120
    found = overlapping_rate_difference(a, b, first, ~first, units)
    expected = independent_difference(rate(a[first], units[first]), rate(b[~first], units[~first]))
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=2e-3)


def test_overlap_of_what_goes_together_narrows_the_interval():
    rng = np.random.default_rng(1)
    b = rng.random(300) < 0.3
    a, rows = b ^ (rng.random(300) < 0.05), rng.random(300) < 0.9
    together = overlapping_rate_difference(a, b, rows, np.ones(300, bool), np.arange(300))
    apart = independent_difference(rate(a[rows], np.flatnonzero(rows)), rate(b, np.arange(300)))
    assert together.high - together.low < 0.6 * (apart.high - apart.low)


@given(events())
@settings(max_examples=60, deadline=None)
def test_a_difference_of_changes_is_the_difference_of_the_two(drawn):
    after_a, before_a, after_b, before_b, units = drawn
    everything = np.ones(len(units), dtype=bool)
    found = difference_of_changes((after_a, before_a), (after_b, before_b), everything, everything, units)
    value = (after_a.mean() - before_a.mean()) - (after_b.mean() - before_b.mean())
    assert found.value == pytest.approx(value)
    assert -2 <= found.low <= found.value <= found.high <= 2


@given(events())
@settings(max_examples=40, deadline=None)
def test_doubling_every_image_under_its_patient_changes_no_interval(drawn):
    after_a, before_a, after_b, before_b, units = drawn
    twice = [np.concatenate([one, one]) for one in drawn]
    everything = np.ones(len(units), dtype=bool)
    once = difference_of_changes((after_a, before_a), (after_b, before_b), everything, everything, units)
    doubled = np.ones(2 * len(units), dtype=bool)
    again = difference_of_changes((twice[0], twice[1]), (twice[2], twice[3]), doubled, doubled, twice[4])
    assert (again.value, again.low, again.high) == pytest.approx((once.value, once.low, once.high), abs=1e-9)


def test_coverage_of_overlapping_rates():
    """95 % intervals of the difference of two correlated rates with denominators of their own cover the truth."""
    rng, n, covered, tries = np.random.default_rng(7), 150, 0, 400
    for _ in range(tries):
        common = rng.normal(size=n)
        a, b = (common + rng.normal(0, 0.5, n) < -0.6), (common + rng.normal(0, 0.5, n) < -1.1)
        rows_a, rows_b = rng.random(n) < 0.8, rng.random(n) < 0.7
        found = overlapping_rate_difference(a, b, rows_a, rows_b, np.arange(n))
        covered += found.low <= TRUE_DIFFERENCE <= found.high
    assert 0.93 <= covered / tries <= 0.995


TRUE_DIFFERENCE = 0.29574 - 0.16258
"""P(N(0, 1.25) < -0.6) - P(N(0, 1.25) < -1.1)."""


def test_coverage_of_differences_of_changes():
    rng, n, covered, tries = np.random.default_rng(8), 150, 0, 300
    truth = None
    big = _changes(np.random.default_rng(9), 400_000)
    truth = (big[0].mean() - big[1].mean()) - (big[2].mean() - big[3].mean())
    everything = np.ones(n, dtype=bool)
    for _ in range(tries):
        after_a, before_a, after_b, before_b = _changes(rng, n)
        found = difference_of_changes((after_a, before_a), (after_b, before_b), everything, everything, np.arange(n))
        covered += found.low <= truth <= found.high
    assert covered / tries >= 0.93


def _changes(rng, n):
    common = rng.normal(size=n)
    scores = [common + rng.normal(0, 0.4, n) for _ in range(2)]
    return scores[0] > 0.2, scores[0] > 0.8, scores[1] > 0.6, scores[1] > 0.8


def test_independent_differences_know_their_bounds_and_what_is_missing():
    a, b = Estimate(value=0.9, low=0.5, high=1.0), Estimate(value=-0.9, low=-1.0, high=-0.5)
    assert independent_difference(a, b, (-1.0, 1.0)).high == 1.0
    assert independent_difference(a, b).high == pytest.approx(1.8 + np.hypot(0.1, 0.1))
    assert independent_difference(a, Estimate(value=None, note="x")).value is None
    bare = independent_difference(a, Estimate(value=0.1))
    assert bare.value == pytest.approx(0.8) and bare.low is None and "no interval" in bare.note
