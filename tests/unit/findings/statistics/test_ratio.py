"""A ratio of means, against Fieller's closed form, a brute-force bootstrap, and what it must refuse to bound."""

import numpy as np
import pytest
from scipy import stats

from auditlens.findings.statistics import mean_effect, ratio_of_means


def paired(n=200, effect=1.0, share=0.5, seed=0, skewed=False):
    rng = np.random.default_rng(seed)
    total = effect + (rng.exponential(size=n) - 1 if skewed else rng.standard_normal(n))
    return share * total + 0.3 * rng.standard_normal(n), total


def fieller(above, below, tail=0.025):
    """The closed form for independent pairs, without a correction for skewness."""
    n = len(above)
    t = stats.t.ppf(1 - tail, n - 1)
    (vaa, vab), (_, vbb) = np.cov(above, below) / n
    a = below.mean() ** 2 - t**2 * vbb
    b = above.mean() * below.mean() - t**2 * vab
    c = above.mean() ** 2 - t**2 * vaa
    root = np.sqrt(b**2 - a * c)
    return (b - root) / a, (b + root) / a


@pytest.mark.parametrize("effect", [1.0, 0.4])
def test_near_the_closed_form_where_nothing_is_skewed(effect):
    above, below = paired(2000, effect)
    found = ratio_of_means(above, below, np.arange(2000))
    low, high = fieller(above, below)
    assert found.value == pytest.approx(above.mean() / below.mean())
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.02 * (high - low))


def test_near_a_brute_force_bootstrap_of_the_combination():
    """A ratio is inside where the bootstrap-t of mean(N - rho D) does not tell it from zero."""
    above, below = paired(120, 0.5, 0.6, seed=3, skewed=True)
    found = ratio_of_means(above, below, np.arange(120))
    inside = []
    for rho in np.linspace(found.low - 0.1, found.high + 0.1, 81):
        values = above - rho * below
        picks = np.random.default_rng(1).integers(120, size=(4000, 120))
        drawn = values[picks]
        t = (drawn.mean(axis=1) - values.mean()) / (drawn.std(axis=1, ddof=1) / np.sqrt(120))
        error = values.std(ddof=1) / np.sqrt(120)
        low, high = values.mean() - np.quantile(t, 0.975) * error, values.mean() - np.quantile(t, 0.025) * error
        if low <= 0 <= high:
            inside.append(rho)
    width = found.high - found.low
    assert (found.low, found.high) == pytest.approx((min(inside), max(inside)), abs=0.1 * width)


def test_without_an_effect_there_are_no_limits():
    above, below = paired(100, 0.0, seed=1)
    found = ratio_of_means(above, below, np.arange(100))
    assert found.value is not None and found.low is None and found.high is None
    assert "unbounded" in found.note


def test_bounded_exactly_where_the_denominator_is_clear_of_zero():
    seen = set()
    for seed in range(40):
        above, below = paired(60, 0.25, seed=seed)
        plain = mean_effect(below, np.arange(60), n_draws=0)
        clear = plain.low > 0 or plain.high < 0
        assert (ratio_of_means(above, below, np.arange(60)).low is not None) == clear
        seen.add(clear)
    assert seen == {True, False}


def test_the_sign_of_the_effect_does_not_matter():
    above, below = paired(80, 0.6, skewed=True)
    one, other = (ratio_of_means(sign * above, sign * below, np.arange(80)) for sign in (1, -1))
    assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_nothing_and_everything_are_exact(share):
    _, below = paired(40, 1.0)
    found = ratio_of_means(share * below, below, np.arange(40))
    assert (found.value, found.low, found.high) == pytest.approx((share, share, share), abs=1e-9)


def test_instances_widen_it_and_so_does_confidence():
    rng = np.random.default_rng(4)
    instances = np.arange(180) % 6
    total = 4.0 + rng.standard_normal(180) + rng.standard_normal(6)[instances]
    mediated = 0.5 * total + 0.4 * rng.standard_normal(6)[instances] + 0.1 * rng.standard_normal(180)
    plain = ratio_of_means(mediated, total, np.arange(180))
    crossed = ratio_of_means(mediated, total, np.arange(180), instances)
    surer = ratio_of_means(mediated, total, np.arange(180), instances, confidence=0.99)
    widths = [found.high - found.low for found in (plain, crossed, surer)]
    assert widths == sorted(widths) and widths[1] > 1.5 * widths[0]


def test_one_sided_limits_are_those_of_twice_the_tail():
    above, below = paired(90)
    one = ratio_of_means(above, below, np.arange(90), confidence=0.95, sided="one")
    two = ratio_of_means(above, below, np.arange(90), confidence=0.90)
    assert (one.low, one.high) == (two.low, two.high)


def test_what_cannot_be_estimated():
    assert ratio_of_means([], [], []).value is None
    assert ratio_of_means([1.0, 2.0], [1.0, -1.0], [0, 1]).value is None
    one_unit = ratio_of_means([1.0, 2.0], [2.0, 3.0], [0, 0])
    assert one_unit.value == pytest.approx(0.6) and one_unit.low is None
    assert ratio_of_means(*paired(20), np.arange(20)).too_few
    with pytest.raises(ValueError, match="two vectors of finite numbers"):
        ratio_of_means([1.0, np.nan], [1.0, 2.0], [0, 1])
