"""Results by subgroup: which images are in, what stands out, and what too few units leave open."""

from types import SimpleNamespace

import numpy as np
import pytest

from auditlens.findings.artefacts import Trials, effect_estimate, flip_estimate
from auditlens.findings.decision import OperatingPoint
from auditlens.findings.gates import METRICS
from auditlens.findings.performance import clean_metric
from auditlens.findings.subgroups import members, predictions_of, samples_of, subgroup_findings, trials_of
from auditlens.stages.erasure import Erasures
from auditlens.stages.evidence import ArtefactTrials, Evidence, Predictions, Samples
from auditlens.stages.partition import Partition
from auditlens.stages.subgroups import PlannedStrata, PlannedStratum, Stratum

CLASSES = ("benign", "melanoma")
POINT = OperatingPoint(1, 0.5, CLASSES)


def two(p):
    p = np.asarray(p, dtype=float)
    return np.stack([1 - p, p], axis=1)


def evidence_of(device, clean, after, sham, labels, units=None):
    """One trial per image; device codes 0 (A), 1 (B), -1 (empty)."""
    n = len(labels)
    samples = Samples(
        ids=tuple(map(str, range(n))),
        labels=np.asarray(labels),
        units=np.arange(n) if units is None else np.asarray(units),
        columns={},
        strata=np.asarray(labels),
        partitions={"device": Partition("device", ("A", "B"), np.asarray(device))},
    )
    trials = ArtefactTrials(
        artefact="ruler",
        image_indices=np.arange(n),
        instances=np.arange(n) % 7,
        instance_names=tuple("abcdefg"),
        logits=np.log(two(after)),
        sham_logits=np.log(two(sham)),
        probabilities=two(after),
        sham_probabilities=two(sham),
        area=np.full(n, 0.1),
        energy_ratio=np.ones(n),
        boxes=np.zeros((n, 4), int),
    )
    erased = Erasures(np.arange(n), two(clean), np.full(n, 0.2), 0, 0)
    predictions = Predictions(np.log(two(clean)), two(clean))
    return Evidence(samples, predictions, {}, {}, {}, None, {"ruler": trials}, (), erasures=erased)


def planted(n=240, n_b=60, effect=0.3, seed=0):
    """The artefact acts in device B only; the classes are mixed alike."""
    rng = np.random.default_rng(seed)
    device = (np.arange(n) < n_b).astype(int)
    labels = np.arange(n) % 2
    clean = np.where(labels == 1, 0.7, 0.3) + rng.normal(0, 0.03, n)
    sham = clean + rng.normal(0, 0.02, n)
    after = np.clip(sham - effect * (device == 1) * (labels == 1), 0.01, 0.99)
    return evidence_of(device, clean, after, sham, labels)


def trials_in(evidence):
    return Trials(evidence.trials["ruler"], evidence.samples, evidence.predictions, POINT, n_draws=1000, seed=0)


def plan_of(min_units=30, artefacts=("ruler",), strata=None):
    strata = strata or [Stratum(within={"device": value}) for value in ("A", "B")]
    rows = tuple(PlannedStratum(stratum=row, n_images=1, n_units=1, class_counts={}) for row in strata)
    planned = PlannedStrata(by=("device",), min_units=min_units, strata=rows)
    return SimpleNamespace(
        data=SimpleNamespace(strata=planned),
        artefacts=artefacts,
        audited_classes=("melanoma",),
        model=SimpleNamespace(classes=CLASSES),
    )


def found_in(evidence, **plan):
    found = subgroup_findings(plan_of(**plan), evidence, POINT, {"ruler": trials_in(evidence)})
    return found, {row.stratum.name: row for row in found.effects}


def test_each_subgroup_is_the_definition_on_its_own_images():
    evidence = planted()
    _, rows = found_in(evidence)
    b = slice(0, 60)
    trials, clean = evidence.trials["ruler"], evidence.predictions.probabilities[b, 1]
    assert rows["device B"].raw.value == pytest.approx((trials.probabilities[b, 1] - clean).mean())
    assert rows["device B"].sham.value == pytest.approx((trials.sham_probabilities[b, 1] - clean).mean())
    gap = (trials.probabilities - trials.sham_probabilities)[b, 1]
    assert rows["device B"].beyond.value == pytest.approx(gap.mean())
    assert (rows["device B"].n_images, rows["device A"].n_images) == (60, 180)
    away = next(flip for flip in rows["device B"].flips if flip.from_class == "melanoma")
    assert (away.rate.n_events, away.rate.n) == (30, 30)
    assert next(flip for flip in rows["device A"].flips if flip.from_class == "melanoma").rate.n_events == 0


def test_clean_performance_by_subgroup():
    evidence = planted()
    found, _ = found_in(evidence)
    inside = evidence.samples.partitions["device"].codes == 1
    own = clean_metric(
        "sensitivity", samples_of(evidence.samples, inside), predictions_of(evidence.predictions, inside), POINT, 1
    )
    (b,) = [row for row in found.performance if row.stratum.within == {"device": "B"}]
    assert (b.sensitivity.value, b.sensitivity.low, b.sensitivity.n) == (own.value, own.low, 30)


def test_the_planted_subgroup_stands_out_and_is_named():
    found, rows = found_in(planted())
    assert rows["device B"].stands_out
    assert rows["device B"].contrast.value == pytest.approx(-0.15, abs=0.01)
    (summary,) = found.summaries
    assert summary.worst == Stratum(within={"device": "B"})
    assert summary.sentence.startswith("Largest beyond the sham in device B: -0.15")
    assert "clear of zero over all that were tested" in summary.sentence


def test_a_device_with_another_mix_of_classes_does_not_stand_out_by_that():
    """The artefact acts on melanomas, wherever they come from; device B has more of them."""
    rng = np.random.default_rng(3)
    labels = np.r_[np.ones(60, int), np.zeros(20, int), np.ones(40, int), np.zeros(120, int)]
    device = np.r_[np.ones(80, int), np.zeros(160, int)]
    clean = np.where(labels == 1, 0.7, 0.3) + rng.normal(0, 0.02, 240)
    evidence = evidence_of(device, clean, clean - 0.2 * labels + rng.normal(0, 0.02, 240), clean, labels)
    _, rows = found_in(evidence)
    assert rows["device B"].beyond.value < rows["device A"].beyond.value - 0.05
    assert not rows["device B"].stands_out
    assert abs(rows["device B"].contrast.value) < 0.02


def test_within_a_true_class_only_its_images_and_its_direction_count():
    strata = [Stratum(within={"device": value}, true_class="melanoma") for value in ("A", "B")]
    _, rows = found_in(planted(), strata=strata)
    row = rows["melanoma images, device B"]
    assert (row.n_images, [flip.from_class for flip in row.flips]) == (30, ["melanoma"])
    assert row.beyond.value == pytest.approx(-0.3, abs=0.01)


def test_images_with_an_empty_cell_are_in_no_subgroup_and_in_no_comparison():
    evidence = planted()
    codes = evidence.samples.partitions["device"].codes
    codes[200:] = -1
    _, rows = found_in(evidence)
    assert rows["device A"].n_images == 140
    assert rows["device B"].contrast.n == 200


def test_too_few_units_are_shown_and_nothing_rests_on_them():
    found, rows = found_in(planted(), min_units=61)
    row = rows["device B"]
    assert row.few
    assert row.beyond.value is not None
    assert "too few units (60 of 61)" in row.beyond.note
    assert not row.stands_out
    assert found.summaries[0].worst == Stratum(within={"device": "A"})
    assert "1 with fewer than 61 units left aside" in found.summaries[0].sentence


def test_units_and_not_images_are_few():
    evidence = planted()
    evidence.samples.units[:60] = np.arange(60) // 6
    _, rows = found_in(evidence)
    assert (rows["device B"].n_images, rows["device B"].n_units, rows["device B"].few) == (60, 10, True)


def test_the_family_is_that_of_the_plan():
    """Artefacts that could not be put in count too: nothing is gained by leaving one out."""
    alone, one = found_in(planted())
    among, many = found_in(planted(), artefacts=("ruler", *"abcdefghi"))
    assert (alone.n_tested, among.n_tested) == (2, 20)
    assert many["device B"].contrast.confidence > one["device B"].contrast.confidence
    assert many["device B"].contrast.high - many["device B"].contrast.low > (
        one["device B"].contrast.high - one["device B"].contrast.low
    )


def test_equal_subgroups_stand_out_in_at_most_the_level():
    out = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        device, labels = rng.integers(0, 2, 120), rng.integers(0, 2, 120)
        clean = rng.uniform(0.3, 0.6, 120)
        found, _ = found_in(evidence_of(device, clean, clean + rng.normal(0.05, 0.05, 120), clean, labels))
        out += any(row.stands_out for row in found.effects)
    assert out <= 18  # 5 % of 200, and three standard deviations


def test_without_strata_there_are_no_findings():
    plan = plan_of()
    plan.data.strata = None
    assert subgroup_findings(plan, planted(), POINT, {}) is None


def gate(**fields):
    common = {"artefact": "ruler", "class_name": "melanoma", "confidence": 0.95, "within": {"device": "B"}}
    return SimpleNamespace(**common | fields)


@pytest.mark.parametrize("metric", ["sensitivity", "specificity", "auroc", "lesion_erased_auroc"])
def test_clean_gates_read_their_subgroup(metric):
    evidence = planted()
    inputs = SimpleNamespace(evidence=evidence, point=POINT, trials={})
    inside = METRICS[metric](gate(metric=metric), inputs)
    everywhere = METRICS[metric](gate(metric=metric, within={}), inputs)
    assert inside.n < everywhere.n
    assert inside.n in (30, 60)


def test_artefact_gates_read_their_subgroup():
    evidence = planted()
    trials = trials_in(evidence)
    own = trials_of(trials, members(evidence.samples, {"device": "B"}))
    inputs = SimpleNamespace(evidence=evidence, point=POINT, trials={"ruler": trials})
    level = {"confidence": 0.95, "sided": "one"}
    sides = {"from_class": "melanoma", "to_class": "benign"}
    for metric, expected in {
        "decision_flips": flip_estimate(own, "melanoma", "benign", "raw", **level),
        "decision_flips_beyond_sham": flip_estimate(own, "melanoma", "benign", "beyond", **level),
        "artefact_effect": effect_estimate(own, 1, None, "raw", **level),
        "effect_minus_sham": effect_estimate(own, 1, None, "beyond", **level),
    }.items():
        assert METRICS[metric](gate(metric=metric, true_class=None, **sides), inputs) == expected
    nobody = planted(n_b=0)
    empty = SimpleNamespace(evidence=nobody, point=POINT, trials={"ruler": trials_in(nobody)})
    assert METRICS["artefact_effect"](gate(metric="artefact_effect", true_class=None), empty).value is None
