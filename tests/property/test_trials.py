"""Flips and effects do not depend on the order of trials, nor on how often an image of a patient is listed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditlens.findings.artefacts import Trials, effect_estimate, flip_estimate
from auditlens.findings.decision import OperatingPoint
from auditlens.stages.evidence import ArtefactTrials, Predictions, Samples

CLASSES = ("benign", "melanoma")
ROWWISE = ("image_indices", "instances", "logits", "sham_logits", "probabilities", "sham_probabilities")
KINDS = ("raw", "sham", "beyond")


def probabilities(rng, n):
    p = rng.random(n)
    return np.stack([1 - p, p], axis=1)


def trials_of(seed, n=60):
    rng = np.random.default_rng(seed)
    labels, clean = rng.integers(0, 2, n), probabilities(rng, n)
    after, sham = probabilities(rng, n), probabilities(rng, n)
    samples = Samples(tuple(map(str, range(n))), labels, rng.integers(0, n // 2, n), {}, labels)
    raw = ArtefactTrials(
        artefact="ruler",
        image_indices=np.arange(n),
        instances=rng.integers(0, 20, n),
        instance_names=tuple(map(str, range(20))),
        logits=np.log(after),
        sham_logits=np.log(sham),
        probabilities=after,
        sham_probabilities=sham,
        area=np.full(n, 0.1),
        energy_ratio=np.ones(n),
        boxes=np.zeros((n, 4), np.int64),
    )
    point = OperatingPoint(1, 0.5, CLASSES)
    return Trials(raw, samples, Predictions(np.log(clean), clean), point, n_draws=1000, seed=0)


def taken(trials, order):
    """The same trials in another order, some of them more than once."""
    rows = {name: getattr(trials.raw, name)[order] for name in (*ROWWISE, "area", "energy_ratio", "boxes")}
    return replace(trials, raw=replace(trials.raw, **rows))


def flips(trials, kind):
    return flip_estimate(trials, "melanoma", "benign", kind, confidence=0.95, sided="one")


def effect(trials, kind):
    return effect_estimate(trials, 1, None, kind, confidence=0.95, sided="two")


def numbers(estimate):
    return [estimate.value, estimate.low, estimate.high]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.randoms(use_true_random=False), st.sampled_from(KINDS))
def test_the_order_of_trials_changes_nothing(seed, random, kind):
    trials = trials_of(seed)
    order = list(range(len(trials.rows)))
    random.shuffle(order)
    shuffled = taken(trials, np.array(order))
    for measure in (flips, effect):
        assert numbers(measure(shuffled, kind)) == pytest.approx(numbers(measure(trials, kind)), abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(KINDS))
def test_every_image_listed_twice_under_its_patient_changes_nothing(seed, kind):
    trials = trials_of(seed)
    twice = taken(trials, np.repeat(np.arange(len(trials.rows)), 2))
    for measure in (flips, effect):
        assert numbers(measure(twice, kind)) == pytest.approx(numbers(measure(trials, kind)), abs=1e-6)
        assert measure(twice, kind).n == 2 * measure(trials, kind).n
        assert measure(twice, kind).n_units == measure(trials, kind).n_units


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_an_artefact_that_does_nothing_has_no_effect(seed):
    trials = trials_of(seed)
    clean = trials.predictions
    still = replace(
        trials,
        raw=replace(
            trials.raw,
            logits=clean.logits,
            probabilities=clean.probabilities,
            sham_logits=clean.logits,
            sham_probabilities=clean.probabilities,
        ),
    )
    for kind in KINDS:
        assert flips(still, kind).value == 0
        assert effect(still, kind).value == 0
