"""How each gate stands against the first baseline: new, unchanged, worsened or fixed."""

from __future__ import annotations

from auditlens.stages.baselines import BaselineFinding, BaselineGate
from auditlens.stages.findings import Findings
from auditlens.stages.plan import PlannedGate
from auditlens.stages.states import GateState, Standing
from auditlens.stages.verdict import GateResult
from auditlens.verdict.gate import state_of

MOST_NAMED = 8
"""Gates that a note names before it counts."""
WORDS = {
    Standing.NEW: "New since",
    Standing.WORSENED: "Worsened since",
    Standing.FIXED: "Fixed since",
}


def first_baseline(findings: Findings) -> BaselineFinding | None:
    """The one by which gates are called new: the first that has a record."""
    return next((row for row in findings.baselines if row.record_sha256), None)


def standing_of(gate: PlannedGate, state: GateState, first: BaselineFinding | None) -> Standing | None:
    """Say how a gate stands; None without a baseline, and for what holds and was not asked there."""
    row = first.gate(gate.id) if first is not None else None
    if row is None:
        return None
    holds = state is GateState.HOLDS
    if not row.known:
        return None if holds else Standing.NEW
    held = (row.state or state_of(gate, row.before)) is GateState.HOLDS
    if holds:
        return Standing.UNCHANGED if held else Standing.FIXED
    if held:
        return Standing.NEW
    return Standing.WORSENED if _is_worse(row) else Standing.UNCHANGED


def _is_worse(row: BaselineGate) -> bool:
    """Whether the paired difference shows it: its whole interval is on the worse side."""
    return row.worse is not None and row.worse.low is not None and row.worse.low > 0 and not row.worse.too_few


def baseline_notes(findings: Findings, results: tuple[GateResult, ...], plan: str | None) -> tuple[str, ...]:
    """Say what became of the baselines: which could not be compared, were run again, and what is new or fixed.

    Parameters
    ----------
    findings : Findings
    results : tuple of GateResult
        With their standing.
    plan : str or None
        The change plan's name.
    """
    first = first_baseline(findings)
    notes = [note for row in findings.baselines for note in _of_baseline(row)]
    if first is None:
        return tuple(notes)
    for standing, words in WORDS.items():
        names = [result.gate.id for result in results if result.standing is standing]
        if names:
            notes.append(f"{words} {first.name}: {_listed(names)}.")
    if first.gone:
        notes.append(f"Gates of {first.name} that this spec has no longer: {_listed(first.gone)}.")
    unplanned = [row.aspect for row in first.altered if row.allowed is None]
    if plan is not None and unplanned:
        notes.append(f"Changed since {first.name}, and {plan} says nothing of it: {_listed(unplanned)}.")
    return tuple(notes)


def _of_baseline(row: BaselineFinding) -> list[str]:
    if row.why_not:
        return [f"Nothing is compared with {row.name}: {row.why_not}."]
    return [f"The model of {row.name} was run again by this spec, since {row.again}."] if row.again else []


def _listed(names: list[str] | tuple[str, ...]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
