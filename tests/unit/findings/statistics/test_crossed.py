"""Means behind which stand the instances of several artefacts."""

import numpy as np
import pytest

from auditlens.findings.statistics.crossed import crossed_means
from auditlens.findings.statistics.many import mean_effects


def sample(rng, n=80, of_a=0.0, of_b=0.0, n_a=12, n_b=15, mean=0.0):
    a, b = rng.integers(n_a, size=n), rng.integers(n_b, size=n)
    values = mean + rng.normal(0, 1, n) + of_a * rng.normal(size=n_a)[a] + of_b * rng.normal(size=n_b)[b]
    return values, a, b


def limits(values, units, *instances):
    (found,) = crossed_means(values[:, None], units, instances).estimates(0.95)
    return found.low, found.high


def test_with_one_artefact_it_is_the_mean_of_many():
    for seed in range(20):
        values, a, _ = sample(np.random.default_rng(seed), of_a=0.5)
        units = np.arange(80) // 2
        (other,) = mean_effects(values[:, None], units, a).estimates(0.95)
        assert limits(values, units, a) == pytest.approx((other.low, other.high))


def test_the_instances_of_either_artefact_widen_it():
    values, a, b = sample(np.random.default_rng(1), of_a=1.0, of_b=1.0)
    units = np.arange(80)
    low, high = limits(values, units, a, b)
    for single in (a, b):
        one_low, one_high = limits(values, units, single)
        assert high - low > one_high - one_low
    assert limits(values, units, b, a) == pytest.approx((low, high))


def test_a_single_instance_adds_nothing_and_one_unit_has_no_interval():
    values, a, _ = sample(np.random.default_rng(2))
    units, one = np.arange(80), np.zeros(80, int)
    assert limits(values, units, a, one) == pytest.approx(limits(values, units, a))
    assert limits(values, np.zeros(80, int), a) == (None, None)


def test_doubling_under_the_same_unit_changes_nothing():
    values, a, b = sample(np.random.default_rng(3), of_a=0.7, of_b=0.7)
    units = np.arange(80)
    twice = limits(np.tile(values, 2), np.tile(units, 2), np.tile(a, 2), np.tile(b, 2))
    assert twice == pytest.approx(limits(values, units, a, b))


@pytest.mark.parametrize(("of_a", "of_b"), [(0.0, 0.0), (0.5, 0.0), (0.5, 0.5)])
def test_it_covers_the_truth_where_units_and_both_instances_vary(of_a, of_b):
    rng, n = np.random.default_rng(4), 400
    covered = 0
    for _ in range(n):
        values, a, b = sample(rng, of_a=of_a, of_b=of_b)
        low, high = limits(values, np.arange(80), a, b)
        covered += low <= 0 <= high
    assert covered / n >= 0.93


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="at least one artefact"):
        crossed_means(np.zeros((3, 1)), [0, 1, 2], [])
    with pytest.raises(ValueError, match="finite"):
        crossed_means([[np.nan]], [0], [[0]])
