"""Waivers: a failing gate that two people accept, for one model, within a bound, until a date."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from auditlens.spec.model import LIMIT, Waiver
from auditlens.stages.findings import Estimate
from auditlens.stages.limits import inside
from auditlens.stages.plan import PlannedGate


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
        if waiver.gate not in (gate.id, gate.name) or waiver.artefact not in (None, gate.artefact):
            continue
        if any(gate.within.get(column) != value for column, value in waiver.within.items()):
            continue
        objection = _objection(waiver, estimate, model_sha256, today)
        if objection is None:
            return True, _acceptance(waiver)
        reasons.append(objection)
    return False, "; ".join(reasons)


def _objection(waiver: Waiver, estimate: Estimate | None, model_sha256: str | None, today: date) -> str | None:
    if today > waiver.expires:
        return f"the waiver of {waiver.owner} expired on {waiver.expires.isoformat()}"
    if waiver.owner == waiver.approved_by:
        return f"the waiver of {waiver.owner} has no second person"
    if waiver.model_sha256 != model_sha256:
        return f"the waiver of {waiver.owner} is for another model ({waiver.model_sha256[:8]})"
    if not _within(waiver.bound, estimate):
        return f"the interval leaves the waiver's bound {waiver.bound}"
    return None


def _within(bound: str, estimate: Estimate | None) -> bool:
    match = LIMIT.match(bound)
    if match is None or estimate is None or estimate.low is None or estimate.high is None:
        return False
    return inside(match.group(1), float(match.group(2)), estimate.low, estimate.high)


def _acceptance(waiver: Waiver) -> str:
    return (
        f"accepted by {waiver.owner} and {waiver.approved_by} until {waiver.expires.isoformat()} "
        f"within {waiver.bound}: {waiver.reason}"
    )
