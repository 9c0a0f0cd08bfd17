"""What each gate counts for under the run's policy; the exit code and the colour of every file follow from it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from auditlens.stages.states import ExitCode, GateState, Severity
from auditlens.stages.verdict import GateResult, Policy, Verdict


class Weight(StrEnum):
    """What a gate's outcome counts for."""

    OK = "ok"
    """Holds."""
    REMARK = "remark"
    """Does not hold, and does not change the exit code: accepted, or the policy does not count it."""
    UNDECIDED = "undecided"
    """Not decided, and counts: exit code 3, unless another gate fails."""
    FAILURE = "failure"
    """Fails, and counts: exit code 1."""


def is_accepted(result: GateResult) -> bool:
    """Whether the gate fails and a waiver covers it."""
    return result.waived and result.state is GateState.FAILS


def weight_of(result: GateResult, policy: Policy) -> Weight:
    """Weigh one gate."""
    if result.state is GateState.HOLDS:
        return Weight.OK
    if is_accepted(result) or (result.gate.severity is Severity.WARN and policy.fail_on is Severity.ERROR):
        return Weight.REMARK
    if result.state is GateState.FAILS:
        return Weight.FAILURE
    return Weight.REMARK if policy.allow_inconclusive else Weight.UNDECIDED


def exit_code_of(gates: Iterable[GateResult], policy: Policy) -> ExitCode:
    """Give the exit code: 1 where a gate that counts fails, else 3 where one is undecided, else 0."""
    weights = {weight_of(result, policy) for result in gates}
    if Weight.FAILURE in weights:
        return ExitCode.GATE_FAILS
    return ExitCode.UNDECIDED if Weight.UNDECIDED in weights else ExitCode.HOLDS


def judged_under(verdict: Verdict, policy: Policy) -> Verdict:
    """Return the same gates under another policy."""
    return verdict.model_copy(
        update={
            "policy": policy,
            "exit_code": exit_code_of(verdict.gates, policy),
            "may_release": may_release(verdict.gates, policy, barred=verdict.barred),
        }
    )


def may_release(gates: tuple[GateResult, ...], policy: Policy, *, barred: bool) -> bool:
    """Whether nothing stands against a release: what may be undecided for the exit code is still undecided here."""
    strict = policy.model_copy(update={"allow_inconclusive": False})
    return not barred and exit_code_of(gates, strict) is ExitCode.HOLDS
