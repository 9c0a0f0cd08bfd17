"""The rule that turns an interval and a limit into a state."""

from __future__ import annotations

from auditlens.stages.findings import Estimate
from auditlens.stages.limits import inside, outside
from auditlens.stages.plan import PlannedGate
from auditlens.stages.states import GateState


def state_of(gate: PlannedGate, estimate: Estimate | None) -> GateState:
    """Decide one gate by its own interval (method.md, decision rule 8).

    Holds when the far end of the interval is inside the limit, fails when the near end is outside, else inconclusive;
    no estimate is never a pass. Within a subgroup of fewer units than the spec asks for, a gate can fail but not hold.
    """
    if estimate is None or estimate.value is None or estimate.low is None or estimate.high is None:
        return GateState.NOT_EVALUATED
    if inside(gate.relation, gate.bound, estimate.low, estimate.high):
        return GateState.INCONCLUSIVE if few_units(gate, estimate) else GateState.HOLDS
    if outside(gate.relation, gate.bound, estimate.low, estimate.high):
        return GateState.FAILS
    return GateState.INCONCLUSIVE


def few_units(gate: PlannedGate, estimate: Estimate) -> bool:
    """Tell whether a gate within a subgroup rests on fewer units than a pass needs."""
    return estimate.n_units < gate.min_units
