"""Paired differences to a baseline, rewritten as loops over images, units and pairs."""

import numpy as np
import pytest

from auditlens.findings.relevance_rows import share_difference
from auditlens.findings.statistics import auroc_change_difference
from auditlens.findings.statistics.auroc import separation_of
from auditlens.findings.statistics.auroc_change import _fall_of
from auditlens.findings.statistics.clusters import clusters_of
from auditlens.stages.answers import RelevanceAnswers

from .test_separability_definition import scene, slow_difference


def rows(share, units):
    images = np.array([f"{row:03d}" for row in range(len(share))])
    return RelevanceAnswers("layer", "melanoma", "lrp", images, units, {"spurious_relevance_share": share})


@pytest.mark.parametrize("seed", range(3))
def test_the_difference_of_shares_over_images_and_its_interval_over_units(seed):
    """Symmetric differences, so that the correction for skewness is nil: then the interval is mean -+ t * error."""
    from scipy import stats

    rng = np.random.default_rng(seed)
    units = np.repeat(np.arange(40), 3)
    half = rng.normal(0, 0.05, 20)[:, None] + rng.normal(0, 0.01, (20, 3))
    change = np.concatenate([half, -half]).ravel()  # mirrored units: no skewness
    then = rng.uniform(0.3, 0.4, len(units))
    found = share_difference(
        "spurious_relevance_share", rows(then, units), rows(then + change + 0.1, units), confidence=0.95, sided="one"
    )
    total = 0.0
    for unit in range(40):
        of_unit = 0.0
        for image in np.flatnonzero(units == unit):
            of_unit += change[image]
        total += (of_unit / len(units)) ** 2
    error = np.sqrt(total * 40 / 39)
    assert found.value == pytest.approx(0.1)
    assert found.high - 0.1 == pytest.approx(stats.t.ppf(0.95, 39) * error, rel=1e-3)
    assert 0.1 - found.low == pytest.approx(stats.t.ppf(0.95, 39) * error, rel=1e-3)


def slow_change(pairs, positives):
    return slow_difference(*pairs[0], positives) - slow_difference(*pairs[1], positives)


@pytest.mark.parametrize("seed", range(3))
def test_the_change_of_an_aurocs_fall_and_its_variance_over_units(seed):
    before, after, positives, units, _ = scene(seed)
    noise = np.round(np.random.default_rng(seed + 100).normal(0, 0.5, len(before)), 1)
    pairs = (before, after), (before + noise, np.where(positives, before, after - 0.2) + noise)
    found = auroc_change_difference(*pairs, positives, units)
    whole = slow_change(pairs, positives)
    assert found.value == pytest.approx(whole)
    assert found.low < whole < found.high
    variance = 0.0
    for side in (positives, ~positives):
        own = np.unique(units[side])
        for unit in own:
            kept = units != unit
            left = slow_change([tuple(one[kept] for one in pair) for pair in pairs], positives[kept])
            variance += (len(own) - 1) / len(own) * (left - whole) ** 2
    a, b = (_fall_of(pair, positives, units) for pair in pairs)
    sums = [(a.influence - b.influence)[units == unit].sum() for unit in np.unique(units)]
    assert np.sum(np.square(sums)) == pytest.approx(variance, rel=1e-9)


def test_a_fall_is_that_of_the_two_aurocs():
    before, after, positives, units, _ = scene(0)
    clusters = clusters_of(units, None, len(units))
    two = [separation_of(scores, positives, clusters, None).value for scores in (before, after)]
    assert _fall_of((before, after), positives, units).value == two[0] - two[1]
