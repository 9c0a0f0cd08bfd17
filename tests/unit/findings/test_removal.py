"""Taking an artefact out, beyond its control, and against putting it in."""

from types import SimpleNamespace

import numpy as np
import pytest

from auditlens.findings.removal import agreement_of, removal_findings, sentence_of
from auditlens.stages.evidence import ArtefactTrials, Evidence, Predictions, Samples
from auditlens.stages.findings import Effect, Estimate
from auditlens.stages.removal import Removals

CLASSES = ("benign", "melanoma")
MODEL = SimpleNamespace(classes=CLASSES, decision_class="melanoma", threshold=0.5, output="logits")
PLAN = SimpleNamespace(audited_classes=("melanoma",), model=MODEL, seed=0)
SPEC = SimpleNamespace(challenge=SimpleNamespace(n_draws=1000), artefacts={"ruler": SimpleNamespace(label="a ruler")})


def logits_of(margins):
    return np.stack([np.zeros(len(margins)), margins], axis=1)


def probabilities_of(margins):
    p = 1 / (1 + np.exp(-margins))
    return np.stack([1 - p, p], axis=1)


def evidence_of(n=80, fall=-1.5, control=0.0, seed=0, copies=1):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    clean = 2.0 * (labels - 0.5) + rng.normal(size=n)
    after, beside = (clean + by + 0.2 * rng.normal(size=n) for by in (fall, control))
    labels, units, clean, after, beside = (np.tile(row, copies) for row in (labels, np.arange(n), clean, after, beside))
    n *= copies
    raw = ArtefactTrials(
        "ruler", np.arange(n), np.arange(n), tuple(map(str, range(n))), logits_of(after), logits_of(beside),
        probabilities_of(after), probabilities_of(beside), np.full(n, 0.05), np.full(n, 0.2),
        np.zeros((n, 4), dtype=np.int64),
    )  # fmt: skip
    samples = Samples(tuple(map(str, range(n))), labels, units, {}, labels)
    predictions = Predictions(logits_of(clean), probabilities_of(clean))
    removed = {"ruler": Removals(raw, n + 5, 3, 1, 0, 1)}
    return Evidence(samples, predictions, {}, {}, {}, None, {}, (), removals=removed)


def put_in(value, reach=0.05):
    found = Estimate(value=value, low=value - reach, high=value + reach)
    effect = Effect(true_class=None, scale="probability", raw=found, sham=None, beyond=None, share_raised=1.0)
    return SimpleNamespace(artefact="ruler", class_name="melanoma", effects=(effect,))


def test_changes_are_paired_and_beyond_the_control():
    evidence = evidence_of(control=-0.3)
    (found,) = removal_findings(SPEC, PLAN, evidence, (put_in(0.3),))
    trials, clean = evidence.removals["ruler"].trials, evidence.predictions.probabilities[:, 1]
    everything, benign, melanoma, margin = found.changes
    out, beside = trials.probabilities[:, 1] - clean, trials.sham_probabilities[:, 1] - clean
    assert everything.removed.value == pytest.approx(out.mean())
    assert everything.control.value == pytest.approx(beside.mean())
    assert everything.beyond.value == pytest.approx((out - beside).mean())
    assert (benign.true_class, melanoma.true_class) == CLASSES
    assert melanoma.beyond.value == pytest.approx((out - beside)[1::2].mean())
    assert margin.scale == "margin"
    assert margin.beyond.value == pytest.approx(-1.2, abs=0.1)
    assert (found.label, found.n_images, found.n_masks, found.n_unflagged) == ("a ruler", 80, 85, 3)


def test_flips_have_the_denominator_of_what_was_right_before():
    evidence = evidence_of()
    (found,) = removal_findings(SPEC, PLAN, evidence, ())
    missed = next(row for row in found.flips if row.from_class == "melanoma")
    clean = evidence.predictions.probabilities[:, 1]
    after = evidence.removals["ruler"].trials.probabilities[:, 1]
    right = (evidence.samples.labels == 1) & (clean >= 0.5)
    assert missed.removed.n == right.sum()
    assert missed.removed.value == pytest.approx((after[right] < 0.5).mean())
    assert missed.beyond.value > 0


@pytest.mark.parametrize(
    ("fall", "inserted", "agreement"),
    [(-1.5, 0.3, "agrees"), (1.5, -0.3, "agrees"), (-1.5, -0.3, "disagrees"), (0.0, 0.3, "not clear"),
     (-1.5, 0.01, "not clear"), (-1.5, None, "not inserted")],
)  # fmt: skip
def test_it_agrees_where_taking_out_does_the_opposite_of_putting_in(fall, inserted, agreement):
    others = () if inserted is None else (put_in(inserted),)
    (found,) = removal_findings(SPEC, PLAN, evidence_of(fall=fall), others)
    assert found.agreement == agreement
    assert found.sentence
    if inserted is None:
        assert found.inserted is None


def test_an_estimate_without_an_interval_is_not_clear():
    nothing = Estimate(value=0.4, note="one unit: no interval")
    assert agreement_of(nothing, nothing) == "not clear"
    assert "cannot be said" in sentence_of("not clear", nothing, nothing, "melanoma")


def test_doubling_every_image_under_its_patient_changes_no_interval():
    once, twice = (removal_findings(SPEC, PLAN, evidence_of(copies=copies), ())[0] for copies in (1, 2))
    for first, second in zip((*once.changes, *once.flips), (*twice.changes, *twice.flips), strict=True):
        for part in ("removed", "control", "beyond"):
            a, b = getattr(first, part), getattr(second, part)
            assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high), abs=1e-9)
