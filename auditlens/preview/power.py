"""What the number of units can decide, whatever the model does: the gate's own rule, put to the two extreme outcomes.

`extremes` estimates the best and the worst outcome that is possible, and `verdict.gate` decides both. How precise an
AUROC between these will be is approximated by Hanley and McNeil (1982).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from statistics import NormalDist
from typing import Final

import numpy as np

from auditlens.challenge.rendering import ArtefactSource
from auditlens.findings.statistics import rate, rate_difference
from auditlens.findings.statistics.smallest import n_for_zero_events
from auditlens.findings.worst import worst_of
from auditlens.gather.context import Context
from auditlens.preview import basis as of
from auditlens.preview.basis import Bases, Basis
from auditlens.preview.extremes import Extremes, extremes_of, maker_of
from auditlens.preview.layers import KnownLayer
from auditlens.preview.never import why_never, why_no_number
from auditlens.preview.words import Outcome, gate_sentence, stratum_sentence
from auditlens.spec.metrics import METRIC_RULES
from auditlens.stages.findings import Estimate
from auditlens.stages.plan import AuditPlan, PlannedGate
from auditlens.stages.planned_run import ForeseenGate, ForeseenStratum
from auditlens.stages.states import GateState
from auditlens.stages.subgroups import PlannedStratum
from auditlens.verdict.gate import state_of

MOST: Final = 20_000
"""Units beyond which no number is named."""
SPREAD: Final = 0.1
"""Standard deviation, over units, of a change or a share for which the width of an interval is told."""


def foreseen_gates(
    context: Context, plan: AuditPlan, sources: Mapping[str, ArtefactSource]
) -> tuple[ForeseenGate, ...]:
    """Every gate of the plan, those that cannot hold first, then in the order of the spec."""
    bases = Bases(context, sources)
    found = [_closed(gate, why_never(gate, context, sources)) or _foreseen(gate, bases, plan) for gate in plan.gates]
    found = _with_preconditions(found)
    return tuple(sorted(found, key=lambda row: not row.undecidable))


def _with_preconditions(found: list[ForeseenGate]) -> list[ForeseenGate]:
    """A gate whose precondition cannot hold is never evaluated."""
    closed = {row.gate.id for row in found if row.undecidable}
    rows = []
    for row in found:
        blocked = [name for name in row.gate.requires if name in closed]
        said = f"{row.sentence} Its precondition {', '.join(blocked)} cannot hold, so it cannot either."
        rows.append(row.model_copy(update={"can_hold": False, "sentence": said}) if blocked else row)
    return rows


def _closed(gate: PlannedGate, why: str) -> ForeseenGate | None:
    """A gate that will have nothing to read; None where nothing says so."""
    if not why:
        return None
    return ForeseenGate(
        gate=gate, n_images=0, n_units=0, can_hold=False, can_fail=False, nothing_to_read=True, sentence=why
    )


def _foreseen(gate: PlannedGate, bases: Bases, plan: AuditPlan) -> ForeseenGate:
    if gate.worst_subgroup is not None:
        basis, extremes = _worst_subgroup(gate, bases)
    else:
        basis = bases.of(gate)
        extremes = extremes_of(gate, basis)
    outcome = _outcome(gate, basis, extremes)
    return ForeseenGate(
        gate=gate,
        n_images=outcome.n_images,
        n_units=outcome.n_units,
        can_hold=outcome.can_hold,
        can_fail=outcome.can_fail,
        smallest=outcome.smallest,
        needed=outcome.needed,
        sentence=why_no_number(gate) or gate_sentence(gate, outcome),
        strata=tuple(_strata(gate, bases, plan)),
    )


def _worst_subgroup(gate: PlannedGate, bases: Bases) -> tuple[Basis | None, Extremes | None]:
    """The smallest subgroup of the gate's column, and the extremes of the worst, joined as the run joins them."""
    column = gate.worst_subgroup or ""
    values = bases.values(column)
    places = [gate.model_copy(update={"within": {**gate.within, column: value}}) for value in values]
    found = [basis for basis in map(bases.of, places) if basis is not None]
    if len(found) < len(places) or not found or extremes_of(gate, found[0]) is None:
        return None, None

    def estimated(pick: Callable[[Extremes], Estimate]) -> Estimate:
        def measure(place: PlannedGate) -> Estimate:
            extremes = extremes_of(place, bases.of(place))
            assert extremes is not None  # looked at above
            return pick(extremes)

        return worst_of(gate, values, measure)

    extremes = Extremes(estimated(lambda found: found.best), estimated(lambda found: found.worst))
    return min(found, key=lambda basis: basis.n_units), extremes


def _strata(gate: PlannedGate, bases: Bases, plan: AuditPlan) -> list[ForeseenStratum]:
    """The gate in every subgroup of the plan, where it is about all images and can be measured in one."""
    rule = METRIC_RULES.get(gate.metric)
    closed = gate.within or gate.worst_subgroup
    if plan.data.strata is None or closed or rule is None or "within" not in rule.takes:
        return []
    return [_stratum(gate, bases, row, plan.data.strata.min_units) for row in plan.data.strata.strata]


def _stratum(gate: PlannedGate, bases: Bases, row: PlannedStratum, min_units: int) -> ForeseenStratum:
    inside = gate.model_copy(update={"within": row.stratum.within, "min_units": min_units})
    basis = bases.of(gate, row.stratum)
    outcome = _outcome(inside, basis, extremes_of(inside, basis))
    return ForeseenStratum(
        stratum=row.stratum,
        n_images=outcome.n_images,
        n_units=outcome.n_units,
        can_hold=outcome.can_hold,
        sentence=stratum_sentence(inside, row.stratum, outcome),
    )


def _outcome(gate: PlannedGate, basis: Basis | None, extremes: Extremes | None) -> Outcome:
    if basis is None or extremes is None:
        return Outcome(0, 0)
    can_hold = state_of(gate, extremes.best) is GateState.HOLDS
    return Outcome(
        basis.n_images,
        basis.n_units,
        can_hold=can_hold,
        can_fail=state_of(gate, extremes.worst) is GateState.FAILS,
        at_most=basis.at_most,
        smallest=_smallest(gate, extremes.best),
        needed=None if can_hold else needed_units(gate, basis.layer),
        events=_events(gate, basis.n_units) if can_hold and _counts_events(gate) else None,
        reach=_reach(gate, basis),
        sides=_sides(basis),
        layer=basis.layer,
    )


EVENTS: Final = ("sensitivity", "specificity", "decision_flips", "decision_flips_beyond_sham", "flip_rate")
RANKED: Final = ("auroc", "observability", "lesion_erased_auroc", "separability")


def _smallest(gate: PlannedGate, best: Estimate) -> float | None:
    """The tightest limit that the best outcome could hold; for `>=` the highest."""
    if best.low is None or best.high is None:
        return None
    if gate.relation == ">=":
        return best.low
    return max(abs(best.low), abs(best.high), best.unseen) if gate.relation == "within" else max(best.high, best.unseen)


def needed_units(gate: PlannedGate, layer: KnownLayer | None = None) -> int | None:
    """Fewest units with which the best outcome would hold; None where none suffice."""
    make = maker_of(gate)
    if make is None:
        return None

    def holds(n: int) -> bool:
        extremes = make(gate, _alone(gate, n, layer))
        return state_of(gate, extremes.best) is GateState.HOLDS

    plain = gate.metric in ("decision_flips", "flip_rate", *of.EFFECTS) and gate.against is None
    if plain and gate.relation != ">=" and 0 < gate.bound < 1:
        least = max(n_for_zero_events(gate.bound, gate.confidence), gate.min_units)
        return least if holds(least) else _search(holds, least)
    return _search(holds, max(gate.min_units, 1))


def _alone(gate: PlannedGate, n: int, layer: KnownLayer | None = None) -> Basis:
    """So many units with one observation each; for ranks so many on either side."""
    if gate.metric in (*RANKED, *of.SEPARATIONS):
        rows = np.arange(2 * n)
        return Basis(rows, rows, rows < n)
    return Basis(np.arange(n), np.arange(n), layer=layer)


def _search(holds: Callable[[int], bool], least: int) -> int | None:
    """Smallest number from `least` on that holds: doubling, then halving."""
    high = least
    while not holds(high):
        if high >= MOST:
            return None
        high *= 2
    low = max(high // 2, least - 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _counts_events(gate: PlannedGate) -> bool:
    return gate.metric in EVENTS and gate.against is None and gate.worst_subgroup is None


def _events(gate: PlannedGate, n_units: int) -> tuple[int, int | None]:
    """Most units with the event with which a rate still holds, and fewest with which it fails; one image per unit."""
    events, wrong = np.zeros(n_units), gate.relation == ">="

    def state(n: int) -> GateState:
        happened = events.copy()
        happened[:n] = 1
        if gate.metric == "decision_flips_beyond_sham":
            found = rate_difference(happened, events, np.arange(n_units), confidence=gate.confidence, sided="one")
        else:
            shown = 1 - happened if wrong else happened
            found = rate(shown, np.arange(n_units), confidence=gate.confidence, sided="one")
        return state_of(gate, found)

    most = _last(lambda n: state(n) is GateState.HOLDS, n_units)
    first = _last(lambda n: state(n) is not GateState.FAILS, n_units) + 1
    return most, first if first <= n_units else None


def _last(holds: Callable[[int], bool], n: int) -> int:
    """Largest number from 0 to n for which it holds; it holds for 0, and from some number on no more."""
    low, high = 0, n + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _reach(gate: PlannedGate, basis: Basis) -> float | None:
    """Half the width of the interval that is to be expected: of a mean at `SPREAD`, of an AUROC at the limit."""
    z = -_normal_quantile(1 - gate.confidence)
    if gate.metric in (*of.EFFECTS, *of.SHARES, *of.SCORES) and gate.against is None and basis.n_units:
        return z * SPREAD / math.sqrt(basis.n_units)
    sides = _sides(basis)
    if gate.metric in RANKED and gate.against is None and sides is not None and min(sides) > 0:
        return z * hanley_mcneil(gate.bound, *sides)
    return None


def _sides(basis: Basis) -> tuple[int, int] | None:
    if basis.positives is None:
        return None
    n_positive, n_negative = (int(np.unique(basis.units[side]).size) for side in (basis.positives, ~basis.positives))
    return n_positive, n_negative


def hanley_mcneil(area: float, n_positive: int, n_negative: int) -> float:
    """Standard error of an AUROC (Hanley and McNeil 1982, eq. 2), for planning; 0 at areas of 0 and 1."""
    of_two, of_one = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (n_positive - 1) * (of_two - area**2) + (n_negative - 1) * (of_one - area**2)
    return math.sqrt(max(variance, 0.0) / (n_positive * n_negative))


def _normal_quantile(tail: float) -> float:
    return NormalDist().inv_cdf(tail)
