"""Doubling every image under the same patient changes no interval: through findings, subgroups, gates and the data."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditlens.findings.artefacts import Trials, artefact_finding
from auditlens.findings.decision import OperatingPoint
from auditlens.findings.gates import METRICS
from auditlens.findings.observational import observational_contrast
from auditlens.findings.performance import performance
from auditlens.findings.prevalence import prevalence_findings
from auditlens.findings.subgroups import subgroup_findings
from auditlens.spec.artefacts import Tint
from auditlens.stages.erasure import Erasures
from auditlens.stages.evidence import ArtefactTrials, Evidence, Predictions, Samples
from auditlens.stages.findings import Estimate
from auditlens.stages.partition import Partition
from auditlens.stages.subgroups import PlannedStrata, PlannedStratum, Stratum

CLASSES = ("benign", "melanoma")
POINT = OperatingPoint(1, 0.5, CLASSES)
COUNTS = {"n_images": 1, "n_units": 1, "class_counts": {}}
STRATA = PlannedStrata(
    by=("device",),
    min_units=5,
    strata=tuple(
        PlannedStratum(stratum=Stratum(within={"device": value}, true_class=true_class), **COUNTS)
        for true_class in (None, "melanoma")
        for value in ("A", "B")
    ),
)
PLAN = SimpleNamespace(
    data=SimpleNamespace(strata=STRATA),
    artefacts=("ruler",),
    audited_classes=("melanoma",),
    model=SimpleNamespace(classes=CLASSES),
)
SPEC = SimpleNamespace(artefacts={"ruler": Tint(kind="tint", colour=(1, 2, 3), column="ruler")}, concepts={})
sizes = st.integers(24, 60)
seeds = st.integers(0, 10_000)


def two(p):
    return np.stack([1 - p, p], axis=1)


def evidence_of(n, seed, copies=1):
    """Images of n / 2 patients or so, and for each image `copies` equal ones of the same patient."""
    rng = np.random.default_rng(seed)
    labels, units = rng.integers(0, 2, n), rng.integers(0, n // 2, n)
    device, flags = rng.integers(-1, 2, n), (rng.random(n) < 0.3).astype(float)
    clean, after, sham, erased = (rng.uniform(0.05, 0.95, n) for _ in range(4))
    instances = rng.integers(0, 4, n)
    twice = np.repeat(np.arange(n), copies)
    samples = Samples(
        ids=tuple(map(str, range(n * copies))),
        labels=labels[twice],
        units=units[twice],
        columns={"ruler": flags[twice]},
        strata=labels[twice],
        partitions={"device": Partition("device", ("A", "B"), device[twice])},
    )
    predictions = Predictions(np.log(two(clean[twice])), two(clean[twice]))
    trials = ArtefactTrials(
        artefact="ruler",
        image_indices=np.arange(n * copies),
        instances=instances[twice],
        instance_names=("a", "b", "c", "d"),
        logits=np.log(two(after[twice])),
        sham_logits=np.log(two(sham[twice])),
        probabilities=two(after[twice]),
        sham_probabilities=two(sham[twice]),
        area=np.full(n * copies, 0.1),
        energy_ratio=np.ones(n * copies),
        boxes=np.zeros((n * copies, 4), int),
    )
    gone = Erasures(np.arange(n * copies), two(erased[twice]), np.full(n * copies, 0.2), 0, 0)
    return Evidence(samples, predictions, {}, {}, {}, None, {"ruler": trials}, (), erasures=gone)


def trials_of(evidence):
    return Trials(evidence.trials["ruler"], evidence.samples, evidence.predictions, POINT, n_draws=1000, seed=0)


def estimates(value):
    """Every estimate below a finding, with its place."""
    found = []

    def walk(node, path):
        if isinstance(node, Estimate):
            found.append((path, node))
        elif hasattr(node, "model_fields_set"):
            for name in type(node).model_fields:
                walk(getattr(node, name), (*path, name))
        elif isinstance(node, dict):
            for name, item in node.items():
                walk(item, (*path, name))
        elif isinstance(node, tuple | list):
            for number, item in enumerate(node):
                walk(item, (*path, number))

    walk(value, ())
    return found


def assert_same(once, twice):
    assert [path for path, _ in once] == [path for path, _ in twice]
    assert once
    for (path, one), (_, other) in zip(once, twice, strict=True):
        assert one.n_units == other.n_units, path
        for end in ("value", "low", "high"):
            assert getattr(one, end) == pytest.approx(getattr(other, end), abs=1e-9), (path, end)


def both(n, seed):
    return evidence_of(n, seed), evidence_of(n, seed, copies=2)


@settings(max_examples=10, deadline=None)
@given(sizes, seeds)
def test_artefact_findings_and_performance(n, seed):
    for judged in (
        lambda evidence: artefact_finding(trials_of(evidence), "melanoma", "ruler"),
        lambda evidence: performance(evidence.samples, evidence.predictions, POINT),
    ):
        assert_same(*(estimates(judged(evidence)) for evidence in both(n, seed)))


@settings(max_examples=10, deadline=None)
@given(sizes, seeds)
def test_subgroups(n, seed):
    once, twice = (
        subgroup_findings(PLAN, evidence, POINT, {"ruler": trials_of(evidence)}) for evidence in both(n, seed)
    )
    assert_same(estimates(once), estimates(twice))
    assert [row.stands_out for row in once.effects] == [row.stands_out for row in twice.effects]
    assert [row.sentence for row in once.summaries] == [row.sentence for row in twice.summaries]


@settings(max_examples=15, deadline=None)
@given(sizes, seeds)
def test_the_data(n, seed):
    for judged in (
        lambda evidence: prevalence_findings(SPEC, PLAN, evidence, {}),
        lambda evidence: (observational_contrast(evidence.samples, evidence.predictions, "ruler", 1),),
    ):
        once, twice = (estimates(judged(evidence)) for evidence in both(n, seed))
        if once or twice:
            assert_same(once, twice)


GATES = (
    {"metric": "sensitivity"},
    {"metric": "specificity"},
    {"metric": "auroc"},
    {"metric": "lesion_erased_auroc"},
    {"metric": "decision_flips", "from_class": "melanoma", "to_class": "benign"},
    {"metric": "decision_flips_beyond_sham", "from_class": "benign", "to_class": "melanoma"},
    {"metric": "artefact_effect", "true_class": None},
    {"metric": "effect_minus_sham", "true_class": "melanoma"},
)


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate["metric"])
@pytest.mark.parametrize("within", [{}, {"device": "A"}], ids=["all", "subgroup"])
@settings(max_examples=6, deadline=None)
@given(n=sizes, seed=seeds)
def test_gates(gate, within, n, seed):
    common = {"artefact": "ruler", "class_name": "melanoma", "confidence": 0.95, "within": within}
    planned = SimpleNamespace(**common | gate)
    found = []
    for evidence in both(n, seed):
        inputs = SimpleNamespace(evidence=evidence, point=POINT, trials={"ruler": trials_of(evidence)}, spec=SPEC)
        found.append([((), METRICS[gate["metric"]](planned, inputs))])
    assert_same(*found)


def test_the_property_can_fail():
    """Counting the copies as patients of their own narrows the interval."""
    once, twice = both(60, 3)
    fresh = replace(twice.samples, units=np.arange(120))
    narrow = performance(fresh, twice.predictions, POINT).accuracy
    wide = performance(once.samples, once.predictions, POINT).accuracy
    assert narrow.high - narrow.low < 0.9 * (wide.high - wide.low)
