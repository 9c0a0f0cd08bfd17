"""Gate metrics of the inside, and decisions that change, written slowly from their definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditlens.findings.alignment import AlignmentTable
from auditlens.findings.artefacts import accuracy_drop, change_estimate
from auditlens.findings.inside_metrics import (
    adjusted,
    coverage,
    interpretability_scores,
    margin_scores,
    strongest_share,
    weighted_score,
)
from auditlens.findings.labels import Labels
from auditlens.findings.statistics import mean_share
from auditlens.stages.evidence import ComponentExamples, LayerRelevance
from auditlens.stages.states import ComponentState
from tests.unit.findings.test_artefacts import make

V, S, B, U = ComponentState.VALID, ComponentState.SPURIOUS, ComponentState.BOTH, ComponentState.UNEXPECTED
LABELS = Labels((V, V, S, B, U, S), ("border", "colour", "ruler", "ink", None, "ruler"))


def relevance_of(seed, n=80, n_components=6):
    """Signed shares that sum to one by magnitude on every image."""
    rng = np.random.default_rng(seed)
    raw = rng.gamma(0.5, size=(n, n_components)) * rng.choice([-1, 1], size=(n, n_components))
    return LayerRelevance("layer", "melanoma", "lrp", raw / np.abs(raw).sum(axis=1, keepdims=True))


SEEDS = st.integers(0, 10_000)


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_the_strongest_component_is_the_largest_mean(seed):
    relevance, units = relevance_of(seed), np.arange(80) // 2
    found = strongest_share(relevance, [2, 3, 5], units, confidence=0.95)
    means = [sum(abs(value) for value in relevance.relevance[:, k]) / 80 for k in (2, 3, 5)]
    assert found.value == pytest.approx(max(means))
    columns = np.abs(relevance.relevance[:, [2, 3, 5]])
    assert found.high == max(row.high for row in mean_share(columns, units, confidence=0.95, sided="one"))
    assert found.low == max(row.low for row in mean_share(columns, units, confidence=1 - 0.05 / 3, sided="one"))
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_no_spurious_component_has_no_share():
    found = strongest_share(relevance_of(0), [], np.arange(80), confidence=0.95)
    assert (found.value, found.low, found.high) == (0, 0, 0)


@given(SEEDS, st.floats(0.05, 0.3))
@settings(max_examples=25, deadline=None)
def test_coverage_counts_groups_with_a_relevant_labelled_component(seed, floor):
    relevance, units = relevance_of(seed), np.arange(80)
    groups = {"border": "ABCDE/B", "colour": "ABCDE/C", "veil": "ABCDE/C", "streaks": "streaks"}
    found = coverage(relevance, LABELS, groups, floor, units, confidence=0.9)
    means = np.abs(relevance.relevance).mean(axis=0)
    covered = {groups[name] for k, name in ((0, "border"), (1, "colour")) if means[k] >= floor}
    assert found.value == pytest.approx(len(covered) / 3)
    assert 0 <= found.low <= found.value <= found.high <= 2 / 3 + 1e-12
    assert "streaks" in found.note
    assert found.confidence == 0.9


def test_coverage_without_a_labelled_component_is_nought():
    found = coverage(relevance_of(1), LABELS, {"veil": "veil"}, 0.01, np.arange(80), confidence=0.95)
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_what_is_labelled_spurious_covers_nothing_valid():
    labels = Labels((S,) * 6, ("border",) * 6)
    assert coverage(relevance_of(1), labels, {"border": "b"}, 0.0, np.arange(80), confidence=0.95).value == 0


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_a_weighted_score_is_the_ratio_of_sums(seed):
    relevance, rng = relevance_of(seed), np.random.default_rng(seed)
    scores = rng.normal(size=4)
    scores[1] = np.nan
    components = np.array([5, 0, 2, 1])
    found = weighted_score(relevance, components, scores, np.arange(80), confidence=0.95)
    above = below = 0.0
    for image in range(80):
        for k, score in zip(components, scores, strict=True):
            if not np.isnan(score):
                above += abs(relevance.relevance[image, k]) * score
                below += abs(relevance.relevance[image, k])
    assert found.value == pytest.approx(above / below)
    assert found.low <= found.value <= found.high
    known = scores[np.isfinite(scores)]
    assert known.min() <= found.value <= known.max()
    turned = np.random.default_rng(1).permutation(4)
    again = weighted_score(relevance, components[turned], scores[turned], np.arange(80), confidence=0.95)
    assert again.value == pytest.approx(found.value)


def test_without_scores_or_relevance_there_is_no_weighted_score():
    relevance = relevance_of(0)
    components = np.array([0, 1])
    assert weighted_score(relevance, components, np.array([np.nan, np.nan]), np.arange(80), confidence=0.95) is None
    silent = LayerRelevance("layer", "melanoma", "lrp", np.zeros((80, 6)))
    assert weighted_score(silent, components, np.array([1.0, 2.0]), np.arange(80), confidence=0.95) is None


def test_doubling_every_image_under_its_unit_changes_nothing():
    relevance, units = relevance_of(3), np.arange(80)
    twice = LayerRelevance("layer", "melanoma", "lrp", np.repeat(relevance.relevance, 2, axis=0))
    doubled = np.repeat(units, 2)
    scores = np.array([0.1, 0.4, 0.2])
    for measure in (
        lambda r, u: strongest_share(r, [2, 3], u, confidence=0.95),
        lambda r, u: coverage(r, LABELS, {"border": "b", "colour": "c"}, 0.15, u, confidence=0.95),
        lambda r, u: weighted_score(r, np.array([0, 1, 2]), scores, u, confidence=0.95),
    ):
        once, again = measure(relevance, units), measure(twice, doubled)
        assert (again.value, again.low, again.high) == pytest.approx((once.value, once.low, once.high))


def test_margins_are_best_valid_minus_best_spurious_whatever_may_label():
    raw = np.array([[0.3, 0.1, 0.2, 0.0], [0.1, 0.2, 0.4, 0.5], [0.9, 0.1, 0.3, 0.2]])
    eligible = np.ones_like(raw, dtype=bool)
    eligible[1, 3] = False
    table = AlignmentTable(("a", "b", "x", "y"), raw, raw, raw, raw, raw, eligible, 0.0, 0.0)
    np.testing.assert_allclose(margin_scores(table, ["a", "b"], ["x", "y"]), [0.1, -0.3, 0.6])


def test_the_interpretability_scores_are_those_of_the_paper():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(3, 5, 8))
    rows /= np.linalg.norm(rows, axis=2, keepdims=True)
    examples = ComponentExamples(
        "layer", np.arange(3), np.zeros((3, 5), int), np.zeros((3, 5, 4), int), rows, rows[0], np.arange(5)
    )
    pairs = [np.mean([rows[k, i] @ rows[k, j] for i in range(5) for j in range(5) if i != j]) for k in range(3)]
    np.testing.assert_allclose(interpretability_scores("clarity", examples), pairs)
    thetas = rows.mean(axis=1)
    cosines = [
        max(thetas[k] @ thetas[j] / np.linalg.norm(thetas[k]) / np.linalg.norm(thetas[j]) for j in range(3) if j != k)
        for k in range(3)
    ]
    np.testing.assert_allclose(interpretability_scores("redundancy", examples), cosines)
    split = interpretability_scores("polysemanticity", examples)
    assert ((split > 0) & (split <= 2)).all()


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0.01, 0.99), st.floats(0.01, 0.99)), min_size=3, max_size=60))
@settings(max_examples=40, deadline=None)
def test_changed_decisions_and_lost_accuracy_by_counting(rows):
    labels, clean, after = zip(*rows, strict=True)
    trials = make(labels, clean, after, clean)
    n_changed = sum((a >= 0.5) != (b >= 0.5) for _, a, b in rows)
    right = [sum((p[place] >= 0.5) == bool(p[0]) for p in rows) / len(rows) for place in (1, 2)]
    changed = change_estimate(trials, 1, confidence=0.95, sided="one")
    lost = accuracy_drop(trials, 1, confidence=0.95, sided="one")
    assert changed.value == pytest.approx(n_changed / len(rows))
    assert lost.value == pytest.approx(right[0] - right[1])
    assert abs(lost.value) <= changed.value + 1e-12
    assert 0 <= changed.low <= changed.value <= changed.high <= 1


def test_bounds_that_hold_at_once():
    assert adjusted(0.95, 5) == pytest.approx(0.99)
    assert adjusted(0.95, 0) == pytest.approx(0.95)
