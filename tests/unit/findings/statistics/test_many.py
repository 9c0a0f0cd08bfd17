import numpy as np
import pytest

from auditlens.findings.statistics import holm, mean_share
from auditlens.findings.statistics.many import mean_effects


@pytest.fixture
def skewed():
    rng = np.random.default_rng(0)
    units, instances = np.arange(60) // 2, np.arange(60) % 6
    values = rng.gamma(1.0, 1.0, (60, 5)) - [0.5, 0.8, 1.0, 1.2, 2.0] + 0.2 * rng.normal(size=6)[instances][:, None]
    return values, units, instances


def test_without_instances_they_are_the_limits_of_mean_share(skewed):
    values, units, _ = skewed
    expected = mean_share(values, units, bounds=None)
    for own, other in zip(mean_effects(values, units).estimates(), expected, strict=True):
        assert (own.value, own.low, own.high) == pytest.approx((other.value, other.low, other.high))


def test_instances_widen_and_are_counted(skewed):
    values, units, instances = skewed
    crossed, plain = mean_effects(values, units, instances).estimates(), mean_effects(values, units).estimates()
    assert all(own.n_instances == 6 for own in crossed)
    assert sum(own.high - own.low for own in crossed) > sum(own.high - own.low for own in plain)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
def test_an_interval_is_clear_of_zero_exactly_where_the_p_value_says_so(skewed, level):
    values, units, instances = skewed
    shifts = np.linspace(-1, 1, 41)
    found = mean_effects((values[:, :1] - values[:, :1].mean()) + shifts, units, instances)
    clear = np.array([own.low > 0 or own.high < 0 for own in found.estimates(level)])
    np.testing.assert_array_equal(clear, found.p_values() < 1 - level)
    assert clear.any() and not clear.all()


def test_every_column_has_its_own_level(skewed):
    narrow, wide = (mean_effects(*skewed).estimates(level) for level in (0.95, 0.999))
    mixed = mean_effects(*skewed).estimates([0.95, 0.999, 0.95, 0.95, 0.95])
    assert mixed[0] == narrow[0] and mixed[1] == wide[1]


def test_p_values_are_uniform_without_instances_and_careful_with_them():
    rng = np.random.default_rng(1)
    values, units, instances = rng.normal(size=(80, 4000)), np.arange(80), rng.integers(0, 12, 80)
    p = mean_effects(values, units).p_values()
    assert 0.04 < (p < 0.05).mean() < 0.06
    assert 0.46 < (p < 0.5).mean() < 0.54
    assert 0.01 < (mean_effects(values, units, instances).p_values() < 0.05).mean() < 0.05


@pytest.mark.parametrize("n_instances", [4, 9])
def test_holm_keeps_its_level_over_a_list_with_few_instances(n_instances):
    """A fifth of the variance lies between instances; Satterthwaite's degrees of freedom alone fail here."""
    rng = np.random.default_rng(2)
    instances, n_wrong = np.arange(100) % n_instances, 0
    for _ in range(60):
        shared = rng.normal(size=(n_instances, 60))[instances]
        values = np.sqrt(0.8) * rng.normal(size=(100, 60)) + np.sqrt(0.2) * shared
        n_wrong += bool((holm(mean_effects(values, np.arange(100), instances).p_values()) <= 0.05).any())
    assert n_wrong <= 6


def test_constants_and_single_units():
    found = mean_effects([[0.0, 1.0], [0.0, 1.0]], [0, 1])
    assert found.p_values().tolist() == [1.0, 0.0]
    assert [(own.low, own.high) for own in found.estimates()] == [(0.0, 0.0), (1.0, 1.0)]
    alone = mean_effects([[1.0], [2.0]], [0, 0])
    assert alone.p_values().tolist() == [1.0]
    (own,) = alone.estimates()
    assert (own.value, own.low, own.high) == (1.5, None, None) and "one unit" in own.note


@pytest.mark.parametrize("values", [np.empty((0, 2)), [[np.nan]], [1.0]])
def test_gaps_are_refused(values):
    with pytest.raises(ValueError, match="finite numbers"):
        mean_effects(values, np.zeros(len(values)))
