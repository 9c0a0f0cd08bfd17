"""How the outcome of a gate shows in machine formats, so that a file is red exactly when the exit code is."""

from __future__ import annotations

from enum import StrEnum

from auditlens.report.wording import is_accepted
from auditlens.stages.states import ExitCode, GateState, Severity
from auditlens.stages.verdict import GateResult, Verdict

UNDECIDED = (GateState.INCONCLUSIVE, GateState.NOT_EVALUATED)


class Weight(StrEnum):
    """What a gate's outcome counts for."""

    OK = "ok"
    """Holds."""
    REMARK = "remark"
    """Does not hold, and does not change the exit code: accepted, or of a severity that does not count."""
    UNDECIDED = "undecided"
    """Not decided, and the exit code says so."""
    FAILURE = "failure"
    """Fails, and the exit code says so."""


def weight_of(result: GateResult, verdict: Verdict) -> Weight:
    """Weigh one gate by the verdict's own exit code.

    Whether warnings or undecided gates count was settled when the exit code was (`--fail-on`,
    `--allow-inconclusive`); it is read off the exit code here, never decided again.
    """
    if result.state is GateState.HOLDS:
        return Weight.OK
    if is_accepted(result) or not _counts(result, verdict):
        return Weight.REMARK
    return Weight.FAILURE if result.state is GateState.FAILS else Weight.UNDECIDED


def _counts(result: GateResult, verdict: Verdict) -> bool:
    """Whether the exit code takes this gate into account."""
    if verdict.exit_code is ExitCode.HOLDS:
        return False
    if result.state is GateState.FAILS and verdict.exit_code is not ExitCode.GATE_FAILS:
        return False
    return result.gate.severity is Severity.ERROR or _warnings_count(verdict)


def _warnings_count(verdict: Verdict) -> bool:
    """Warnings count where the exit code cannot be explained by the gates of severity error alone."""
    errors = [gate for gate in verdict.gates if gate.gate.severity is Severity.ERROR]
    if verdict.exit_code is ExitCode.GATE_FAILS:
        return not any(gate.state is GateState.FAILS and not is_accepted(gate) for gate in errors)
    return not any(gate.state in UNDECIDED for gate in errors)
