"""Differences between groups that are not paired: definitions, errors, and what cannot be compared."""

import numpy as np
import pytest
from scipy import stats

from auditlens.findings.statistics.contrasts import difference_within, rate_contrast


def test_without_labels_it_is_welch():
    rng = np.random.default_rng(0)
    values, inside = rng.normal(size=60), np.arange(60) < 20
    found = difference_within(values, inside, np.arange(60))
    welch = stats.ttest_ind(values[inside], values[~inside], equal_var=False)
    limits = welch.confidence_interval(0.95)
    (estimate,) = found.estimates()
    assert estimate.value == pytest.approx(values[inside].mean() - values[~inside].mean())
    # Hall's transformation moves both limits by the skewness of the sum; the width stays Welch's
    assert estimate.high - estimate.low == pytest.approx(limits.high - limits.low, rel=0.02)
    assert found.p_values()[0] == pytest.approx(welch.pvalue, abs=0.02)


def test_with_labels_the_mix_of_the_group_weighs():
    values = np.array([5.0, 7.0, 1.0, 3.0, 10.0, 0.0, 2.0])
    labels = np.array([0, 0, 0, 0, 1, 1, 1])
    inside = np.array([True, True, False, False, True, False, False])
    found = difference_within(values, inside, np.arange(7), labels=labels)
    assert found.values[0] == pytest.approx(((5 - 2) + (7 - 2) + (10 - 1)) / 3)


def test_a_label_with_fewer_than_two_units_outside_is_left_out():
    values, labels = np.array([5.0, 6.0, 1.0, 3.0, 10.0, 0.0]), np.array([0, 0, 0, 0, 1, 1])
    inside = np.array([True, True, False, False, True, False])
    found = difference_within(values, inside, np.arange(6), labels=labels)
    assert (found.values[0], found.n) == (pytest.approx(3.5), 4)


@pytest.mark.parametrize("inside", [[False] * 6, [True] * 6, [True] + [False] * 5, [True] * 5 + [False]])
def test_nothing_to_compare_is_none(inside):
    assert difference_within(np.arange(6.0), inside, np.arange(6)) is None


def test_one_unit_on_a_side_is_one_however_many_images():
    assert difference_within(np.arange(8.0), np.arange(8) < 4, [0, 0, 0, 0, 1, 2, 3, 4]) is None


def test_instances_that_differ_are_shared_by_both_sides():
    """Every instance acts alike inside and outside: it must not widen the difference, as it widens a mean."""
    rng = np.random.default_rng(1)
    n = 400
    instances = np.arange(n) % 8
    values = rng.normal(size=8)[instances] + 0.05 * rng.normal(size=n)
    inside = (np.arange(n) // 8) % 2 == 0
    (shared,) = difference_within(values, inside, np.arange(n), instances).estimates()
    (apart,) = difference_within(values, instances < 4, np.arange(n), instances).estimates()
    assert shared.high - shared.low < 0.5
    assert apart.high - apart.low > 1.0


def test_a_unit_on_both_sides_cancels_what_its_images_share():
    rng = np.random.default_rng(2)
    own = np.repeat(rng.normal(size=200), 2)
    values, inside = own + 0.1 * rng.normal(size=400), np.arange(400) % 2 == 0
    (paired,) = difference_within(values, inside, np.repeat(np.arange(200), 2)).estimates()
    (single,) = difference_within(values, inside, np.arange(400)).estimates()
    assert paired.high - paired.low < 0.3 * (single.high - single.low)


def test_shapes_and_gaps_are_told():
    with pytest.raises(ValueError, match="finite"):
        difference_within([1.0, np.nan], [True, False], [0, 1])
    with pytest.raises(ValueError, match="must have shape"):
        difference_within([1.0, 2.0], [True], [0, 1])
    with pytest.raises(ValueError, match="must have shape"):
        rate_contrast([1, 0], [True], [0, 1])


def test_the_risk_difference_is_newcombes():
    """Newcombe 1998, method 10, with exact limits in place of Wilson's: 56/70 against 48/80."""
    events = np.repeat([1, 0, 1, 0], [56, 14, 48, 32])
    found = rate_contrast(events, np.arange(150) < 70, np.arange(150))
    assert found.value == pytest.approx(0.2)
    exact = [stats.binomtest(k, n).proportion_ci(method="exact") for k, n in ((56, 70), (48, 80))]
    low = 0.2 - np.hypot(0.8 - exact[0].low, exact[1].high - 0.6)
    high = 0.2 + np.hypot(exact[0].high - 0.8, 0.6 - exact[1].low)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert found.n_events == 104


def test_a_rate_without_events_keeps_a_width():
    found = rate_contrast(np.zeros(40), np.arange(40) < 20, np.arange(40))
    assert found.low < -0.1 < 0.1 < found.high


def test_one_group_alone_is_no_contrast():
    assert rate_contrast([1, 0], [True, True], [0, 1]).value is None


def test_a_small_side_is_noted():
    found = difference_within(np.random.default_rng(0).normal(size=80), np.arange(80) < 12, np.arange(80))
    assert found.estimates()[0].note == "few units on a side"
