"""A released file in the findings: the control on its twin, and gates on an inside that nobody looked at."""

import numpy as np
import pytest

from auditlens.findings.decision import OperatingPoint
from auditlens.findings.gates import GateInputs, gate_estimate
from auditlens.findings.released import twin_control
from auditlens.spec.model import AuditSpec
from auditlens.stages.evidence import INSIDE, Evidence, Predictions, Samples, Skipped
from auditlens.stages.plan import PlannedGate, PlannedReleased
from auditlens.stages.states import GateState, Severity
from auditlens.verdict.gate import state_of
from auditlens.verdict.sentences import sentence_for

FILE = PlannedReleased(file="net.onnx", format="ONNX", sha256="a" * 64, twin=True, tolerance=1e-3, n_compared=200)


def test_a_twin_within_the_tolerance_passes_its_control():
    (control,) = twin_control(FILE.model_copy(update={"gap": 2e-7, "n_same": 200}))
    assert (control.passes, control.value) == (True, 2e-7)
    assert "differ by at most 2e-07 on 200 clean images, with the same decision on 200" in control.sentence


def test_a_twin_beyond_the_tolerance_fails_its_control():
    (control,) = twin_control(FILE.model_copy(update={"gap": 0.04, "n_same": 197, "worst": "a.png"}))
    assert control.passes is False
    assert control.sentence.endswith("That is more than 0.001 (on a.png), so nothing inside was evaluated.")


@pytest.mark.parametrize("released", [None, FILE.model_copy(update={"twin": False, "tolerance": None})])
def test_without_a_twin_there_is_nothing_to_compare(released):
    assert twin_control(released) == ()


def inputs(skipped):
    samples = Samples(("a", "b"), np.array([0, 1]), np.arange(2), {}, np.zeros(2, int))
    values = np.zeros((2, 2))
    evidence = Evidence(samples, Predictions(values, values + 0.5), {}, {}, {}, None, {}, skipped)
    spec = AuditSpec.model_validate(
        {
            "auditlens": 1,
            "audit": {"id": "X"},
            "model": {"released": {"file": "net.onnx"}, "classes": ("benign", "melanoma")},
            "data": {"folder": "images"},
        }
    )
    point = OperatingPoint(1, 0.5, ("benign", "melanoma"))
    return GateInputs(spec=spec, evidence=evidence, point=point, trials={}, layers=(), labels={}, concepts={})


@pytest.mark.parametrize("metric", ["spurious_relevance_share", "unexpected_relevance_share"])
def test_a_gate_on_the_inside_of_a_file_alone_is_never_a_pass(metric):
    gate = PlannedGate(
        id="inside",
        name="inside",
        metric=metric,
        class_name="melanoma",
        relation="<=",
        bound=1.0,
        severity=Severity.ERROR,
        confidence=0.95,
    )
    why = "the spec names no architecture"
    estimate = gate_estimate(gate, inputs((Skipped(INSIDE, why),)))
    state = state_of(gate, estimate)
    assert state is GateState.NOT_EVALUATED
    assert sentence_for(gate, state, estimate, "", "").endswith(f"not evaluated, because {why}.")
    assert gate_estimate(gate, inputs(())).note == "no relevance was computed for melanoma"
