"""The estimators against slow rewrites from their definitions, and against scikit-learn and scipy."""

import numpy as np
import pytest
from scipy import special, stats
from sklearn.metrics import roc_auc_score

from auditlens.findings.statistics import auroc, mean_effect, mean_share, quantile, rate
from auditlens.findings.statistics.auroc import separation_of
from auditlens.findings.statistics.clusters import clusters_of, spread_of_sum


def slow_components(scores, sides):
    positive, negative = scores[sides], scores[~sides]
    ordered = (positive[:, None] > negative[None, :]) + 0.5 * (positive[:, None] == negative[None, :])
    return ordered.mean(), ordered.mean(axis=1), ordered.mean(axis=0)


def slow_delong_variance(scores, sides):
    _, v10, v01 = slow_components(scores, sides)
    return v10.var(ddof=1) / len(v10) + v01.var(ddof=1) / len(v01)


def slow_obuchowski_variance(scores, sides, units):
    """Obuchowski 1997, equations for the clustered variance, by loops over clusters."""
    area, v10, v01 = slow_components(scores, sides)
    m, n = len(v10), len(v01)
    by_cluster = []
    for unit in np.unique(units):
        own = units == unit
        by_cluster.append((v10[own[sides]] - area, v01[own[~sides]] - area))
    i10 = sum(len(a) > 0 for a, _ in by_cluster)
    i01 = sum(len(b) > 0 for _, b in by_cluster)
    s10 = i10 / (i10 - 1) * sum(a.sum() ** 2 for a, _ in by_cluster) / m
    s01 = i01 / (i01 - 1) * sum(b.sum() ** 2 for _, b in by_cluster) / n
    s11 = np.sqrt(i10 * i01 / ((i10 - 1) * (i01 - 1))) * sum(a.sum() * b.sum() for a, b in by_cluster)
    return s10 / m + s01 / n + 2 * s11 / (m * n)


def variance_of(scores, sides, units):
    clusters = clusters_of(units, None, len(scores))
    separation = separation_of(scores, sides, clusters, None)
    return float((np.bincount(clusters.units, weights=separation.influence) ** 2).sum())


def drawn(seed, n=70, ties=False):
    rng = np.random.default_rng(seed)
    sides = rng.random(n) < 0.4
    scores = rng.standard_normal(n) + sides
    return (np.round(scores) if ties else scores), sides, rng.integers(0, 25, size=n)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_auroc_agrees_with_scikit_learn_and_delong(seed, ties):
    scores, sides, _ = drawn(seed, ties=ties)
    estimate = auroc(scores, sides, np.arange(70))
    assert estimate.value == pytest.approx(roc_auc_score(sides, scores))
    variance = slow_delong_variance(scores, sides)
    assert variance_of(scores, sides, np.arange(70)) == pytest.approx(variance)
    area, smaller = estimate.value, min(sides.sum(), (~sides).sum())
    reach = stats.t.ppf(0.975, smaller - 1) * np.sqrt(variance) / (area * (1 - area))
    low = min(special.expit(special.logit(area) - reach), 0.025 ** (1 / smaller))
    assert (estimate.low, estimate.high) == pytest.approx((low, special.expit(special.logit(area) + reach)))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_clustered_auroc_agrees_with_obuchowski(seed, ties):
    scores, sides, units = drawn(seed, ties=ties)
    assert variance_of(scores, sides, units) == pytest.approx(slow_obuchowski_variance(scores, sides, units))


@pytest.mark.parametrize("seed", range(3))
def test_stratified_auroc_averages_the_pairs_within(seed):
    scores, sides, units = drawn(seed)
    strata = np.arange(70) % 3
    won = pairs = 0.0
    for i in np.flatnonzero(sides):
        for j in np.flatnonzero(~sides):
            if strata[i] == strata[j]:
                won += (scores[i] > scores[j]) + 0.5 * (scores[i] == scores[j])
                pairs += 1
    assert auroc(scores, sides, units, strata=strata).value == pytest.approx(won / pairs)


@pytest.mark.parametrize("seed", range(3))
def test_two_way_variance_agrees_with_pairwise_sums(seed):
    """Cameron, Gelbach and Miller: all pairs that share a unit or an instance, here without factors (large G)."""
    rng = np.random.default_rng(seed)
    n = 400
    units, instances = rng.integers(0, 120, size=n), rng.integers(0, 8, size=n)
    residual = rng.standard_normal(n) + rng.standard_normal(8)[instances] + rng.standard_normal(120)[units]
    residual -= residual.mean()

    def squares(labels):
        same = labels[:, None] == labels[None, :]
        g = len(np.unique(labels))
        return float((same * np.outer(residual, residual)).sum()) / n**2 * g / (g - 1)

    expected = squares(units) + squares(instances) - squares(units * 8 + instances)
    spread = spread_of_sum((residual / n)[:, None], clusters_of(units, instances, n))
    assert spread.variance[0] == pytest.approx(expected)


def test_crossed_bootstrap_agrees_with_a_loop():
    """Draw units and instances by hand, weigh by the product of counts, studentise by the formula."""
    rng = np.random.default_rng(3)
    n, g, c = 150, 40, 16
    units, instances = rng.integers(0, g, size=n), rng.permutation(np.arange(n) % c)
    values = rng.exponential(size=n) + 0.3 * rng.standard_normal(c)[instances]
    mean = values.mean()
    kept = np.unique(units)
    draws = []
    for _ in range(4000):
        w_unit = np.bincount(rng.choice(kept, len(kept)), minlength=g)
        w_instance = np.bincount(rng.integers(0, c, c), minlength=c)
        weight = w_unit[units] * w_instance[instances]
        size = weight.sum()
        star = (weight * values).sum() / size
        residual = (values - star) / size
        by_unit = np.bincount(units, weights=w_instance[instances] * residual, minlength=g)
        by_instance = np.bincount(instances, weights=w_unit[units] * residual, minlength=c)
        cells, code = np.unique(units * c + instances, return_inverse=True)
        by_cell = np.bincount(code, weights=residual)
        w_cell = w_unit[cells // c] * w_instance[cells % c]
        over_units = (w_unit * by_unit**2).sum() * len(kept) / (len(kept) - 1)
        over_instances = (w_instance * by_instance**2).sum() * c / (c - 1)
        over_cells = (w_cell * by_cell**2).sum() * len(cells) / (len(cells) - 1)
        draws.append((star - mean) / np.sqrt(over_units + max(over_instances - over_cells, 0)))
    error = np.sqrt(spread_of_sum(((values - mean) / n)[:, None], clusters_of(units, instances, n)).variance[0])
    expected = mean - np.quantile(draws, [0.975, 0.025]) * error
    estimate = mean_effect(values, units, instances)
    assert (estimate.low, estimate.high) == pytest.approx(expected, abs=0.12 * error)


def test_bootstrap_t_agrees_with_scipys_students_interval_on_much_normal_data():
    values = np.random.default_rng(4).standard_normal(1000)
    expected = stats.t.interval(0.95, 999, values.mean(), stats.sem(values))
    estimate = mean_effect(values, np.arange(1000))
    assert (estimate.low, estimate.high) == pytest.approx(expected, abs=0.004)
    share = mean_share(values[:, None], np.arange(1000), bounds=None)[0]
    assert (share.low, share.high) == pytest.approx(expected, abs=0.002)


@pytest.mark.parametrize("q", [0.25, 0.5, 0.9])
def test_quantile_limits_agree_with_scipys_exact_test(q):
    values = np.random.default_rng(5).standard_normal(200)
    estimate = quantile(values, np.arange(200), q)
    expected = stats.quantile_test(values, p=q).confidence_interval(0.95)
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high))


def test_effective_size_agrees_with_korn_and_graubards_formula():
    rng = np.random.default_rng(6)
    own = rng.beta(1, 3, size=80)
    units = np.repeat(np.arange(80), 5)
    events = rng.random(400) < own[units]
    p = events.mean()
    totals = np.array([(events[units == u] - p).sum() for u in range(80)]) / 400
    variance = (totals**2).sum() * 80 / 79
    size = min(1 + p * (1 - p) / variance, 80)
    low = stats.beta.ppf(0.025, p * size, size - p * size + 1)
    high = stats.beta.ppf(0.975, p * size + 1, size - p * size)
    estimate = rate(events, units)
    assert (estimate.low, estimate.high) == pytest.approx((low, high))
