from dataclasses import replace

import numpy as np
import pytest

from auditlens.findings.artefacts import (
    Trials,
    artefact_finding,
    directions,
    effect_estimate,
    flip_estimate,
    flip_events,
)
from auditlens.findings.controls import _sham
from auditlens.findings.decision import OperatingPoint, margin
from auditlens.stages.evidence import ArtefactTrials, Predictions, Samples

CLASSES = ("benign", "melanoma")


def two(p):
    p = np.asarray(p, dtype=float)
    return np.stack([1 - p, p], axis=1)


def make(labels, clean, after, sham, threshold=0.5, units=None):
    n = len(labels)
    samples = Samples(
        ids=tuple(map(str, range(n))),
        labels=np.asarray(labels),
        units=np.arange(n) if units is None else np.asarray(units),
        columns={},
        strata=np.asarray(labels),
    )
    probabilities = two(clean)
    raw = ArtefactTrials(
        artefact="ruler",
        image_indices=np.arange(n),
        instances=np.arange(n) % 3,
        instance_names=("a", "b", "c"),
        logits=np.log(np.clip(two(after), 1e-9, 1)),
        sham_logits=np.log(np.clip(two(sham), 1e-9, 1)),
        probabilities=two(after),
        sham_probabilities=two(sham),
        area=np.full(n, 0.1),
        energy_ratio=np.ones(n),
        boxes=np.zeros((n, 4), int),
    )
    return Trials(
        raw=raw,
        samples=samples,
        predictions=Predictions(np.log(np.clip(probabilities, 1e-9, 1)), probabilities),
        point=OperatingPoint(1, threshold, CLASSES),
        n_draws=2000,
        seed=0,
    )


def test_flips_have_their_own_denominators():
    #                 right mel  missed mel   right ben  false alarm
    trials = make([1, 1, 1, 0, 0, 0], [0.9, 0.8, 0.2, 0.1, 0.2, 0.9], [0.1, 0.8, 0.1, 0.7, 0.1, 0.1], [0.9] * 6)
    rows, turned, _ = flip_events(trials, "melanoma", "benign")
    assert rows.tolist() == [True, True, False, False, False, False]
    assert turned.tolist() == [True, False]
    away = flip_estimate(trials, "melanoma", "benign", "raw", confidence=0.95, sided="two")
    towards = flip_estimate(trials, "benign", "melanoma", "raw", confidence=0.95, sided="two")
    assert (away.value, away.n) == (0.5, 2)
    assert (towards.value, towards.n) == (0.5, 2)


@pytest.mark.parametrize(("unchanged", "ratio"), [([], 1.0), ([0, 3], 1.0), (range(6), None)])
def test_images_that_the_artefact_leaves_as_they_are_have_no_share_in_the_shams_energy(unchanged, ratio):
    trials = make([1, 1, 1, 0, 0, 0], [0.9, 0.8, 0.2, 0.1, 0.2, 0.9], [0.5] * 6, [0.5] * 6)
    energy = trials.raw.energy_ratio.copy()
    energy[list(unchanged)] = np.nan  # no pixel changed, so 0 over 0
    trials = replace(trials, raw=replace(trials.raw, energy_ratio=energy))
    finding = artefact_finding(trials, "melanoma", "a collimator")
    assert finding.sham_energy_ratio == ratio
    said = _sham(finding).sentence
    assert said.startswith(
        "Inserting a collimator changed no pixel" if ratio is None else "The sham of a collimator has 1"
    )


def test_flips_are_counted_at_the_operating_point_and_not_by_argmax():
    labels, clean, after = [1] * 4, [0.35] * 4, [0.33] * 4
    low = make(labels, clean, after, clean, threshold=0.31)
    rows, turned, _ = flip_events(low, "melanoma", "benign")
    assert rows.all()
    assert not turned.any()
    high = make(labels, clean, after, clean, threshold=0.34)
    assert flip_events(high, "melanoma", "benign")[1].all()


def test_beyond_the_sham_is_the_paired_difference():
    rng = np.random.default_rng(0)
    clean = rng.uniform(0.2, 0.4, 60)
    trials = make(np.zeros(60, int), clean, clean + 0.3, clean + 0.1)
    values = {
        kind: effect_estimate(trials, 1, None, kind, confidence=0.95, sided="two").value
        for kind in ("raw", "sham", "beyond")
    }
    assert values == pytest.approx({"raw": 0.3, "sham": 0.1, "beyond": 0.2})


def test_a_constant_model_has_no_effect_and_no_flip():
    trials = make([0, 1] * 30, np.full(60, 0.7), np.full(60, 0.7), np.full(60, 0.7))
    finding = artefact_finding(trials, "melanoma", "a ruler")
    assert {effect.raw.value for effect in finding.effects} == {0.0}
    rates = {(flip.from_class, flip.rate.value, flip.rate.n) for flip in finding.flips}
    assert rates == {("melanoma", 0.0, 30), ("benign", None, 0)}


def test_no_sham_is_said_and_never_zero():
    trials = make([0, 1] * 10, np.full(20, 0.4), np.full(20, 0.6), np.full(20, np.nan))
    finding = artefact_finding(trials, "melanoma", "a ruler")
    assert all(effect.sham is None and effect.beyond is None for effect in finding.effects)
    missing = effect_estimate(trials, 1, None, "beyond", confidence=0.95, sided="one")
    assert missing.value is None
    assert "sham" in missing.note


def test_margin_is_class_minus_log_sum_exp_of_the_rest():
    logits = np.array([[1.0, 2.0, 3.0], [100.0, -100.0, 0.0]])
    slow = [2.0 - np.log(np.exp(1.0) + np.exp(3.0)), -100.0 - np.logaddexp(100.0, 0.0)]
    np.testing.assert_allclose(margin(logits, 1), slow)


def test_below_the_threshold_the_likeliest_other_class_is_reported():
    point = OperatingPoint(1, 0.6, ("a", "b", "c"))
    assert point.decide(np.array([[0.1, 0.5, 0.4], [0.2, 0.6, 0.2]])).tolist() == [2, 1]
    assert OperatingPoint(1, None, ("a", "b", "c")).decide(np.array([[0.1, 0.5, 0.4]])).tolist() == [1]


def test_directions_name_both_ways():
    assert directions(OperatingPoint(1, 0.5, CLASSES), "melanoma") == (("melanoma", "benign"), ("benign", "melanoma"))
    assert directions(OperatingPoint(1, 0.5, ("a", "b", "c")), "b") == (("b", "other"), ("other", "b"))
    independent = OperatingPoint(1, 0.5, CLASSES, "multi_label")
    assert directions(independent, "melanoma") == (("melanoma", "other"), ("other", "melanoma"))


def with_classes(trials, probabilities, after, classes, output, class_index=1):
    """The same trials with more classes; the sham changes nothing."""
    before, after = np.asarray(probabilities), np.asarray(after)
    logits = np.log(before) - np.log1p(-before)
    inserted = np.log(after) - np.log1p(-after)
    raw = replace(trials.raw, logits=inserted, sham_logits=logits, probabilities=after, sham_probabilities=before)
    point = OperatingPoint(class_index, 0.6, classes, output)
    return replace(trials, raw=raw, predictions=Predictions(logits, before), point=point)


def test_other_is_relative_to_the_class_that_the_direction_names():
    """The device decides on b; a flip away from a must not count images that stay a."""
    before = [[0.8, 0.1, 0.1], [0.7, 0.2, 0.1], [0.6, 0.2, 0.2]]
    after = [[0.7, 0.1, 0.2], [0.1, 0.2, 0.7], [0.1, 0.8, 0.1]]
    trials = with_classes(make([0, 0, 0], [0.1] * 3, [0.1] * 3, [0.1] * 3), before, after, ("a", "b", "c"), "logits")
    rows, turned, sham_turned = flip_events(trials, "a", "other")
    assert rows.all()
    assert turned.tolist() == [False, True, True]
    assert not sham_turned.any()


def test_with_several_labels_each_class_flips_by_itself():
    """Two classes rise above their limits at once; b decides at 0.6, a (nothing declared) at 0.5."""
    before = [[0.2, 0.2], [0.9, 0.55], [0.4, 0.7]]
    after = [[0.9, 0.7], [0.9, 0.7], [0.45, 0.65]]
    make_them = make([0, 0, 1], [0.1] * 3, [0.1] * 3, [0.1] * 3)
    trials = with_classes(make_them, before, after, ("a", "b"), "multi_label")
    rows, turned, _ = flip_events(trials, "other", "b")
    assert (rows.tolist(), turned.tolist()) == ([True, True, False], [True, True])
    rows, turned, _ = flip_events(trials, "a", "other")
    assert (rows.tolist(), turned.tolist()) == ([False, True, False], [False])
    rows, turned, _ = flip_events(trials, "b", "other")
    assert (rows.tolist(), turned.tolist()) == ([False, False, True], [False])
    np.testing.assert_allclose(trials.clean("margin", 1), np.log([0.2 / 0.8, 0.55 / 0.45, 0.7 / 0.3]))
    finding = artefact_finding(trials, "b", "a ruler")
    assert {flip.to_class for flip in finding.flips} == {"b", "other"}
