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
    "no_more_spurious": {"class": "melanoma", "against": "predecessor", "limit": "<= 0.05"}
    | {"metric": "spurious_relevance_share"},
    "as_separable": {"class": "melanoma", "artefact": "ruler", "against": "predecessor", "limit": "<= 0.10"}
    | {"metric": "separability"},
    "spurious_at_all": {"class": "melanoma", "metric": "spurious_relevance_share", "limit": "<= 0.0001"},
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
    assert gate(records["planted"], "no_more_spurious").state is GateState.FAILS
    assert gate(records["planted"], "no_more_spurious").estimate.low > 0.05
    assert gate(records["planted"], "as_separable").state is GateState.FAILS
    assert any("New since predecessor" in note and "ruler" in note for note in records["planted"].verdict.notes)


def test_the_other_way_round_it_is_fixed_and_not_worse(records):
    found = gate(records["clean"], "false_alarm[ruler]")
    assert found.state is GateState.HOLDS
    assert found.standing is Standing.FIXED
    assert gate(records["clean"], "no_new_ruler").estimate.high < 0
    assert gate(records["clean"], "no_new_ruler").state is GateState.HOLDS
    assert gate(records["clean"], "no_more_spurious").state is GateState.HOLDS
    assert gate(records["clean"], "no_more_spurious").estimate.high < 0
    assert gate(records["clean"], "as_separable").state is GateState.HOLDS


def test_the_difference_of_relevance_is_that_of_the_two_shares(records):
    for record in records.values():
        (found,) = record.findings.baselines
        row, asked = found.gate("no_more_spurious"), gate(record, "no_more_spurious")
        assert row.worse == asked.estimate
        before = gate(records["clean" if record is records["planted"] else "planted"], "spurious_at_all").estimate
        assert asked.estimate.value == pytest.approx(gate(record, "spurious_at_all").estimate.value - before.value)


def test_only_weights_and_decision_differ(records):
    for record in records.values():
        (found,) = record.findings.baselines
        assert found.again == ""
        assert {row.aspect for row in found.altered} <= {"weights", "decision"}
        assert "weights" in {row.aspect for row in found.altered}
