"""A waiver names a gate or a finding that exists, and a bound that can accept something."""

import pytest

from auditlens.spec.waiver_rules import looser

FLIPS = {"metric": "decision_flips", "direction": "melanoma_to_benign", "limit": "<= 0.02"}
GATES = {
    "works": {"metric": "sensitivity", "limit": ">= 0.9"},
    "missed": FLIPS | {"each": {"artefact": "all"}},
    "tinted": FLIPS | {"artefact": "tint"},
    "seen": {"metric": "observability", "each": {"concept": ["ruler"]}, "limit": ">= 0.8"},
}
WAIVER = {
    "gate": "missed",
    "bound": "<= 0.08",
    "model_sha256": "0" * 64,
    "owner": "a",
    "approved_by": "b",
    "reason": "c",
    "expires": "2027-03-31",
}


def waiver(**changes):
    return {name: value for name, value in (WAIVER | changes).items() if value is not ...}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"artefact": "ruler"},
        {"gate": "missed[ruler]"},
        {"gate": "missed[ruler][site=A]"},
        {"gate": "works", "bound": ">= 0.8"},
        {"gate": ..., "finding": "ruler", "metric": "decision_flips"},
        {"gate": ..., "finding": "tint", "metric": "decision_flips"},
        {"gate": ..., "finding": "ruler", "metric": "observability", "bound": ">= 0.6"},
        {"id": "DEV-118", "risk_id": "H-06"},
    ],
)
def test_what_a_waiver_may_name(bench, changes):
    assert len(bench.load(gates=GATES, waivers=[waiver(**changes)]).spec.waivers) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"gate": "mised"}, "waivers[0].gate: there is no gate 'mised'; valid gates are works, missed"),
        ({"gate": "mised"}, "did you mean 'missed'?"),
        ({"gate": "missed[rular]"}, "no gate is repeated for 'rular'; did you mean 'ruler'?"),
        ({"artefact": "rular"}, "waivers[0].artefact: there is no artefact 'rular'"),
        ({"bound": ">= 0.08"}, "the gate's limit is '<= 0.02', so the bound is '<= x' too"),
        ({"bound": "<= 0.02"}, "the bound accepts nothing that fails the limit '<= 0.02'"),
        ({"gate": "works", "bound": ">= 0.95"}, "the bound accepts nothing that fails"),
        ({"finding": "ruler", "metric": "decision_flips"}, "name a gate, or a finding with its metric"),
        ({"gate": ...}, "name a gate, or a finding with its metric"),
        ({"gate": ..., "finding": "ruler"}, "finding and metric go together"),
        ({"expires": 20270331}, "write a day, such as 2027-03-31"),
        ({"expires": "2027-02-30"}, "waivers[0].expires"),
        ({"metric": "sensitivity"}, "finding and metric go together"),
        ({"gate": ..., "finding": "ruler", "metric": "decision_flips", "artefact": "tint"}, "finding names"),
        ({"gate": ..., "finding": "rular", "metric": "decision_flips"}, "no artefact or concept 'rular'"),
        ({"gate": ..., "finding": "rular", "metric": "decision_flips"}, "did you mean 'ruler'?"),
        ({"gate": ..., "finding": "tint", "metric": "artefact_effect"}, "no gate of artefact_effect reads 'tint'"),
        ({"gate": ..., "finding": "border", "metric": "observability", "bound": ">= 0.1"}, "no gate of observability"),
        ({"gate": ..., "finding": "tint", "metric": "decision_flips", "bound": ">= 0.1"}, "takes a bound with <="),
    ],
)
def test_a_waiver_for_nothing_is_told_with_its_place(bench, changes, said):
    problem = bench.problem(gates=GATES, waivers=[waiver(**changes)])
    assert said in problem
    assert problem.startswith("spec.yaml:1:")


def test_a_gate_against_a_baseline_is_waived_by_its_name(bench):
    worse = {"metric": "artefact_effect", "artefact": "tint", "limit": "<= 0.01", "against": "v1"}
    given = {"gates": GATES | {"worse": worse}, "baselines": {"v1": {}}}
    finding = waiver(gate=..., finding="tint", metric="artefact_effect", bound="<= 0.1")
    assert "no gate of artefact_effect reads 'tint'" in bench.problem(waivers=[finding], **given)
    assert bench.load(waivers=[waiver(gate="worse", bound="<= 0.1")], **given)


def test_two_waivers_do_not_share_an_id(bench):
    twice = [waiver(id="DEV-1"), waiver(id="DEV-1", artefact="tint")]
    assert "waivers[1].id: two waivers have the id 'DEV-1'" in bench.problem(gates=GATES, waivers=twice)


@pytest.mark.parametrize(
    ("relation", "bound", "limit", "wider"),
    [("<=", 0.08, 0.02, True), ("<=", 0.02, 0.02, False), (">=", 0.8, 0.9, True), ("within", 0.01, 0.03, False)],
)
def test_a_wider_bound_accepts_what_the_limit_refuses(relation, bound, limit, wider):
    assert looser(relation, bound, limit) is wider
