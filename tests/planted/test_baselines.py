"""The two testbed models as each other's baseline: the planted ruler is new in one direction and fixed in the other."""

import pytest

from auditlens import api
from auditlens.stages.states import GateState, Standing

from .conftest import write_small_spec

GATES = {
    "detects": {"limit": ">= 0.40"},
    "spares": {"limit": ">= 0.40"},
    "no_new_ruler": {
        "metric": "effect_minus_sham",
        "artefact": "ruler",
        "class": "melanoma",
        "against": "predecessor",
        "limit": "<= 0.15",
    },
}


@pytest.fixture(scope="module")
def records(tmp_path_factory, runs, store):
    """Each model against the other; everything that was measured for the pair is read from the store."""
    folder = tmp_path_factory.mktemp("baselines")
    found = {}
    for kind, other in (("planted", "clean"), ("clean", "planted")):
        spec = write_small_spec(folder, kind, gates=GATES, baselines={"predecessor": {}})
        baseline = {"predecessor": runs[other][1]}
        found[kind] = api.audit(spec, out=folder / kind, store=store, threads=1, reports=False, baselines=baseline)
    return found


def gate(record, name):
    return next(row for row in record.verdict.gates if row.gate.id == name)


def test_the_planted_ruler_is_new_against_the_clean_twin(records):
    found = gate(records["planted"], "false_alarm[ruler]")
    assert (found.state, found.standing) == (GateState.FAILS, Standing.NEW)
    assert gate(records["planted"], "no_new_ruler").state is GateState.FAILS
    assert any("New since predecessor" in note and "ruler" in note for note in records["planted"].verdict.notes)


def test_the_other_way_round_it_is_fixed_and_not_worse(records):
    found = gate(records["clean"], "false_alarm[ruler]")
    assert found.state is GateState.HOLDS
    assert found.standing is Standing.FIXED
    assert gate(records["clean"], "no_new_ruler").estimate.high < 0
    assert gate(records["clean"], "no_new_ruler").state is GateState.HOLDS


def test_only_weights_and_decision_differ(records):
    for record in records.values():
        (found,) = record.findings.baselines
        assert found.again == ""
        assert {row.aspect for row in found.altered} <= {"weights", "decision"}
        assert "weights" in {row.aspect for row in found.altered}
