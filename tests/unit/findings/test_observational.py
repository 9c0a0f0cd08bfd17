"""Observation beside intervention: the contrast in the data as it is, its error, and where the two disagree."""

import numpy as np
import pytest

from auditlens.findings.observational import DISAGREEMENT, disagreement, observational_contrast
from auditlens.stages.evidence import Predictions, Samples
from auditlens.stages.findings import ArtefactFinding, Effect, Estimate


def two(p):
    p = np.asarray(p, dtype=float)
    return np.stack([1 - p, p], axis=1)


def contrast_of(scores, flags, labels, units=None):
    n = len(scores)
    units = np.arange(n) if units is None else units
    samples = Samples(tuple(map(str, range(n))), labels, units, {"ruler": flags}, labels)
    return observational_contrast(samples, Predictions(two(scores), two(scores)), "ruler", 1)


def drawn(n, seed, per_unit=1, share=0.5):
    """Flags that go with the label; the scores of a unit are alike; most images carry the flag where share is high."""
    rng = np.random.default_rng(seed)
    units = np.repeat(np.arange(n), per_unit)
    labels = rng.integers(0, 2, n)[units]
    flags = (rng.random(units.size) < np.where(labels == 1, share + 0.2, share)).astype(float)
    own = rng.normal(size=n)[units]
    return 0.5 + 0.1 * own + 0.05 * rng.normal(size=units.size) + 0.1 * flags, flags, labels, units


def slowly(scores, flags, labels):
    """The definition: over the flagged, score minus the mean of the unflagged of the same label."""
    return np.mean(
        [
            score - np.mean([s for s, f, own in zip(scores, flags, labels, strict=True) if f == 0 and own == label])
            for score, flag, label in zip(scores, flags, labels, strict=True)
            if flag == 1
        ]
    )


def test_it_is_within_labels():
    """The flag goes with the label and says nothing within it: the contrast must be about zero."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 4000)
    flags = (rng.random(4000) < np.where(labels == 1, 0.6, 0.1)).astype(float)
    scores = 0.3 + 0.4 * labels + 0.05 * rng.normal(size=4000)
    found = contrast_of(scores, flags, labels)
    assert found.low < 0 < found.high
    assert abs(found.value) < 0.01
    assert scores[flags > 0].mean() - scores[flags == 0].mean() > 0.15


def test_the_value_is_the_definition_and_empty_flags_are_left_out():
    scores, flags, labels, _ = drawn(120, 0)
    assert contrast_of(scores, flags, labels).value == pytest.approx(slowly(scores, flags, labels))
    with_gaps = np.where(np.arange(120) % 3 == 0, np.nan, flags)
    known = ~np.isnan(with_gaps)
    found = contrast_of(scores, with_gaps, labels)
    assert found.value == pytest.approx(slowly(scores[known], flags[known], labels[known]))
    assert found.n == known.sum()


@pytest.mark.parametrize(("share", "per_unit"), [(0.7, 1), (0.5, 3)])
def test_its_error_is_that_of_resampling_units_on_both_sides(share, per_unit):
    """With most images flagged the unflagged means carry the noise; taking them as known would halve the interval."""
    scores, flags, labels, units = drawn(300, 2, per_unit, share)
    found = contrast_of(scores, flags, labels, units)
    rng, rows_of = np.random.default_rng(0), [np.flatnonzero(units == unit) for unit in range(300)]
    drawn_again = []
    for _ in range(1500):
        rows = np.concatenate([rows_of[unit] for unit in rng.integers(300, size=300)])
        drawn_again.append(slowly_but_fast(scores[rows], flags[rows], labels[rows]))
    expected = np.quantile(drawn_again, [0.025, 0.975])
    assert found.high - found.low == pytest.approx(expected[1] - expected[0], rel=0.1)
    deviations = scores - np.array([scores[(flags == 0) & (labels == label)].mean() for label in (0, 1)])[labels]
    naive = 2 * 1.96 * deviations[flags == 1].std() / np.sqrt((flags == 1).sum())
    if per_unit == 1:
        assert naive < 0.6 * (found.high - found.low)


def slowly_but_fast(scores, flags, labels):
    parts = [((flags == 1) & (labels == label), scores[(flags == 0) & (labels == label)].mean()) for label in (0, 1)]
    return sum((scores[rows] - mean).sum() for rows, mean in parts) / (flags == 1).sum()


def test_without_a_comparison_there_is_none():
    labels = np.array([0, 0, 1, 1])
    assert contrast_of(np.full(4, 0.5), np.array([1.0, 1.0, 1.0, 1.0]), labels) is None
    samples = Samples(tuple("abcd"), labels, np.arange(4), {}, labels)
    assert observational_contrast(samples, Predictions(two([0.5] * 4), two([0.5] * 4)), "ruler", 1) is None


def finding(low, high):
    middle = Estimate(value=(low + high) / 2, low=low, high=high)
    effect = Effect(true_class=None, scale="probability", raw=middle, sham=None, beyond=None, share_raised=0.5)
    counts = {"n_images": 9, "n_units": 9, "n_instances": 1, "mean_area": 0.1, "sham_energy_ratio": None}
    return ArtefactFinding(
        artefact="patch", label="patch", class_name="melanoma", effects=(effect,), flips=(), **counts
    )


@pytest.mark.parametrize(
    ("effect", "seen", "warned"),
    [
        ((0.05, 0.15), (-0.2, -0.1), True),
        ((-0.15, -0.05), (0.1, 0.2), True),
        ((0.05, 0.15), (0.1, 0.2), False),
        ((-0.05, 0.15), (-0.2, -0.1), False),
        ((0.05, 0.15), (-0.2, 0.1), False),
    ],
)
def test_a_disagreement_is_told_where_both_are_clear_of_zero(effect, seen, warned):
    contrast = Estimate(value=sum(seen) / 2, low=seen[0], high=seen[1])
    assert disagreement(finding(*effect), contrast) == (DISAGREEMENT if warned else "")


def test_without_an_observation_nothing_disagrees():
    assert disagreement(finding(0.1, 0.2), None) == ""
    assert disagreement(finding(0.1, 0.2), Estimate(value=-0.1)) == ""
