"""Waivers: a failing gate that two people accept, for one model, within a bound, until a date."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TypeGuard

from auditlens.spec.model import LIMIT, Waiver
from auditlens.stages.findings import Estimate
from auditlens.stages.plan import PlannedGate
from auditlens.stages.states import GateState
from auditlens.stages.verdict import GateResult
from auditlens.verdict.gate import shows_inside


def covers(waiver: Waiver, gate: PlannedGate) -> bool:
    """Whether a waiver speaks of a gate, by its name or id, or by the finding that the gate reads.

    A gate against a baseline reads how much worse the finding has become: that is accepted by the gate's name alone.
    """
    if waiver.finding is not None:
        own = gate.against is None and waiver.metric == gate.metric
        named = own and waiver.finding in (gate.artefact, gate.concept)
    else:
        named = waiver.gate in (gate.id, gate.name) and waiver.artefact in (None, gate.artefact)
    return named and all(gate.within.get(column) == value for column, value in waiver.within.items())


def waive(
    gate: PlannedGate,
    estimate: Estimate | None,
    waivers: Iterable[Waiver],
    model_sha256: str | None,
    today: date,
) -> tuple[bool, str]:
    """Say whether a failing gate is accepted, and the sentence for the report.

    Returns
    -------
    tuple of bool and str
        The text names owner, approver and expiry, or says why a waiver that names this gate does not apply.
    """
    reasons = []
    for waiver in waivers:
        if covers(waiver, gate):
            objection = _objection(waiver, gate, estimate, model_sha256, today)
            if objection is None:
                return True, _acceptance(waiver)
            reasons.append(objection)
    return False, "; ".join(reasons)


def idle_waivers(waivers: Iterable[Waiver], results: tuple[GateResult, ...], today: date) -> tuple[str, ...]:
    """Name every waiver that no failing gate needs: it would hide the next failure, so somebody should take it out."""
    notes = []
    for waiver in waivers:
        meant = [result for result in results if covers(waiver, result.gate)]
        if any(result.state is GateState.FAILS for result in meant):
            continue
        why = _why_idle(meant)
        expired = f", and it expired on {waiver.expires.isoformat()}" if today > waiver.expires else ""
        notes.append(f"The {waiver.title} for {_named(waiver)} is not used: {why}{expired}. Take it out of the spec.")
    return tuple(notes)


def _why_idle(meant: list[GateResult]) -> str:
    if not meant:
        return "no gate of this run is meant by it"
    undecided = [result.gate.id for result in meant if result.state is not GateState.HOLDS]
    if undecided:
        return f"nothing that it names fails ({', '.join(undecided[:3])} not decided)"
    return "nothing that it names fails"


def _named(waiver: Waiver) -> str:
    """What a waiver is about, such as `missed[ruler]`, or `decision_flips of ruler`."""
    if waiver.finding is not None:
        return f"{waiver.metric} of {waiver.finding}"
    return f"{waiver.gate}[{waiver.artefact}]" if waiver.artefact else str(waiver.gate)


def _objection(
    waiver: Waiver, gate: PlannedGate, estimate: Estimate | None, model_sha256: str | None, today: date
) -> str | None:
    if today > waiver.expires:
        return f"the {waiver.title} expired on {waiver.expires.isoformat()}"
    if _same_person(waiver.owner, waiver.approved_by):
        return f"the {waiver.title} has no second person"
    if waiver.model_sha256 != model_sha256:
        return f"the {waiver.title} is for another model ({waiver.model_sha256[:8]})"
    if not _within(waiver.bound, gate, estimate):
        rare = f", or {100 * estimate.unseen:.1f} % of the units may change unseen" if _may_hide(estimate) else ""
        return f"the interval leaves the bound {waiver.bound} of the {waiver.title}{rare}"
    return None


def _same_person(owner: str, approver: str) -> bool:
    """Whether two names are one: letter case and spaces make no second person."""
    return "".join(owner.split()).casefold() == "".join(approver.split()).casefold()


def _within(bound: str, gate: PlannedGate, estimate: Estimate | None) -> bool:
    """Whether the whole interval is inside a bound that looks the way of the limit, as a gate's must be to hold."""
    match = LIMIT.match(bound)
    if match is None or estimate is None:
        return False
    return match.group(1) == gate.relation and shows_inside(match.group(1), float(match.group(2)), estimate)


def _may_hide(estimate: Estimate | None) -> TypeGuard[Estimate]:
    return estimate is not None and estimate.unseen > 0


def _acceptance(waiver: Waiver) -> str:
    number = f" ({waiver.id})" if waiver.id else ""
    risk = f" Risk {waiver.risk_id}." if waiver.risk_id else ""
    reason = waiver.reason if waiver.reason.endswith((".", "!", "?")) else f"{waiver.reason}."
    return (
        f"accepted by {waiver.owner} and {waiver.approved_by} until {waiver.expires.isoformat()} "
        f"within {waiver.bound}{number}: {reason}{risk}"
    )
