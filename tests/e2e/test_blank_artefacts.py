"""An artefact that changes no pixel tests nothing: its gates are not evaluated, and never green."""

import pytest

import auditlens as al
from auditlens.stages.states import GateState
from tests.e2e.project import Project

GATES = {
    "flips": {"metric": "decision_flips", "direction": "benign_to_melanoma", "limit": "<= 0.5"},
    "changed": {"metric": "flip_rate", "limit": "<= 0.5"},
    "told_apart": {"metric": "separability", "limit": ">= 0.5"},
}


@pytest.mark.parametrize(
    ("artefact", "state"),
    [
        ({"kind": "tint", "colour": [231, 128, 151], "strength": [0, 0]}, GateState.NOT_EVALUATED),
        ({"kind": "ink", "opacity": [0, 0]}, GateState.NOT_EVALUATED),
        ({"kind": "ink"}, GateState.HOLDS),
    ],
)
def test_gates_of_an_artefact_that_changes_nothing_are_not_evaluated(tmp_path, artefact, state):
    project = Project(tmp_path)
    project.change({"artefacts": None, "gates": None})
    project.change(
        {"artefacts": {"blank": artefact}, "gates": {n: {**g, "artefact": "blank"} for n, g in GATES.items()}}
    )
    record = al.audit(
        project.spec, out=project.out, store=project.store, reports=False, allow_code=True, device="cpu", threads=1
    )
    assert {row.gate.id: row.state for row in record.verdict.gates} == dict.fromkeys(GATES, state)
    if state is GateState.NOT_EVALUATED:
        assert int(record.verdict.exit_code) == 3
        assert "changes no pixel of any image" in record.verdict.gates[0].sentence
