from datetime import date

import pytest

from auditlens.plan.gates import expand_gates
from auditlens.spec.model import AuditSpec
from auditlens.stages.findings import Estimate, Findings
from auditlens.stages.plan import AuditPlan, PlannedData, PlannedModel
from auditlens.stages.states import ExitCode, GateState, Severity
from auditlens.stages.verdict import Policy
from auditlens.verdict import decide, judged_under

SHA = "a" * 64
TODAY = date(2026, 11, 20)


def spec(gates: dict, waivers: list | None = None) -> AuditSpec:
    return AuditSpec.model_validate(
        {
            "auditlens": 1,
            "audit": {"id": "T"},
            "model": {"architecture": "python:m:f", "classes": ("benign", "melanoma")},
            "data": {"folder": "x"},
            "artefacts": {"ruler": {"kind": "ruler"}, "ink": {"kind": "ink"}},
            "gates": gates,
            "waivers": tuple(waivers or ()),
        }
    )


def plan_for(audit: AuditSpec) -> AuditPlan:
    classes = ("benign", "melanoma")
    return AuditPlan(
        spec_sha256=SHA,
        model=PlannedModel(
            architecture="python:m:f",
            weights_sha256=SHA,
            classes=classes,
            layers=("features",),
            n_components={"features": 3},
            preprocessing="",
            output="logits",
            decision_class="melanoma",
            threshold=0.31,
            decision_source="",
            n_parameters=1,
        ),
        data=PlannedData(source="x", sha256=SHA, n_images=1, n_units=1, unit_column=None, class_counts={}, columns=()),
        foundation=None,
        audited_classes=("melanoma",),
        gates=expand_gates(audit, classes, "melanoma"),
        artefacts=tuple(audit.artefacts),
        methods=(),
        seed=0,
        batch_size=1,
        n_threads=1,
        device="cpu",
    )


def findings(estimates: dict[str, tuple[float, float] | None]) -> Findings:
    made = {
        name: Estimate(value=None, note="nobody looked")
        if pair is None
        else Estimate(value=sum(pair) / 2, low=pair[0], high=pair[1], sided="one")
        for name, pair in estimates.items()
    }
    empty: tuple = ()
    return Findings(
        performance=None,
        concepts=empty,
        components=empty,
        classes=empty,
        artefacts=empty,
        confrontations=empty,
        controls=empty,
        gate_estimates=made,
        not_evaluated=empty,
    )


MISSED = {
    "metric": "decision_flips",
    "direction": "melanoma_to_benign",
    "each": {"artefact": "all"},
    "limit": "<= 0.02",
}


def run(gates, estimates, waivers=None, today=TODAY):
    audit = spec(gates, waivers)
    return decide(audit, plan_for(audit), findings(estimates), today)


def test_each_expands_to_one_gate_per_artefact():
    verdict = run({"missed": MISSED}, {"missed[ruler]": (0.0, 0.01), "missed[ink]": (0.03, 0.08)})
    assert {row.gate.id: row.state for row in verdict.gates} == {
        "missed[ruler]": GateState.HOLDS,
        "missed[ink]": GateState.FAILS,
    }
    assert verdict.exit_code is ExitCode.GATE_FAILS
    assert "ink" in verdict.sentences[0]


def test_of_the_gates_that_hold_the_closest_to_its_limit_is_said_first():
    verdict = run({"missed": MISSED}, {"missed[ruler]": (-0.3, -0.1), "missed[ink]": (0.0, 0.019)})
    assert "ink" in verdict.sentences[0]


@pytest.mark.parametrize(
    ("ruler", "ink", "code"),
    [
        ((0.0, 0.01), (0.0, 0.01), ExitCode.HOLDS),
        ((0.0, 0.01), (0.0, 0.05), ExitCode.UNDECIDED),
        ((0.0, 0.01), None, ExitCode.UNDECIDED),
        ((0.03, 0.05), None, ExitCode.GATE_FAILS),
    ],
)
def test_exit_code_precedence(ruler, ink, code):
    verdict = run({"missed": MISSED}, {"missed[ruler]": ruler, "missed[ink]": ink})
    assert verdict.exit_code is code
    assert verdict.may_release is (code is ExitCode.HOLDS)
    assert not verdict.barred


def test_what_may_be_undecided_for_the_exit_code_does_not_release():
    undecided = run({"missed": MISSED}, {"missed[ruler]": (0.0, 0.01), "missed[ink]": None})
    allowed = judged_under(undecided, Policy(allow_inconclusive=True))
    assert (allowed.exit_code, allowed.may_release) == (ExitCode.HOLDS, False)


def test_allow_inconclusive_turns_undecided_to_zero_but_not_a_failure():
    undecided = run({"missed": MISSED}, {"missed[ruler]": (0.0, 0.01), "missed[ink]": None})
    failing = run({"missed": MISSED}, {"missed[ruler]": (0.03, 0.04), "missed[ink]": None})
    assert judged_under(undecided, Policy(allow_inconclusive=True)).exit_code is ExitCode.HOLDS
    assert judged_under(failing, Policy(allow_inconclusive=True)).exit_code is ExitCode.GATE_FAILS


def test_warnings_count_only_when_asked():
    verdict = run({"missed": MISSED | {"severity": "warn"}}, {"missed[ruler]": (0.03, 0.05), "missed[ink]": (0, 0)})
    assert verdict.exit_code is ExitCode.HOLDS
    assert judged_under(verdict, Policy(fail_on=Severity.WARN)).exit_code is ExitCode.GATE_FAILS


def test_a_broken_precondition_takes_the_pass_away_and_leaves_the_failure():
    gates = {
        "works": {"metric": "sensitivity", "limit": ">= 0.9", "required_by": "all"},
        "missed": MISSED,
    }
    verdict = run(gates, {"works": (0.1, 0.3), "missed[ruler]": (0.0, 0.01), "missed[ink]": (0.1, 0.2)})
    states = {row.gate.id: row.state for row in verdict.gates}
    assert states == {
        "works": GateState.FAILS,
        "missed[ruler]": GateState.NOT_EVALUATED,
        "missed[ink]": GateState.FAILS,
    }
    sentence = next(row.sentence for row in verdict.gates if row.gate.id == "missed[ruler]")
    assert "works" in sentence


WAIVER = {
    "gate": "missed",
    "artefact": "ink",
    "bound": "<= 0.08",
    "model_sha256": SHA,
    "owner": "j.weiss",
    "approved_by": "dr.ito",
    "reason": "DEV-118",
    "expires": date(2027, 3, 31),
}


def waived(today=TODAY, **changes):
    verdict = run(
        {"missed": MISSED},
        {"missed[ruler]": (0.0, 0.01), "missed[ink]": (0.03, 0.07)},
        [WAIVER | changes],
        today,
    )
    return next(row for row in verdict.gates if row.gate.id == "missed[ink]"), verdict


def test_a_waiver_reads_fails_accepted_and_never_holds():
    result, verdict = waived()
    assert result.state is GateState.FAILS
    assert result.waived
    assert verdict.exit_code is ExitCode.HOLDS
    assert verdict.headline == "ALL GATES HOLD OR ARE ACCEPTED"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"expires": date(2026, 11, 19)}, "expired"),
        ({"bound": "<= 0.06"}, "bound"),
        ({"model_sha256": "b" * 64}, "another model"),
        ({"approved_by": "j.weiss"}, "second person"),
    ],
)
def test_a_waiver_outside_its_terms_fails(changes, why):
    result, verdict = waived(**changes)
    assert not result.waived
    assert why in result.waiver
    assert verdict.exit_code is ExitCode.GATE_FAILS


def test_easy_gates_change_no_other_gate():
    few = run({"missed": MISSED}, {"missed[ruler]": (0.0, 0.01), "missed[ink]": (0.01, 0.05)})
    easy = {f"easy{i}": {"metric": "sensitivity", "limit": ">= 0.0"} for i in range(20)}
    many = run(
        {"missed": MISSED} | easy,
        {"missed[ruler]": (0.0, 0.01), "missed[ink]": (0.01, 0.05)} | dict.fromkeys(easy, (0.5, 0.6)),
    )
    kept = [row for row in many.gates if row.gate.name == "missed"]
    assert [row.state for row in kept] == [row.state for row in few.gates]
    assert many.exit_code is few.exit_code
