"""Verdict: gates with their outcome, waivers, and the one exit code that every writer reads."""

from __future__ import annotations

from typing import Final

from auditlens.stages.base import Stage
from auditlens.stages.findings import Estimate
from auditlens.stages.plan import PlannedGate
from auditlens.stages.states import ExitCode, GateState, Severity, Standing


class GateResult(Stage):
    """One gate decided."""

    gate: PlannedGate
    state: GateState
    estimate: Estimate | None
    sentence: str
    """Plain words: what was measured and what that means for the limit."""
    waived: bool = False
    """Reads "fails, accepted"."""
    waiver: str = ""
    """Owner, approver, reason and expiry, or why a waiver does not apply."""
    standing: Standing | None = None
    """Against the baseline; None without one."""


class Policy(Stage):
    """What counts for the exit code, as the run was called; part of the verdict, so that every file agrees with it."""

    fail_on: Severity = Severity.ERROR
    """Lowest severity that counts (`--fail-on`)."""
    allow_inconclusive: bool = False
    """Whether undecided gates do not count (`--allow-inconclusive`)."""


DEFAULT_POLICY: Final = Policy()


class Verdict(Stage):
    """The outcome of the audit."""

    gates: tuple[GateResult, ...]
    counts: dict[GateState, int]
    n_waived: int
    headline: str
    """One line, such as `NOT ALL GATES HOLD`."""
    sentences: tuple[str, ...]
    """What a reader of page one must know, worst first."""
    exit_code: ExitCode
    """Follows from the gates and the policy; the exit code of the process, and what every file shows."""
    policy: Policy = DEFAULT_POLICY
    exploratory: bool = True
    """True where no lock fixed the spec beforehand."""
    barred: bool = False
    """Whether a release is out, whatever the gates say: a tier that never releases, a selection, a look too many."""
    may_release: bool = False
    """True where nothing bars it and no gate that counts fails or is undecided, `--allow-inconclusive` or not."""
    notes: tuple[str, ...] = ()
    """What a reader must know beside the gates: unused waivers, what a tier or a selection leaves out, baselines."""
