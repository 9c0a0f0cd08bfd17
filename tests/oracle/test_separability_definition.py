"""The paired difference of AUROC, rewritten as loops over pairs, with a jackknife over units and loops over cells."""

import itertools

import numpy as np
import pytest
from scipy import stats

from auditlens.findings.statistics import auroc, auroc_difference
from auditlens.findings.statistics.auroc import separation_of
from auditlens.findings.statistics.clusters import clusters_of, instance_factors, spread_by_factors

PER_UNIT, N_SIDE = 2, 14
"""Images per unit; units per side. Each unit is of one side, as patients of one diagnosis are."""


def scene(seed, n_instances=5):
    """Positives that stay as they are, negatives that an artefact lifts by as much as its instance does."""
    rng = np.random.default_rng(seed)
    n = 2 * PER_UNIT * N_SIDE
    positives = np.arange(n) < n // 2
    units = np.arange(n) // PER_UNIT
    before = np.round(rng.normal(size=n) + positives, 1)  # with ties
    instances = rng.integers(0, n_instances, n)
    lift = rng.normal(0.6, 0.5, n_instances)[instances]
    return before, np.where(positives, before, np.round(before + lift, 1)), positives, units, instances


def slow_auroc(scores, positives):
    score = 0.0
    for own, other in itertools.product(scores[positives], scores[~positives]):
        score += 1.0 if own > other else 0.5 if own == other else 0.0
    return score / positives.sum() / (~positives).sum()


def slow_difference(before, after, positives):
    return slow_auroc(before, positives) - slow_auroc(after, positives)


def jackknife_variance(before, after, positives, units):
    """Leave out one unit at a time, each side by itself (two samples)."""
    whole, total = slow_difference(before, after, positives), 0.0
    for side in (positives, ~positives):
        own = np.unique(units[side])
        left = [slow_difference(before[units != u], after[units != u], positives[units != u]) for u in own]
        total += (len(own) - 1) / len(own) * sum((value - whole) ** 2 for value in left)
    return total


@pytest.mark.parametrize("seed", range(5))
def test_the_value_and_the_variance_over_units(seed):
    before, after, positives, units, _ = scene(seed)
    clusters = clusters_of(units, None, len(units))
    a, b = (separation_of(scores, positives, clusters, None) for scores in (before, after))
    contributions = a.influence - b.influence
    by_unit = sum(contributions[units == unit].sum() ** 2 for unit in np.unique(units))
    assert a.value - b.value == pytest.approx(slow_difference(before, after, positives))
    assert by_unit == pytest.approx(jackknife_variance(before, after, positives, units), rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_what_instances_add(seed):
    before, after, positives, units, instances = scene(seed)
    clusters = clusters_of(units, None, len(units))
    values = [separation_of(scores, positives, clusters, None).influence for scores in (before, after)]
    own = (values[0] - values[1])[~positives]
    codes, cells = instances[~positives], units[~positives] * 100 + instances[~positives]
    squares = {}
    for name, groups in (("instance", codes), ("cell", cells)):
        kinds = np.unique(groups)
        squares[name] = len(kinds) / (len(kinds) - 1) * sum(own[groups == kind].sum() ** 2 for kind in kinds)
    added, noise = spread_by_factors(values[0] - values[1], instance_factors(instances, ~positives, clusters))
    assert added == pytest.approx(max(squares["instance"] - squares["cell"], 0.0))
    assert noise == pytest.approx(squares["instance"] ** 2 / (len(np.unique(codes)) - 1) if added else 0.0)


@pytest.mark.parametrize("seed", range(5))
def test_the_interval_is_square_and_add_of_two_logit_intervals(seed):
    before, after, positives, units, instances = scene(seed)
    found = auroc_difference(before, after, positives, units, instances=instances)
    parts = [auroc(scores, positives, units, instances=instances) for scores in (before, after)]
    clusters = clusters_of(units, None, len(units))
    factors = instance_factors(instances, ~positives, clusters)

    def variance(influence):
        over_units = sum(influence[units == unit].sum() ** 2 for unit in np.unique(units))
        return over_units + spread_by_factors(influence, factors)[0]

    a, b = (separation_of(scores, positives, clusters, None).influence for scores in (before, after))
    rho = (variance(a) + variance(b) - variance(a - b)) / 2 / np.sqrt(variance(a) * variance(b))
    rho = min(max(rho, -1.0), 1.0)
    up, down = parts[0].high - parts[0].value, parts[0].value - parts[0].low
    up_b, down_b = parts[1].high - parts[1].value, parts[1].value - parts[1].low
    assert found.high == pytest.approx(found.value + np.sqrt(up**2 + down_b**2 - 2 * rho * up * down_b))
    assert found.low == pytest.approx(found.value - np.sqrt(down**2 + up_b**2 - 2 * rho * down * up_b))


def test_two_artefacts_in_one_image_are_two_factors():
    _, after, positives, units, instances = scene(3, n_instances=6)
    other = np.random.default_rng(9).integers(0, 4, len(units))
    clusters = clusters_of(units, None, len(units))
    influence = separation_of(after, positives, clusters, None).influence
    both, first, second = (
        spread_by_factors(influence, instance_factors(columns, ~positives, clusters))
        for columns in (np.stack([instances, other], axis=1), instances, other)
    )
    assert both == pytest.approx(tuple(np.add(first, second)))
    found = auroc(after, positives, units, instances=np.stack([instances, other], axis=1))
    assert found.n_instances == 4
    assert "for these cut-outs" in found.note


def test_the_instance_of_a_positive_is_never_read():
    before, after, positives, units, instances = scene(1)
    elsewhere = np.where(positives, 77, instances)
    assert auroc_difference(before, after, positives, units, instances=instances) == auroc_difference(
        before, after, positives, units, instances=elsewhere
    )


def test_one_instance_gives_the_interval_of_units_alone_and_says_so():
    before, after, positives, units, _ = scene(2)
    found = auroc_difference(before, after, positives, units, instances=np.zeros(len(units)))
    bare = auroc_difference(before, after, positives, units)
    assert (found.low, found.high) == (bare.low, bare.high)
    assert "for this one instance" in found.note
    assert found.n_instances == 1
    assert "instances" not in found.method


def test_instances_of_another_length_are_refused():
    before, after, positives, units, instances = scene(0)
    with pytest.raises(ValueError, match="instances must have shape"):
        auroc_difference(before, after, positives, units, instances=instances[:-1])


def test_the_degrees_of_freedom_fall_with_few_instances():
    """Few cut-outs that differ much: the interval is that of a t distribution with few degrees of freedom."""
    rng = np.random.default_rng(0)
    n = 2000
    positives = np.arange(n) < n // 2
    instances = np.arange(n) % 4
    scores = rng.normal(size=n) + 1.5 * positives + np.where(positives, 0, np.array([-1.5, -0.5, 0.5, 1.5])[instances])
    found = auroc(scores, positives, np.arange(n), instances=instances)
    clusters = clusters_of(np.arange(n), None, n)
    influence = separation_of(scores, positives, clusters, None).influence
    added, noise = spread_by_factors(influence, instance_factors(instances, ~positives, clusters))
    over_units = (influence**2).sum()
    df = (over_units + added) ** 2 / (over_units**2 / (n // 2 - 1) + noise)
    logit = np.log(found.value / (1 - found.value))
    reach = stats.t.ppf(0.975, df) * np.sqrt(over_units + added) / (found.value * (1 - found.value))
    assert df < 4
    assert found.low == pytest.approx(1 / (1 + np.exp(reach - logit)))
