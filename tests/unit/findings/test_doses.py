"""Dose curves: trend, steps, and the dose that breaks a limit."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from auditlens.findings.artefacts import Trials
from auditlens.findings.decision import OperatingPoint
from auditlens.findings.doses import (
    against_limit,
    dose_findings,
    effect_matrix,
    limit_sentence,
    rank_correlations,
    slopes,
    steps_and_shape,
)
from auditlens.findings.statistics import mean_effect
from auditlens.spec.model import AuditSpec
from auditlens.stages.doses import DoseLimit, DoseTrials
from auditlens.stages.estimate import Estimate
from auditlens.stages.evidence import ArtefactTrials, Evidence, Predictions, Samples
from auditlens.stages.partition import Partition
from auditlens.stages.plan import AuditPlan, PlannedData, PlannedGate, PlannedModel

CLASSES = ("benign", "melanoma")
LEVELS = (0.5, 1.0, 2.0)


def two(p):
    p = np.clip(np.asarray(p, dtype=float), 1e-6, 1 - 1e-6)
    return np.stack([1 - p, p], axis=1)


def trials_of(rows, p, sham, instances):
    return ArtefactTrials(
        artefact="mark", image_indices=np.asarray(rows), instances=np.asarray(instances),
        instance_names=tuple("abcdef"), logits=np.log(two(p)), sham_logits=np.log(two(sham)),
        probabilities=two(p), sham_probabilities=two(sham) if np.isfinite(sham).all() else np.full((len(p), 2), np.nan),
        area=np.full(len(p), 0.1), energy_ratio=np.ones(len(p)), boxes=np.zeros((len(p), 4), int),
    )  # fmt: skip


def world(effects, shams=None, units=None, instances=None):
    """Images whose probability moves by `effects` (images, levels) from 0.4, and by `shams` with the sham."""
    effects = np.asarray(effects, dtype=float)
    n = len(effects)
    shams = np.zeros_like(effects) if shams is None else shams
    units = np.arange(n) if units is None else np.asarray(units)
    instances = np.arange(n) % 6 if instances is None else np.asarray(instances)
    labels = np.arange(n) % 2
    samples = Samples(tuple(map(str, range(n))), labels, units, {}, labels)
    clean = two(np.full(n, 0.4))
    columns = zip(0.4 + effects.T, 0.4 + np.asarray(shams).T, strict=True)
    levels = tuple(trials_of(np.arange(n), with_it, with_sham, instances) for with_it, with_sham in columns)
    dose = DoseTrials("mark", "scale", LEVELS[: effects.shape[1]], levels)
    evidence = Evidence(samples, Predictions(np.log(clean), clean), {}, {}, {}, None, {}, (), doses=(dose,))
    first = Trials(dose.trials[0], samples, evidence.predictions, OperatingPoint(1, 0.5, CLASSES), 1000, 0)
    return evidence, {"mark": first}


def gate(metric="effect_minus_sham", relation="within", bound=0.1, **more):
    named = {"id": "limit", "name": "limit", "class_name": "melanoma", "artefact": "mark", "severity": "error"}
    return PlannedGate(metric=metric, relation=relation, bound=bound, confidence=0.95, **named, **more)


def judged_plan(*gates):
    return AuditPlan(
        spec_sha256="0", foundation=None, audited_classes=("melanoma",), gates=gates, artefacts=("mark",), methods=(),
        seed=0, batch_size=4, n_threads=1, device="cpu",
        data=PlannedData(source="", sha256="", n_images=1, n_units=1, unit_column=None, class_counts={}, columns=()),
        model=PlannedModel(
            architecture="", weights_sha256=None, classes=CLASSES, layers=(), n_components={}, preprocessing="",
            output="logits", decision_class="melanoma", threshold=0.5, decision_source="", n_parameters=0,
        ),
    )  # fmt: skip


def judged_spec(*names):
    document = {
        "auditlens": 1,
        "audit": {"id": "X"},
        "model": {"architecture": "torchvision:resnet18", "classes": list(CLASSES)},
        "data": {"folder": "x"},
        "artefacts": {name: {"kind": "logo", "label": f"a {name}"} for name in names},
    }
    return AuditSpec.model_validate_json(json.dumps(document))


def judged(evidence, trials, *gates):
    return dose_findings(judged_spec("mark"), judged_plan(*gates), evidence, trials)[0]


def noise(n, k=3, size=0.01, seed=0):
    return np.random.default_rng(seed).normal(0, size, (n, k))


def shape_of(means, n=60, **more):
    evidence, trials = world(np.asarray(means) + noise(n, len(means)), **more)
    return judged(evidence, trials)


def test_slopes_and_ranks_are_those_of_numpy_and_scipy():
    effects = np.round(noise(20, 5, size=0.02), 2)
    effects[3] = 0.25
    levels = (0.1, 0.5, 0.7, 1.0, 3.0)
    assert slopes(effects, levels) == pytest.approx([np.polyfit(levels, row, 1)[0] for row in effects])
    ranks = rank_correlations(effects, levels)
    assert ranks[3] == 0
    kept = [row for row in range(20) if row != 3]
    assert ranks[kept] == pytest.approx([stats.spearmanr(levels, effects[row]).statistic for row in kept])


@pytest.mark.parametrize(
    ("means", "shape"),
    [
        ((0.0, 0.1, 0.3), "rises"),
        ((0.0, -0.1, -0.3), "falls"),
        ((0.0, 0.2, 0.1), "not monotone"),
        ((0.0, 0.2, 0.0), "not monotone"),
        ((0.1, 0.1, 0.1), "no trend shown"),
    ],
)
def test_the_shape_of_the_curve(means, shape):
    found = shape_of(means)
    assert found.shape == shape
    assert [step.end for step in found.steps] == [1.0, 2.0]
    assert found.levels[2].beyond.value == pytest.approx(means[2], abs=0.005)
    assert (("not monotone" in found.sentence), ("No trend" in found.sentence)) == (
        shape == "not monotone",
        shape == "no trend shown",
    )


def test_what_the_sham_does_too_is_no_effect_of_the_dose():
    moved = np.array((0.0, 0.1, 0.3))
    with_sham = shape_of(moved, shams=np.tile(moved, (60, 1)))
    assert with_sham.shape == "no trend shown" and with_sham.kind == "beyond"
    without = shape_of(moved, shams=np.full((60, 3), np.nan))
    assert without.shape == "rises" and without.kind == "raw" and without.levels[0].beyond is None


def test_a_reversal_needs_evidence():
    rng = np.random.default_rng(1)
    effects = np.array((0.0, 0.21, 0.2)) + rng.normal(0, 0.1, (60, 3))
    evidence, trials = world(effects)
    found = judged(evidence, trials)
    assert found.shape == "rises"
    assert found.steps[1].p_adjusted > 0.05 and not found.steps[1].against


def test_few_images_that_make_the_trend_are_said():
    effects = np.tile((0.002, 0.001, 0.0), (200, 1)) + noise(200, size=1e-4)
    effects[:40] = np.array((0.0, 0.1, 0.3)) + noise(40, size=0.001)
    evidence, trials = world(effects)
    assert "few images make the trend" in judged(evidence, trials).sentence


def test_the_order_of_the_images_does_not_matter():
    effects = np.array((0.0, 0.1, 0.15)) + noise(40, size=0.05)
    evidence, trials = world(effects)
    dose, order = evidence.doses[0], np.random.default_rng(3).permutation(40)
    arrays = ("image_indices", "instances", "logits", "sham_logits", "probabilities", "sham_probabilities", "area")
    shuffled = tuple(
        replace(level, **{name: getattr(level, name)[order] for name in (*arrays, "energy_ratio", "boxes")})
        for level in dose.trials
    )
    again = replace(evidence, doses=(replace(dose, trials=shuffled),))
    one, other = (
        judged(evidence, trials, gate()),
        judged(again, {"mark": replace(trials["mark"], raw=shuffled[0])}, gate()),
    )
    assert one.shape == other.shape and one.limits[0].sentence == other.limits[0].sentence
    for a, b in zip(one.steps, other.steps, strict=True):
        assert (a.change.low, a.change.high) == pytest.approx((b.change.low, b.change.high))


def test_doubling_every_image_under_its_unit_changes_no_interval():
    effects = np.array((0.0, 0.1, 0.15)) + noise(40, size=0.05)
    once = judged(*world(effects), gate())
    units, instances = np.tile(np.arange(40), 2), np.tile(np.arange(40) % 6, 2)
    # labels alternate by row, and 40 is even, so both copies of an image have the same label
    twice = judged(*world(np.tile(effects, (2, 1)), units=units, instances=instances), gate())
    assert twice.n_images == 80 and twice.n_units == 40
    for a, b in zip(once.steps, twice.steps, strict=True):
        assert (a.change.low, a.change.high, a.p_adjusted) == pytest.approx((b.change.low, b.change.high, b.p_adjusted))
    assert (once.slope.low, once.slope.high) == pytest.approx((twice.slope.low, twice.slope.high))
    assert once.limits[0].smallest_outside == twice.limits[0].smallest_outside


def bounds(*pairs):
    return [Estimate(value=(low + high) / 2, low=low, high=high) for low, high in pairs]


@pytest.mark.parametrize(
    ("pairs", "found"),
    [
        (((0.00, 0.04), (0.06, 0.09), (0.2, 0.3)), (1.0, 0.5, ())),
        (((0.00, 0.09), (0.04, 0.09), (0.2, 0.3)), (2.0, None, ())),
        (((0.06, 0.09), (0.06, 0.09), (0.2, 0.3)), (0.5, None, ())),
        (((0.00, 0.04), (0.00, 0.04), (0.0, 0.04)), (None, 2.0, ())),
        (((0.00, 0.06), (0.00, 0.06), (0.0, 0.06)), (None, None, ())),
        (((0.06, 0.09), (0.00, 0.04), (0.2, 0.3)), (0.5, None, (1.0,))),
        (((0.00, 0.04), (0.00, 0.06), (0.0, 0.06)), (None, 0.5, ())),
    ],
)
def test_where_a_limit_is_broken(pairs, found):
    assert against_limit("<=", 0.05, LEVELS, bounds(*pairs)) == found


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        (((0.06, 0.09), (0.06, 0.09), (0.2, 0.3)), "The limit is broken at 0.5 or below."),
        (
            ((0.00, 0.04), (0.04, 0.09), (0.2, 0.3)),
            "at 2, the smallest tested level that is shown to break it; it is kept up",
        ),
        (((0.00, 0.04), (0.00, 0.04), (0.0, 0.04)), "The limit is kept up to 2, the largest level that was tested."),
        (
            ((0.00, 0.06), (0.00, 0.06), (0.0, 0.06)),
            "None of the tested levels is shown to break the limit; none is shown",
        ),
        (((0.06, 0.09), (0.00, 0.04), (0.2, 0.3)), "at 1 it is kept again"),
    ],
)
def test_a_limit_in_words(pairs, said):
    estimates = bounds(*pairs)
    smallest, largest, back = against_limit("<=", 0.05, LEVELS, estimates)
    row = DoseLimit(
        gate="g", metric="decision_flips", relation="<=", bound=0.05, from_class=None, to_class=None, true_class=None,
        estimates=tuple(estimates), smallest_outside=smallest, largest_inside=largest, back_inside=back, sentence="",
    )  # fmt: skip
    assert said in limit_sentence(row, LEVELS)


def test_limits_are_those_of_the_gates_on_this_artefact_at_their_own_confidence():
    other = gate(metric="effect_minus_sham").model_copy(update={"id": "else", "artefact": "ruler"})
    flips = gate("decision_flips_beyond_sham", "<=", 0.2, from_class="benign", to_class="melanoma")
    flips = flips.model_copy(update={"id": "flips"})
    found = judged(*world(np.array((0.0, 0.05, 0.3)) + noise(60)), gate(), flips, other)
    assert [row.gate for row in found.limits] == ["limit", "flips"]
    effect, turned = found.limits
    assert (effect.smallest_outside, effect.largest_inside) == (2.0, 1.0)
    assert all(row.sided == "one" for row in effect.estimates)
    assert turned.smallest_outside == 2.0  # 0.4 + 0.3 crosses the operating point


def test_a_gate_within_a_subgroup_is_read_within_it_and_keeps_nothing_on_few_units():
    effects = np.where((np.arange(60) < 20)[:, None], (0.3, 0.3, 0.3), (0.0, 0.0, 0.0)) + noise(60)
    evidence, trials = world(effects)
    skin = Partition("skin", ("dark", "light"), np.repeat([0, 1], [20, 40]))
    samples = replace(evidence.samples, partitions={"skin": skin})
    evidence = replace(evidence, samples=samples)
    trials = {"mark": replace(trials["mark"], samples=samples)}
    dark = gate(within={"skin": "dark"}).model_copy(update={"id": "dark"})
    light = gate(within={"skin": "light"}, min_units=41).model_copy(update={"id": "light"})
    enough = light.model_copy(update={"id": "enough", "min_units": 40})
    found = {row.gate: row for row in judged(evidence, trials, dark, light, enough).limits}
    assert found["dark"].smallest_outside == 0.5 and found["dark"].estimates[0].n_units == 20
    assert found["light"].largest_inside is None and found["enough"].largest_inside == 2.0


def test_steps_agree_with_the_paired_mean_of_the_same_images():
    evidence, trials = world(np.array((0.0, 0.1, 0.15)) + noise(60, size=0.05))
    levels = [replace(trials["mark"], raw=level) for level in evidence.doses[0].trials]
    effects = effect_matrix(levels, 1, "beyond")
    slope = mean_effect(slopes(effects, LEVELS), trials["mark"].units)
    steps, _ = steps_and_shape(effects, trials["mark"].units, trials["mark"].raw.instances, LEVELS, slope)
    assert steps[0].change.value == pytest.approx((effects[:, 1] - effects[:, 0]).mean())
