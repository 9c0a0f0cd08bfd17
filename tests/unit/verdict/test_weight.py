"""What a gate counts for follows from its outcome, its severity, its waiver and the policy; the exit code from that."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest

from auditlens.stages.states import ExitCode, GateState, Severity
from auditlens.stages.verdict import GateResult, Policy
from auditlens.verdict import Weight, exit_code_of, judged_under, weight_of
from tests.unit.report.synthetic_record import make_gates, make_verdict

GATES = make_gates()
POLICIES = [Policy(fail_on=fail_on, allow_inconclusive=allow) for fail_on, allow in product(Severity, (False, True))]
USUAL = Policy()


def weights(gates: tuple[GateResult, ...], policy: Policy = USUAL) -> Counter[Weight]:
    return Counter(weight_of(row, policy) for row in gates)


def test_the_usual_policy() -> None:
    assert weights(GATES) == {Weight.OK: 7, Weight.FAILURE: 2, Weight.UNDECIDED: 3, Weight.REMARK: 3}


def test_warnings_count_when_asked() -> None:
    found = weights(GATES, Policy(fail_on=Severity.WARN))
    assert found == {Weight.OK: 7, Weight.FAILURE: 3, Weight.UNDECIDED: 4, Weight.REMARK: 1}


def test_undecided_gates_do_not_count_when_asked() -> None:
    assert weights(GATES, Policy(allow_inconclusive=True))[Weight.UNDECIDED] == 0


@pytest.mark.parametrize("policy", POLICIES)
def test_an_accepted_failure_is_never_red_and_never_ok(policy: Policy) -> None:
    assert weight_of(next(row for row in GATES if row.waived), policy) is Weight.REMARK


@pytest.mark.parametrize("policy", POLICIES)
def test_a_flag_of_waiving_beside_another_state_hides_nothing(policy: Policy) -> None:
    for row in GATES:
        if row.state is not GateState.FAILS:
            assert weight_of(row.model_copy(update={"waived": True}), policy) is weight_of(row, policy)


def test_the_exit_code_is_the_worst_weight() -> None:
    undecided = tuple(row for row in GATES if row.state is not GateState.FAILS)
    assert exit_code_of(GATES, USUAL) is ExitCode.GATE_FAILS
    assert exit_code_of(undecided, USUAL) is ExitCode.UNDECIDED
    assert exit_code_of(undecided, Policy(allow_inconclusive=True)) is ExitCode.HOLDS


def test_another_policy_changes_the_exit_code_and_nothing_else() -> None:
    verdict = make_verdict(tuple(row for row in GATES if row.state is not GateState.FAILS), ExitCode.UNDECIDED)
    lenient = judged_under(verdict, Policy(allow_inconclusive=True))
    assert (lenient.exit_code, lenient.policy.allow_inconclusive) == (ExitCode.HOLDS, True)
    assert lenient.gates == verdict.gates
    assert judged_under(lenient, USUAL) == verdict
