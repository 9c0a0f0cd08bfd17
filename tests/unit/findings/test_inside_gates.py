"""Gates of the inside: what they read, and what leaves them not evaluated."""

import numpy as np
import pytest

from auditlens.findings.decision import OperatingPoint
from auditlens.findings.gates import GateInputs, gate_estimate
from auditlens.findings.labels import Labels
from auditlens.spec.model import AuditSpec
from auditlens.spec.review import Reading
from auditlens.stages.evidence import ComponentExamples, Evidence, LayerRelevance, Predictions, Samples
from auditlens.stages.findings import ConceptFinding
from auditlens.stages.plan import PlannedGate
from auditlens.stages.states import ComponentState, ConceptState, Severity
from tests.oracle.test_label_definitions import table_of

N = 60
SPEC = AuditSpec.model_validate(
    {
        "auditlens": 1,
        "audit": {"id": "X"},
        "model": {"architecture": "torchvision:resnet18", "classes": ("benign", "melanoma")},
        "data": {"folder": "images"},
        "foundation": {"model": "ViT-B-32"},
        "examine": {"relevance_floor": 0.2},
    }
)


def concept(name, role, state=ConceptState.OBSERVABLE, group=None):
    return ConceptFinding(concept=name, group=group, role={"melanoma": role}, state=state, source="column")


CONCEPTS = {
    "border": concept("border", "valid", group="ABCDE/B"),
    "colour": concept("colour", "valid", group="ABCDE/C"),
    "ruler": concept("ruler", "spurious"),
    "diameter": concept("diameter", "valid", ConceptState.NOT_ASSESSABLE, "ABCDE/D"),
}
LABELS = Labels(
    (ComponentState.VALID, ComponentState.SPURIOUS, ComponentState.BOTH, ComponentState.VALID),
    ("border", "ruler", "ruler", "colour"),
)
SHARES = {"early": (0.1, 0.2, 0.6, 0.1), "late": (0.4, 0.3, 0.2, 0.1)}


def inputs(concepts=None, **changes):
    rng = np.random.default_rng(0)
    samples = Samples(tuple(map(str, range(N))), np.arange(N) % 2, np.arange(N), {}, np.zeros(N, int))
    values = np.zeros((N, 2))
    noise = rng.normal(scale=0.01, size=(N, 1))
    relevance = {
        (layer, "melanoma"): LayerRelevance(layer, "melanoma", "lrp", np.array(row) + noise * [1, -1, 0, 0])
        for layer, row in SHARES.items()
    }
    rows = rng.normal(size=(4, 5, 8))
    rows /= np.linalg.norm(rows, axis=2, keepdims=True)
    components = {
        layer: ComponentExamples(
            layer, np.arange(4), np.zeros((4, 5), int), np.zeros((4, 5, 4), int), rows, rows[0], np.arange(5)
        )
        for layer in SHARES
    }
    evidence = Evidence(samples, Predictions(values, values + 0.5), {}, relevance, components, None, {}, ())
    given = {
        "spec": SPEC,
        "evidence": evidence,
        "point": OperatingPoint(1, 0.5, ("benign", "melanoma")),
        "trials": {},
        "layers": tuple(SHARES),
        "labels": dict.fromkeys(relevance, LABELS),
        "concepts": CONCEPTS if concepts is None else concepts,
        "tables": {},
    }
    return GateInputs(**given | changes)


def measured(metric, given=None, **more):
    gate = PlannedGate(
        id="g", name="g", metric=metric, class_name="melanoma", relation="<=", bound=0.5, severity=Severity.ERROR,
        confidence=0.95, **more,
    )  # fmt: skip
    return gate_estimate(gate, given or inputs())


@pytest.mark.parametrize(
    ("metric", "late", "early"),
    [
        ("spurious_relevance_share", 0.5, 0.8),
        ("strongest_spurious_component", 0.3, 0.6),
        ("valid_coverage", 0.5, 0.0),
    ],
)
def test_a_gate_reads_the_last_layer_or_the_one_that_it_names(metric, late, early):
    assert measured(metric).value == pytest.approx(late, abs=0.005)
    assert measured(metric, layer="early").value == pytest.approx(early, abs=0.005)


def test_what_cannot_be_seen_is_no_fault_of_the_coverage_and_named():
    found = measured("valid_coverage")
    assert "not counted, since nothing shows that they can be seen: diameter" in found.note
    assert "not covered: ABCDE/C" in found.note


@pytest.mark.parametrize("metric", ["clarity", "redundancy", "polysemanticity"])
def test_descriptions_are_weighted_by_relevance_over_what_is_relevant(metric):
    found = measured(metric)
    assert found.low <= found.value <= found.high
    assert "over 2 components" in found.note or "over 3 components" in found.note


def test_the_margin_reads_the_cropped_components_alignments():
    table = table_of(0)
    table = table.__class__(
        concepts=("border", "colour", "ruler"),
        raw=np.array([[0.3, 0.1, 0.1], [0.0, 0.0, 0.4], [0.1, 0.2, 0.3], [0.1, 0.1, 0.0]]),
        z=np.ones((4, 3)), z_low=np.ones((4, 3)), z_high=np.ones((4, 3)), random_z=np.ones((9, 3)),
        eligible=np.ones((4, 3), bool), unrelated_pass=0.0, random_pass=0.0,
    )  # fmt: skip
    found = measured("alignment_margin", inputs(tables={"late": table}))
    shares = np.abs(inputs().evidence.relevance["late", "melanoma"].relevance[:, :3])
    reached = [k for k in range(3) if shares[:, k].mean() >= 0.2]
    margins = np.array([0.2, -0.4, -0.1])[reached]
    assert found.value == pytest.approx((shares[:, reached] @ margins).sum() / shares[:, reached].sum())


NOBODY = {name: row.model_copy(update={"state": ConceptState.NOT_OBSERVABLE}) for name, row in CONCEPTS.items()}


@pytest.mark.parametrize(
    ("metric", "given", "why"),
    [
        ("strongest_spurious_component", inputs(NOBODY), "not shown to see any spurious concept"),
        ("valid_coverage", inputs(NOBODY), "not shown to see any valid concept"),
        ("alignment_margin", inputs(), "not shown to see any valid, or no spurious, concept"),
        ("alignment_margin", inputs(NOBODY), "not shown to see"),
    ],
)
def test_without_evidence_there_is_no_value(metric, given, why):
    found = measured(metric, given)
    assert found.value is None
    assert why in found.note


@pytest.mark.parametrize(
    "metric", ["strongest_spurious_component", "valid_coverage", "alignment_margin", "clarity", "redundancy"]
)
def test_a_class_without_relevance_has_no_value(metric):
    found = measured(metric, layer="middle")
    assert found.value is None
    assert "no relevance was computed for melanoma" in found.note


@pytest.mark.parametrize("metric", ["flip_rate", "accuracy_drop"])
def test_an_artefact_that_was_not_put_in_has_no_value(metric):
    found = measured(metric, artefact="ruler")
    assert found.value is None
    assert "was not put in" in found.note


UNEXPLAINED = Labels(
    (ComponentState.VALID, ComponentState.UNEXPECTED, ComponentState.UNVERIFIED, ComponentState.UNEXPECTED),
    ("border", None, "diameter", None),
)


def unread(readings):
    labels = dict.fromkeys([("late", "melanoma"), ("early", "melanoma")], UNEXPLAINED)
    rows = {name: Reading(decision=word, reader="dr.ito", reason="seen") for name, word in readings.items()}
    return measured("unread_relevance_share", inputs(labels=labels, readings=rows))


def test_what_a_reader_has_decided_about_is_read_and_nothing_else():
    nobody, some = unread({}), unread({"late:1": "valid", "late:3": "spurious", "late:0": "valid", "early:2": "valid"})
    assert nobody.value == pytest.approx(0.6, abs=0.02)
    assert some.value == pytest.approx(0.2, abs=0.02) and nobody.low < nobody.value < nobody.high
    assert "2 of 3 such components read, 1 of them called spurious" in some.note


def test_without_relevance_nothing_is_unread_and_nothing_is_read():
    gone = measured("unread_relevance_share", inputs(labels={}, layers=("nowhere",)))
    assert gone.value is None and gone.note
