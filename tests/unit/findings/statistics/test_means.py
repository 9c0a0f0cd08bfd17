import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from auditlens.findings.statistics import mean_effect, mean_effects, mean_share, quantile, quantiles

RNG = np.random.default_rng(0)
SKEWED = RNG.exponential(size=120)


@st.composite
def clustered(draw):
    n = draw(st.integers(3, 30))
    values = draw(st.lists(st.floats(-5, 5, allow_nan=False), min_size=n, max_size=n))
    units = draw(st.lists(st.integers(0, 10), min_size=n, max_size=n))
    return np.round(np.array(values), 3), np.array(units)


def limits(estimate):
    return estimate.low, estimate.high


@pytest.mark.parametrize("n_instances", [None, 1, 9, 20])
def test_several_columns_at_once_are_those_of_each_by_itself(n_instances):
    values = RNG.normal(size=(120, 2)) * [1.0, 0.2]
    columns = [values[:, 0], values[:, 1], np.full(120, 0.25), values[:, 0] - values[:, 1]]
    bounds = [(-1.0, 1.0), None, None, (-2.0, 2.0)]
    instances = np.arange(120) % n_instances if n_instances else None
    given = {"instances": instances, "n_draws": 500, "seed": 3}
    found = mean_effects(columns, np.arange(120) // 2, bounds=bounds, **given)
    alone = [mean_effect(c, np.arange(120) // 2, bounds=b, **given) for c, b in zip(columns, bounds, strict=True)]
    assert found == alone
    assert len({limits(estimate) for estimate in found}) == 4


def test_draws_without_an_observation_are_left_out():
    estimate = mean_effect(RNG.normal(size=15), np.arange(15), np.arange(15), n_draws=20_000)
    assert "and instances" in estimate.method
    assert estimate.low < estimate.value < estimate.high


def test_normal_values_get_about_students_interval():
    values = np.random.default_rng(1).standard_normal(60)
    expected = stats.t.interval(0.95, 59, values.mean(), stats.sem(values))
    assert limits(mean_effect(values, np.arange(60))) == pytest.approx(expected, abs=0.03)


def test_skewed_values_get_a_longer_upper_arm():
    estimate = mean_effect(SKEWED, np.arange(120))
    assert estimate.method == "studentised bootstrap over units"
    assert estimate.high - estimate.value > 1.1 * (estimate.value - estimate.low)


def test_same_seed_same_bytes_and_another_seed_nearly_the_same():
    first, second = (mean_effect(SKEWED, np.arange(120), seed=5) for _ in range(2))
    assert first == second
    assert limits(mean_effect(SKEWED, np.arange(120), seed=6)) == pytest.approx(limits(first), abs=0.02)


@pytest.mark.parametrize("n_instances", [2, 5, 9, 24])
def test_instances_that_differ_widen_the_interval(n_instances):
    instances = np.arange(240) % n_instances
    values = np.random.default_rng(2).standard_normal(240) * 0.2 + (instances % 2)
    alone, crossed = mean_effect(values, np.arange(240)), mean_effect(values, np.arange(240), instances)
    assert crossed.high - crossed.low > 1.5 * (alone.high - alone.low)
    assert crossed.n_instances == n_instances
    assert ("for these cut-outs" in crossed.note) == (n_instances < 5)
    assert ("bootstrap" in crossed.method) == (n_instances == 24)


def test_few_instances_rest_on_the_t_of_the_instances():
    instances = np.arange(240) % 4
    values = np.array([0.0, 1.0, 2.0, 3.0])[instances] + 1e-6 * SKEWED.repeat(2)
    expected = stats.t.interval(0.95, 3, 1.5, np.sqrt(5 / 3 / 4))
    assert limits(mean_effect(values, np.arange(240), instances)) == pytest.approx(expected, abs=0.01)


def test_one_instance_is_not_resampled():
    one = mean_effect(SKEWED, np.arange(120), np.zeros(120))
    assert limits(one) == limits(mean_effect(SKEWED, np.arange(120)))
    assert one.note == "for this one instance"


def test_no_variation_is_said_and_has_no_width():
    estimate = mean_effect(np.zeros(50), np.arange(50), np.arange(50) % 20)
    assert (estimate.value, *limits(estimate), estimate.note) == (0.0, 0.0, 0.0, "no variation")
    constant = mean_effect(np.full(50, 0.1), np.arange(50))
    assert (constant.value, *limits(constant)) == (0.1, 0.1, 0.1)


def test_too_little_to_say():
    assert mean_effect([], []).note == "no observations"
    one = mean_effect([1.0, 2.0], [0, 0])
    assert (one.value, one.low, one.high, one.note) == (1.5, None, None, "one unit: no interval")
    assert mean_effect(SKEWED[:20], np.arange(20)).note == "few units"
    assert mean_share([[1.0], [0.0]], [0, 0])[0].note == "one unit: no interval"


def test_one_unit_that_differs_falls_back_on_t():
    estimate = mean_effect(np.eye(100)[0], np.arange(100))
    assert "Hall" in estimate.method
    assert estimate.low < 0.01 < 0.04 < estimate.high < 0.1


def test_limits_are_clipped_to_the_bounds():
    estimate = mean_effect([0.0, 1.0, 1.0, 0.9], np.arange(4), bounds=(0, 1))
    assert estimate.high == 1


def test_gaps_and_shapes_are_refused():
    with pytest.raises(ValueError, match="finite"):
        mean_effect([np.nan, 1.0], [0, 1])
    with pytest.raises(ValueError, match="matrix"):
        mean_share([1.0, 2.0], [0, 1])
    with pytest.raises(ValueError, match="q must"):
        quantile([1.0, 2.0], [0, 1], 1.0)


def test_shares_agree_with_the_effect_by_column():
    matrix = np.column_stack([SKEWED, np.random.default_rng(3).random(120), np.full(120, 0.25)])
    units = np.arange(120) // 2
    first, second, third = mean_share(matrix, units, bounds=None)
    assert limits(first) == pytest.approx(limits(mean_effect(SKEWED, units)), abs=0.03)
    assert limits(second) == pytest.approx(limits(mean_effect(matrix[:, 1], units)), abs=0.01)
    assert (third.low, third.high, third.note) == (0.25, 0.25, "no variation")


def test_shares_of_many_components_are_quick():
    matrix = np.random.default_rng(4).dirichlet(np.full(2000, 0.1), size=300)
    started = time.process_time()
    estimates = mean_share(matrix, np.arange(300))
    assert len(estimates) == 2000
    assert time.process_time() - started < 2
    assert all(0 <= e.low <= e.value <= e.high <= 1 for e in estimates)


def test_quantile_has_the_exact_order_statistics():
    values = np.random.default_rng(5).permutation(np.arange(1.0, 101.0))
    estimate = quantile(values, np.arange(100), 0.5)
    assert (estimate.value, *limits(estimate)) == (50.5, 40.0, 61.0)


def test_quantile_without_enough_beyond_it():
    values = np.arange(20.0)
    estimate = quantile(values, np.arange(20), 0.9)
    assert estimate.high is None
    assert estimate.note == "too few units for a limit on both sides"
    assert quantile(values, np.arange(20), 0.9, bounds=(0, 25)).high == 25


def test_quantiles_by_column():
    matrix = np.random.default_rng(6).random((80, 3))
    units = np.arange(80) // 2
    assert quantiles(matrix, units, 0.8) == [quantile(column, units, 0.8) for column in matrix.T]


@settings(max_examples=30, deadline=None)
@given(clustered())
def test_bounds_are_ordered(data):
    values, units = data
    estimate = mean_effect(values, units, n_draws=500)
    if estimate.low is not None:
        assert estimate.low <= estimate.value <= estimate.high
    for found in (*mean_share(values[:, None], units, bounds=None), quantile(values, units, 0.5, bounds=(-9, 9))):
        if found.low is not None:
            assert found.low <= found.value <= found.high


@settings(max_examples=30, deadline=None)
@given(clustered(), st.randoms(use_true_random=False))
def test_duplication_and_order_change_nothing(data, random):
    values, units = data
    order = list(range(len(values))) * 2
    random.shuffle(order)
    for measure in (
        lambda v, u: mean_share(v[:, None], u, bounds=None)[0],
        lambda v, u: quantile(v, u, 0.7, bounds=(-9, 9)),
    ):
        once, twice = measure(values, units), measure(values[order], units[order])
        assert twice.value == pytest.approx(once.value, abs=1e-9)
        assert (limits(twice) == limits(once)) or limits(twice) == pytest.approx(limits(once), abs=1e-6)


@pytest.mark.parametrize("n_instances", [None, 20])
def test_duplication_and_order_change_nothing_for_the_bootstrap(n_instances):
    instances = None if n_instances is None else np.arange(120) % n_instances
    order = np.random.default_rng(7).permutation(np.tile(np.arange(120), 3))
    again = None if instances is None else instances[order]
    units = np.arange(120) // 2
    once, more = mean_effect(SKEWED, units, instances), mean_effect(SKEWED[order], units[order], again)
    assert (more.value, *limits(more)) == pytest.approx((once.value, *limits(once)))


@pytest.mark.parametrize("sided", ["one", "two"])
def test_more_confidence_is_wider(sided):
    units = np.arange(120) // 2
    for measure in (
        lambda c: mean_effect(SKEWED, units, confidence=c, sided=sided),
        lambda c: mean_effect(SKEWED, units, np.arange(120) % 5, confidence=c, sided=sided),
        lambda c: mean_share(SKEWED[:, None], units, bounds=None, confidence=c, sided=sided)[0],
        lambda c: quantile(SKEWED, units, 0.5, confidence=c, sided=sided),
    ):
        found = [measure(c) for c in (0.8, 0.9, 0.95, 0.99)]
        assert all(a.low >= b.low and a.high <= b.high for a, b in pairwise(found))


def test_one_sided_bounds_are_those_of_a_two_sided_interval_at_twice_the_tail():
    one = mean_effect(SKEWED, np.arange(120), sided="one", confidence=0.95)
    two = mean_effect(SKEWED, np.arange(120), sided="two", confidence=0.90)
    assert limits(one) == pytest.approx(limits(two))
