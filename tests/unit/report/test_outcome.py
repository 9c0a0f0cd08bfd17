"""The weight of a gate in machine formats follows the exit code and nothing else."""

from __future__ import annotations

from collections import Counter

import pytest

from auditlens.report.outcome import Weight, weight_of
from auditlens.stages.states import ExitCode, GateState, Severity
from auditlens.stages.verdict import GateResult
from tests.unit.report.synthetic_record import make_gates, make_verdict

GATES = make_gates()
HOLD = tuple(row for row in GATES if row.state is GateState.HOLDS)


def weights(gates: tuple[GateResult, ...], code: ExitCode) -> Counter[Weight]:
    verdict = make_verdict(gates, code)
    return Counter(weight_of(row, verdict) for row in gates)


def test_failing_run() -> None:
    assert weights(GATES, ExitCode.GATE_FAILS) == {
        Weight.OK: 7,
        Weight.FAILURE: 2,
        Weight.UNDECIDED: 3,
        Weight.REMARK: 3,
    }


def test_a_run_that_ends_in_zero_has_nothing_red() -> None:
    found = weights(GATES, ExitCode.HOLDS)
    assert found[Weight.FAILURE] == found[Weight.UNDECIDED] == 0
    assert found[Weight.REMARK] == 8


def test_an_undecided_run_has_no_failure() -> None:
    open_gates = tuple(row for row in GATES if row.state is not GateState.FAILS)
    found = weights(open_gates, ExitCode.UNDECIDED)
    assert found == {Weight.OK: 7, Weight.UNDECIDED: 3, Weight.REMARK: 1}


def test_warnings_count_where_only_they_explain_the_exit_code() -> None:
    warning = tuple(row for row in GATES if row.gate.severity is Severity.WARN and row.state is GateState.FAILS)
    assert weights(HOLD + warning, ExitCode.GATE_FAILS)[Weight.FAILURE] == 1
    assert weights(HOLD + warning, ExitCode.HOLDS)[Weight.FAILURE] == 0


def test_an_accepted_failure_is_never_red_and_never_ok() -> None:
    accepted = next(row for row in GATES if row.waived)
    for code in (ExitCode.HOLDS, ExitCode.UNDECIDED, ExitCode.GATE_FAILS):
        assert weight_of(accepted, make_verdict(GATES, code)) is Weight.REMARK


@pytest.mark.parametrize("code", [ExitCode.GATE_FAILS, ExitCode.UNDECIDED])
def test_a_run_that_does_not_end_in_zero_has_something_red(code: ExitCode) -> None:
    gates = GATES if code is ExitCode.GATE_FAILS else tuple(row for row in GATES if row.state is not GateState.FAILS)
    found = weights(gates, code)
    assert found[Weight.FAILURE] + found[Weight.UNDECIDED] > 0
