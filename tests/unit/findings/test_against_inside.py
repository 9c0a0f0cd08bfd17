"""How much worse than a baseline in shares of relevance, in separability, and with the lesion erased."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from auditlens.findings.against import compared, worse_by
from auditlens.findings.statistics import auroc, auroc_difference
from auditlens.stages.answers import Answers, ErasedAnswers, RelevanceAnswers
from auditlens.stages.states import GateState
from auditlens.verdict.gate import state_of

from .test_against import AGAINST, IMAGES, LABELS, SAMPLES, N, against, gate, trials

SPURIOUS = "spurious_relevance_share"
UNITS = np.arange(N) // 2


def relevance(share, *, layers=("late",), **changes) -> Answers:
    shares = {SPURIOUS: np.asarray(share, dtype=np.float64), "unexpected_relevance_share": np.full(N, 0.1)}
    rows = {
        (layer, "melanoma"): replace(RelevanceAnswers(layer, "melanoma", "lrp", IMAGES, UNITS, shares), **changes)
        for layer in layers
    }
    return Answers(relevance=rows)


def shares(mean: float, seed: int = 0) -> np.ndarray:
    """Per image around a mean; the image's own part, which models share, does not depend on the mean."""
    return mean + np.random.default_rng(seed).uniform(-0.03, 0.03, N)


def erased(probability, **changes) -> Answers:
    rows = ErasedAnswers("melanoma", IMAGES, LABELS, UNITS, np.full(N, 0.2), np.asarray(probability))
    return Answers(erased={"melanoma": replace(rows, **changes)})


def test_more_spurious_relevance_is_worse_and_less_is_not():
    more, less = relevance(shares(0.30, 1)), relevance(shares(0.10, 2))
    asked = gate(SPURIOUS, bound=0.05)
    found = worse_by(asked, more, less, AGAINST, SAMPLES)
    assert found.value == pytest.approx(shares(0.30, 1).mean() - shares(0.10, 2).mean())
    assert found.n_units == N // 2
    assert state_of(asked, found) is GateState.FAILS
    assert state_of(asked, worse_by(asked, less, more, AGAINST, SAMPLES)) is GateState.HOLDS
    limited = gate(SPURIOUS, bound=0.2, against=None)
    assert worse_by(limited, more, less, AGAINST, SAMPLES).low > 0


def test_ten_steps_of_relevance_within_the_margin_fail_against_the_authorised_version():
    versions = [relevance(shares(0.05 + 0.01 * step, step)) for step in range(11)]
    asked = gate(SPURIOUS, bound=0.05)
    for before, after in pairwise(versions):
        assert state_of(asked, compared(asked, against("old", before, after), SAMPLES)) is GateState.HOLDS
    crept = compared(asked, against("old", versions[0], versions[-1]), SAMPLES)
    assert crept.value == pytest.approx(0.1, abs=0.01)
    assert state_of(asked, crept) is GateState.FAILS


def test_doubling_every_image_of_a_unit_changes_nothing():
    once = np.arange(0, N, 2)
    one, other = (
        shares(mean, 3)[np.repeat(once, 2)] + noise for mean, noise in ((0.2, 0.0), (0.1, np.sin(UNITS) / 20))
    )
    twice = worse_by(gate(SPURIOUS), relevance(one), relevance(other), AGAINST, SAMPLES)
    kept = {"images": IMAGES[once], "units": UNITS[once]}
    single = [relevance(part, **kept | {"shares": {SPURIOUS: part[once]}}) for part in (one, other)]
    found = worse_by(gate(SPURIOUS), *single, AGAINST, SAMPLES)
    assert (found.value, found.low, found.high) == pytest.approx((twice.value, twice.low, twice.high))


@pytest.mark.parametrize(
    ("theirs", "why"),
    [
        (Answers(), "keeps no relevance by image; audit its model again"),
        (Answers(relevance={}), "was not computed for both models"),
        (relevance(shares(0.1), attributor="gradient"), "attributed otherwise"),
        (relevance(shares(0.1), images=IMAGES[::-1]), "other images or units"),
        (relevance(shares(0.1), shares={}), "not shown to see any spurious concept"),
    ],
)
def test_relevance_that_is_not_paired_is_never_a_pass(theirs, why):
    asked = gate(SPURIOUS, bound=0.9)
    found = worse_by(asked, relevance(shares(0.1)), theirs, AGAINST, SAMPLES)
    assert why in found.note
    assert state_of(asked, found) is GateState.NOT_EVALUATED


def test_a_gate_without_a_layer_reads_the_last_of_each_model():
    ours, theirs = relevance(shares(0.3), layers=("conv1", "conv9")), relevance(shares(0.1), layers=("block2",))
    assert worse_by(gate(SPURIOUS), ours, theirs, AGAINST, SAMPLES).value == pytest.approx(0.2)
    assert worse_by(gate(SPURIOUS, layer="conv9"), ours, theirs, AGAINST, SAMPLES).value is None


def test_a_model_that_is_told_without_its_lesion_is_worse():
    rng = np.random.default_rng(4)
    blind, reads = rng.random(N), np.clip(0.2 * (LABELS == "melanoma") + 0.8 * rng.random(N), 0, 1)
    asked = gate("lesion_erased_auroc", bound=0.05)
    found = worse_by(asked, erased(reads), erased(blind), AGAINST, SAMPLES)
    expected = auroc_difference(reads, blind, LABELS == "melanoma", UNITS, confidence=0.95, sided="one")
    assert (found.value, found.low, found.high) == pytest.approx((expected.value, expected.low, expected.high))
    assert state_of(asked, found) is GateState.FAILS
    assert state_of(asked, worse_by(asked, erased(blind), erased(reads), AGAINST, SAMPLES)) is GateState.HOLDS
    within = worse_by(gate("lesion_erased_auroc", within={"site": "A"}), erased(reads), erased(blind), AGAINST, SAMPLES)
    assert within.n_units == 50


@pytest.mark.parametrize(
    ("theirs", "why"),
    [
        (Answers(), "no answers on images with the lesion erased"),
        (Answers(erased={}), "no lesion was erased for both models"),
        (erased(np.linspace(0, 1, N), area=np.full(N, 0.3)), "erased other lesions"),
    ],
)
def test_lesions_that_are_not_paired_are_never_a_pass(theirs, why):
    asked = gate("lesion_erased_auroc", bound=0.9)
    found = worse_by(asked, erased(np.linspace(0, 1, N)), theirs, AGAINST, SAMPLES)
    assert why in found.note
    assert state_of(asked, found) is GateState.NOT_EVALUATED


def noisy(lift: float, seed: int) -> np.ndarray:
    """Benign images alone are lifted, so that they reach those of the class."""
    return np.where(LABELS == "benign", lift + np.random.default_rng(seed).uniform(-0.15, 0.1, N), 0.0)


def test_separability_is_worse_where_it_is_lower_and_its_drop_where_it_is_larger():
    lifted, quiet = trials(noisy(0.5, 5), sham=noisy(0.3, 6)), trials(noisy(0.4, 7), sham=noisy(0.3, 8))
    for metric in ("separability", "separability_drop", "separability_drop_beyond_sham"):
        asked = gate(metric, bound=0.02)
        found = worse_by(asked, lifted, quiet, AGAINST, SAMPLES)
        back = worse_by(asked, quiet, lifted, AGAINST, SAMPLES)
        assert found.value > 0 and back.value == pytest.approx(-found.value)
        assert found.low <= found.value <= found.high


def test_separability_counts_an_image_of_the_class_once():
    answers = trials(noisy(0.4, 5)).trials["ruler", "melanoma"]
    own = LABELS == "melanoma"
    scores = np.where(own, answers.clean.margin, answers.inserted.margin)
    expected = auroc(scores, own, np.arange(N)).value
    kept = Answers(trials={("ruler", "melanoma"): answers})
    other = trials(noisy(0.0, 7)).trials["ruler", "melanoma"]
    before = auroc(np.where(own, other.clean.margin, other.inserted.margin), own, np.arange(N)).value
    theirs = Answers(trials={("ruler", "melanoma"): other})
    found = worse_by(gate("separability"), kept, theirs, AGAINST, SAMPLES)
    assert found.value == pytest.approx(before - expected)
