"""The rule that turns an interval and a limit into a state."""

from __future__ import annotations

from auditlens.stages.findings import Estimate
from auditlens.stages.limits import inside, outside
from auditlens.stages.plan import PlannedGate
from auditlens.stages.states import GateState

ENOUGH_UNITS = 150
"""Under so many units a mean change is decided by an interval that rare, unseen changes could still be outside of."""


def state_of(gate: PlannedGate, estimate: Estimate | None) -> GateState:
    """Decide one gate by its own interval (method.md, decision rule 8).

    Holds when the far end of the interval is inside the limit, fails when the near end is outside, else inconclusive;
    no estimate is never a pass. Too few units are inconclusive, whatever the interval says, and a mean change holds at
    no limit below the share of units that may change fully without one of the sample showing it (as a rate without any
    event does): where few units change much, a sample without one of them has a narrow interval at a wrong place.
    Within a subgroup of fewer units than the spec asks for, a gate can fail but not hold.
    """
    if estimate is None or estimate.value is None or estimate.low is None or estimate.high is None:
        return GateState.NOT_EVALUATED
    if estimate.too_few:
        return GateState.INCONCLUSIVE
    if shows_inside(gate.relation, gate.bound, estimate):
        return GateState.INCONCLUSIVE if few_units(gate, estimate) else GateState.HOLDS
    slack = _slack(estimate)
    low, high = estimate.low - slack, estimate.high + slack
    if outside(gate.relation, gate.bound, low, high):
        return GateState.FAILS
    return GateState.INCONCLUSIVE


def shows_inside(relation: str, bound: float, estimate: Estimate) -> bool:
    """Tell whether an interval, with what rare changes could still hide, is wholly inside a limit or a bound."""
    if estimate.low is None or estimate.high is None:
        return False
    slack = _slack(estimate)
    shown = relation == ">=" or estimate.unseen <= bound
    return shown and inside(relation, bound, estimate.low - slack, estimate.high + slack)


def _slack(estimate: Estimate) -> float:
    return estimate.unseen if estimate.n_units < ENOUGH_UNITS else 0.0


def few_units(gate: PlannedGate, estimate: Estimate) -> bool:
    """Tell whether a gate within a subgroup rests on fewer units than a pass needs."""
    return estimate.n_units < gate.min_units


def why_undecided(gate: PlannedGate, estimate: Estimate) -> str:
    """Say why an inconclusive gate is undecided."""
    if estimate.too_few:
        return f"{estimate.n_units} units are too few to decide by a mean"
    if few_units(gate, estimate):
        return f"{estimate.n_units} of the {gate.min_units} units that it needs to hold"
    low, high = estimate.low, estimate.high
    if low is None or high is None:
        return "there is no interval"
    if inside(gate.relation, gate.bound, low, high) or outside(gate.relation, gate.bound, low, high):
        return f"{estimate.n_units} units may hide that up to {100 * estimate.unseen:.1f} % of all change fully"
    return "the interval crosses the limit"
