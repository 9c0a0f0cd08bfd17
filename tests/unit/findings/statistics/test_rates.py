from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from auditlens.findings.statistics import rate

COUNTS = [(0, 41), (1, 41), (13, 300), (5, 5), (150, 300), (20, 20)]


@st.composite
def clustered(draw):
    n = draw(st.integers(2, 40))
    events = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    units = draw(st.lists(st.integers(0, 12), min_size=n, max_size=n))
    instances = draw(st.none() | st.lists(st.integers(0, 5), min_size=n, max_size=n))
    return np.array(events), np.array(units), None if instances is None else np.array(instances)


def limits(estimate):
    return estimate.low, estimate.high


@pytest.mark.parametrize(("k", "n"), COUNTS)
@pytest.mark.parametrize("sided", ["one", "two"])
def test_single_units_have_the_binomial_limits(k, n, sided):
    estimate = rate(np.arange(n) < k, np.arange(n), sided=sided)
    level = 0.90 if sided == "one" else 0.95
    expected = stats.binomtest(k, n).proportion_ci(level, method="exact")
    assert limits(estimate) == pytest.approx((expected.low, expected.high))
    assert (estimate.value, estimate.n, estimate.n_units, estimate.n_events) == (k / n, n, n, k)


def test_41_without_an_event_allow_seven_per_cent():
    assert rate(np.zeros(41), np.arange(41), sided="one").high == pytest.approx(0.0705, abs=5e-5)


def test_images_that_agree_within_their_unit_count_once():
    own = np.random.default_rng(1).random(60) < 0.3
    once = rate(own, np.arange(60))
    assert limits(rate(np.repeat(own, 4), np.repeat(np.arange(60), 4))) == pytest.approx(limits(once))


def test_instances_that_differ_widen_the_interval():
    instances = np.arange(300) % 6
    events = np.random.default_rng(2).random(300) < np.array([0.02, 0.5, 0.1, 0.02, 0.4, 0.1])[instances]
    alone, crossed = rate(events, np.arange(300)), rate(events, np.arange(300), instances=instances)
    assert crossed.high - crossed.low > 2 * (alone.high - alone.low)
    assert crossed.n_instances == 6


def test_one_event_says_nothing_about_instances():
    events = np.arange(300) == 17
    alone, crossed = rate(events, np.arange(300)), rate(events, np.arange(300), instances=np.arange(300) % 5)
    assert limits(alone) == pytest.approx(limits(crossed))


def test_no_event_rests_on_the_units_and_says_that_instances_are_unseen():
    estimate = rate(np.zeros(300), np.arange(300), instances=np.arange(300) % 3, sided="one")
    assert estimate.high == pytest.approx(1 - 0.05 ** (1 / 300))
    assert estimate.note == "no difference between instances seen; for these cut-outs"


def test_upper_limit_grows_from_no_event_to_one():
    units = np.repeat(np.arange(100), 3)
    highs = [rate(np.arange(300) < 3 * k, units).high for k in range(6)]
    assert highs == sorted(highs)


def test_nothing_observed():
    estimate = rate([], [])
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (None, None, None, 0)
    assert estimate.note == "no observations"


def test_one_unit_with_mixed_outcomes_knows_next_to_nothing():
    estimate = rate([0, 1, 1, 0], [3, 3, 3, 3])
    assert estimate.high - estimate.low > 0.9
    assert estimate.note == "few units"


@pytest.mark.parametrize("events", [[0, 2], [0.5, 1], [[0, 1]], [np.nan, 0]])
def test_other_than_events_is_refused(events):
    with pytest.raises(ValueError, match="events"):
        rate(events, [0, 1])


@settings(max_examples=60, deadline=None)
@given(clustered())
def test_bounds_are_ordered_and_within_the_unit_interval(data):
    events, units, instances = data
    estimate = rate(events, units, instances=instances)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    assert estimate.low < estimate.high


@settings(max_examples=60, deadline=None)
@given(clustered(), st.integers(2, 4))
def test_duplicating_every_image_changes_nothing(data, times):
    events, units, instances = data
    once = rate(events, units, instances=instances)
    again = None if instances is None else np.tile(instances, times)
    more = rate(np.tile(events, times), np.tile(units, times), instances=again)
    assert limits(more) == pytest.approx(limits(once), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(clustered(), st.randoms(use_true_random=False))
def test_order_does_not_matter(data, random):
    events, units, instances = data
    order = list(range(len(events)))
    random.shuffle(order)
    shuffled = rate(events[order], units[order], instances=None if instances is None else instances[order])
    assert limits(shuffled) == pytest.approx(limits(rate(events, units, instances=instances)), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(clustered())
def test_more_confidence_is_wider(data):
    events, units, instances = data
    estimates = [rate(events, units, instances=instances, confidence=c) for c in (0.8, 0.9, 0.95, 0.99)]
    assert all(a.low >= b.low - 1e-12 for a, b in pairwise(estimates))
    assert all(a.high <= b.high + 1e-12 for a, b in pairwise(estimates))


@settings(max_examples=60, deadline=None)
@given(clustered())
def test_counting_the_opposite_mirrors_the_limits(data):
    events, units, instances = data
    one, other = rate(events, units, instances=instances), rate(~events, units, instances=instances)
    assert limits(one) == pytest.approx((1 - other.high, 1 - other.low), abs=1e-9)
