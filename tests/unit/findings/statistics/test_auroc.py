import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditlens.findings.statistics import auroc, auroc_difference

RNG = np.random.default_rng(0)
SIDES = np.arange(80) % 2 == 0
SCORES = RNG.standard_normal(80) + SIDES


@st.composite
def scored(draw):
    n = draw(st.integers(4, 40))
    scores = np.array(draw(st.lists(st.integers(0, 6), min_size=n, max_size=n)), dtype=float)
    sides = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    sides[:2] = [True, False]
    return scores, sides, np.array(draw(st.lists(st.integers(0, 30), min_size=n, max_size=n)))


def limits(estimate):
    return estimate.low, estimate.high


def test_perfect_separation_has_the_exact_bound_of_disjoint_pairs():
    estimate = auroc(SIDES.astype(float), SIDES, np.arange(80), sided="one")
    assert (estimate.value, estimate.high) == (1.0, 1.0)
    assert estimate.low == pytest.approx(0.05 ** (1 / 40))
    worst = auroc(-SIDES.astype(float), SIDES, np.arange(80), sided="one")
    assert (worst.value, worst.low) == (0.0, 0.0)
    assert worst.high == pytest.approx(1 - 0.05 ** (1 / 40))


def test_nearly_perfect_does_not_promise_more_than_perfect():
    scores = SIDES.astype(float)
    perfect = auroc(scores, SIDES, np.arange(80))
    scores[0] = -1
    assert auroc(scores, SIDES, np.arange(80)).low <= perfect.low


def test_only_ties_are_a_half():
    estimate = auroc(np.ones(80), SIDES, np.arange(80))
    assert (estimate.value, estimate.note) == (0.5, "no variation")
    assert estimate.low < 0.5 < estimate.high


def test_too_few_of_a_side():
    sides = np.arange(40) < 4
    estimate = auroc(RNG.random(40), sides, np.arange(40))
    assert limits(estimate) == (0.0, 1.0)
    assert estimate.note == "too few positives (4 units)"
    assert auroc(RNG.random(40), ~sides, np.arange(40)).note == "too few negatives (4 units)"
    none = auroc(RNG.random(40), np.zeros(40, bool), np.arange(40))
    assert (none.value, none.low, none.high) == (None, None, None)
    assert none.note == "no positives and negatives to compare"


def test_strata_remove_what_only_tells_the_strata_apart():
    site = np.arange(200) % 2
    rng = np.random.default_rng(1)
    sides = rng.random(200) < np.where(site == 1, 0.8, 0.2)
    scores = 3.0 * site + rng.standard_normal(200)
    pooled, within = auroc(scores, sides, np.arange(200)), auroc(scores, sides, np.arange(200), strata=site)
    assert pooled.low > 0.6
    assert within.low < 0.5 < within.high


def test_strata_are_weighted_by_their_pairs_and_left_out_without_both_sides():
    strata = np.repeat([0, 1, 2], [40, 30, 10])
    sides = SIDES.copy()
    sides[70:] = True
    estimate = auroc(SCORES, sides, np.arange(80), strata=strata)
    areas = [auroc(SCORES[strata == s], sides[strata == s], np.arange(80)[strata == s]).value for s in (0, 1)]
    assert estimate.value == pytest.approx(np.average(areas, weights=[20 * 20, 15 * 15]))
    assert (estimate.n, estimate.n_units) == (70, 70)


def test_a_single_stratum_is_none():
    assert limits(auroc(SCORES, SIDES, np.arange(80), strata=np.zeros(80))) == limits(
        auroc(SCORES, SIDES, np.arange(80))
    )


def test_agreeing_images_of_a_patient_are_not_more_evidence():
    scores, sides, patients = SCORES.repeat(3), SIDES.repeat(3), np.arange(80).repeat(3)
    once, clustered = auroc(SCORES, SIDES, np.arange(80)), auroc(scores, sides, patients)
    taken_apart = auroc(scores, sides, np.arange(240))
    assert limits(clustered) == pytest.approx(limits(once))
    assert taken_apart.high - taken_apart.low < 0.7 * (once.high - once.low)
    assert (clustered.n, clustered.n_units, clustered.n_events) == (240, 80, 120)


def test_paired_difference_gains_from_pairing_and_is_not_degenerate():
    rng = np.random.default_rng(2)
    worse = SCORES + 0.3 * rng.standard_normal(80) - 0.3 * SIDES
    paired = auroc_difference(SCORES, worse, SIDES, np.arange(80))
    a, b = auroc(SCORES, SIDES, np.arange(80)), auroc(worse, SIDES, np.arange(80))
    assert paired.value == pytest.approx(a.value - b.value)
    assert paired.high - paired.low < 0.7 * np.hypot(a.high - a.low, b.high - b.low)
    perfect = auroc_difference(SIDES * 1.0, SIDES * 1.0, SIDES, np.arange(80), sided="one")
    assert limits(perfect) == pytest.approx((-(1 - 0.05 ** (1 / 40)), 1 - 0.05 ** (1 / 40)))
    assert auroc_difference(SCORES, SCORES, np.ones(80), np.arange(80)).value is None


def test_gaps_and_shapes_are_refused():
    with pytest.raises(ValueError, match="finite"):
        auroc([0.1, np.inf], [True, False], [0, 1])
    with pytest.raises(ValueError, match="positives"):
        auroc([0.1, 0.2], [True], [0, 1])


@settings(max_examples=60, deadline=None)
@given(scored())
def test_bounds_are_ordered(data):
    estimate = auroc(*data)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    assert estimate.low < estimate.high


@settings(max_examples=60, deadline=None)
@given(scored(), st.randoms(use_true_random=False))
def test_duplication_order_and_monotone_scores_change_nothing(data, random):
    scores, sides, units = data
    order = list(range(len(scores))) * 2
    random.shuffle(order)
    once, twice = auroc(scores, sides, units), auroc(np.exp(scores[order]), sides[order], units[order])
    assert (twice.value, *limits(twice)) == pytest.approx((once.value, *limits(once)), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(scored())
def test_swapping_the_sides_mirrors(data):
    scores, sides, units = data
    one, other = auroc(scores, sides, units), auroc(scores, ~sides, units)
    assert limits(one) == pytest.approx((1 - other.high, 1 - other.low), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(scored())
def test_more_confidence_is_wider(data):
    narrow, wide = (auroc(*data, confidence=c) for c in (0.9, 0.99))
    assert wide.low <= narrow.low
    assert wide.high >= narrow.high


def test_one_score_for_all_is_no_certainty():
    """A share p of further units with other scores moves the AUROC by p at most; zero of 20 allow 1 - 0.05 ** 0.05."""
    sides = np.arange(40) < 20
    found = auroc(np.full(40, 0.3), sides, np.arange(40), sided="one")
    reach = 1 - 0.05 ** (1 / 20)
    assert limits(found) == pytest.approx((0.5 - reach, 0.5 + reach))
