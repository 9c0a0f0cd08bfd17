"""A class against images with spurious features only: paired where the same images were seen without them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from auditlens.findings.artefacts import Trials
from auditlens.findings.decision import OperatingPoint
from auditlens.findings.gates import METRICS
from auditlens.findings.separability import separability_estimate, separability_findings, sides_of, sides_of_trials
from auditlens.stages.evidence import ArtefactTrials, Evidence, Predictions, Samples
from auditlens.stages.separability import SpuriousImages

CLASSES = ("benign", "melanoma")
POINT = OperatingPoint(1, 0.5, CLASSES)
PLAN = SimpleNamespace(audited_classes=("melanoma",), model=SimpleNamespace(classes=CLASSES))


def logits_of(margins):
    return np.stack([np.zeros(len(margins)), margins], axis=1)


def trials_of(n=120, lift=1.5, sham=0.2, n_instances=12, seed=0, per_unit=1):
    """Clean scores that tell the classes; the artefact lifts every margin, its sham a little."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    clean = 2.0 * (labels - 0.5) + rng.normal(size=n)
    after, after_sham = (clean + by + 0.3 * rng.normal(size=n) for by in (lift, sham))
    raw = ArtefactTrials(
        "ruler", np.arange(n), rng.permutation(n) % n_instances, tuple(map(str, range(n_instances))),
        logits_of(after), logits_of(after_sham), *(1 / (1 + np.exp(-logits_of(row))) for row in (after, after_sham)),
        np.full(n, 0.1), np.ones(n), np.zeros((n, 4), dtype=np.int64),
    )  # fmt: skip
    flags = {"ruler": np.zeros(n)}
    samples = Samples(tuple(map(str, range(n))), labels, np.arange(n) // per_unit, flags, labels)
    return Trials(raw, samples, Predictions(logits_of(clean), 1 / (1 + np.exp(-logits_of(clean)))), POINT, 1000, 0)


def brute_force(positives, negatives):
    return stats.mannwhitneyu(positives, negatives).statistic / len(positives) / len(negatives)


def test_only_other_classes_images_carry_the_artefact():
    trials = trials_of()
    sides = sides_of_trials(trials, 1)
    labels, clean = trials.samples.labels, trials.predictions.logits[:, 1]
    own, others = clean[labels == 1], trials.raw.logits[labels == 0, 1]
    assert separability_estimate(sides, "with").value == pytest.approx(brute_force(own, others))
    assert separability_estimate(sides, "without").value == pytest.approx(brute_force(own, clean[labels == 0]))
    drop, beyond = (separability_estimate(sides, kind) for kind in ("drop", "beyond"))
    shams = brute_force(own, trials.raw.sham_logits[labels == 0, 1])
    assert drop.value == pytest.approx(brute_force(own, clean[labels == 0]) - brute_force(own, others))
    assert beyond.value == pytest.approx(shams - brute_force(own, others))
    assert drop.low > 0.1
    assert drop.n_instances == 12


def test_an_artefact_that_does_nothing_has_an_interval_around_zero():
    found = separability_estimate(sides_of_trials(trials_of(lift=0.0, sham=0.0), 1), "drop")
    assert found.low < 0 < found.high
    assert found.high - found.low < 0.1


def test_an_artefact_that_pushes_away_from_the_class_makes_it_easier_to_tell():
    assert separability_estimate(sides_of_trials(trials_of(lift=-1.5), 1), "drop").high < 0


def test_the_other_class_sees_the_opposite():
    assert separability_estimate(sides_of_trials(trials_of(lift=1.5), 0), "drop").high < 0


def test_without_a_sham_nothing_is_beyond_it():
    trials = trials_of()
    none = np.full_like(trials.raw.sham_logits, np.nan)
    sides = sides_of_trials(replace(trials, raw=replace(trials.raw, sham_logits=none, sham_probabilities=none)), 1)
    assert separability_estimate(sides, "beyond").value is None
    assert separability_estimate(sides, "drop").value is not None


def doubled(trials):
    """Every image twice under its unit, with the same instance."""
    names = (
        "instances",
        "logits",
        "sham_logits",
        "probabilities",
        "sham_probabilities",
        "area",
        "energy_ratio",
        "boxes",
    )
    twice = {name: np.concatenate([getattr(trials.raw, name)] * 2) for name in names}
    n = len(trials.samples.labels)
    raw = replace(trials.raw, image_indices=np.arange(2 * n), **twice)
    samples = trials.samples
    samples = Samples(
        (*samples.ids, *(f"{name}b" for name in samples.ids)),
        *(np.concatenate([rows, rows]) for rows in (samples.labels, samples.units)),
        {"ruler": np.zeros(2 * n)},
        np.concatenate([samples.labels, samples.labels]),
    )
    logits = np.concatenate([trials.predictions.logits] * 2)
    return replace(trials, raw=raw, samples=samples, predictions=Predictions(logits, logits))


@pytest.mark.parametrize("kind", ["with", "without", "sham", "drop", "beyond"])
def test_doubling_every_image_under_its_patient_changes_no_interval(kind):
    trials = trials_of()
    once, twice = (separability_estimate(sides_of_trials(found, 1), kind) for found in (trials, doubled(trials)))
    assert twice.value == pytest.approx(once.value)
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high))


def test_instances_that_differ_widen_the_interval():
    trials = trials_of(n=400, n_instances=8, sham=0.0)
    push = np.repeat(np.linspace(-2, 2, 8)[:, None], 2, axis=1) * [0, 1]
    raw = replace(trials.raw, logits=trials.raw.logits + push[trials.raw.instances])
    even, uneven = (
        separability_estimate(sides_of_trials(replace(trials, raw=found), 1), "drop") for found in (trials.raw, raw)
    )
    assert uneven.high - uneven.low > 1.5 * (even.high - even.low)


def evidence_of(trials, spurious):
    return Evidence(trials.samples, trials.predictions, {}, {}, {}, None, {"ruler": trials.raw}, (), spurious=spurious)


def folder(n=30, seed=1):
    margins = np.random.default_rng(seed).normal(size=n)
    none = np.full((n, 2), np.nan)
    return SpuriousImages(
        "rulers",
        "images",
        (),
        np.full(n, -1),
        np.arange(120),
        np.zeros((n, 0), dtype=int),
        logits_of(margins),
        none,
        none,
    )


def test_a_folder_of_real_images_has_an_absolute_value_only():
    trials, images = trials_of(), folder()
    evidence = evidence_of(trials, (images,))
    of_trials, of_folder = separability_findings(PLAN, evidence, {"ruler": trials}, POINT)
    assert (of_trials.source, of_folder.source) == ("other classes", "images")
    own = trials.predictions.logits[trials.samples.labels == 1, 1]
    assert of_folder.with_artefact.value == pytest.approx(brute_force(own, images.logits[:, 1]))
    assert (of_folder.without, of_folder.drop, of_folder.drop_beyond_sham) == (None, None, None)
    assert of_folder.with_artefact.n_units == 60 + 30  # nobody knows whose they are
    assert (of_folder.n_class_images, of_folder.n_images) == (60, 30)


def spurious(trials, source, clean=range(120)):
    raw, clean = trials.raw, np.asarray(clean)
    return SpuriousImages(
        "combined", source, ("ruler",), raw.image_indices, clean, raw.instances[:, None], raw.logits,
        trials.predictions.logits, raw.sham_logits,
    )  # fmt: skip


def test_images_of_the_class_take_part_only_where_their_lesion_is_erased():
    trials = trials_of()
    found = {
        source: sides_of(evidence_of(trials, ()), POINT, spurious(trials, source), 1)
        for source in ("other classes", "backgrounds")
    }
    assert (found["other classes"].n_images, found["backgrounds"].n_images) == (60, 120)
    same = sides_of_trials(trials, 1)
    assert separability_estimate(found["other classes"], "drop") == separability_estimate(same, "drop")


def test_only_images_of_the_class_that_are_clean_are_positives():
    trials = trials_of()
    sides = sides_of(evidence_of(trials, ()), POINT, spurious(trials, "backgrounds", range(21, 120)), 1)
    assert sides.positives.tolist() == trials.predictions.logits[21::2, 1].tolist()


@pytest.mark.parametrize("metric", ["separability", "separability_drop", "separability_drop_beyond_sham"])
def test_a_gate_reads_it_at_its_own_confidence_on_one_side(metric):
    inputs = SimpleNamespace(trials={"ruler": trials_of()}, point=POINT)
    gate = {"metric": metric, "class_name": "melanoma", "artefact": "ruler", "within": {}}
    narrow, wide = (METRICS[metric](SimpleNamespace(**gate, confidence=c), inputs) for c in (0.9, 0.99))
    assert narrow.sided == wide.sided == "one"
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high


def test_a_gate_on_an_artefact_that_was_not_put_in_is_not_evaluated():
    inputs = SimpleNamespace(trials={}, point=POINT, evidence=SimpleNamespace(skipped=()))
    gate = SimpleNamespace(metric="separability", class_name="melanoma", artefact="ruler", confidence=0.95)
    assert METRICS["separability"](gate, inputs).value is None
