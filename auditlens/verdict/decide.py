"""All gates decided, waivers applied, and the one exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date

from auditlens.spec.model import AuditSpec
from auditlens.stages.findings import Estimate, Findings
from auditlens.stages.plan import AuditPlan, PlannedGate
from auditlens.stages.states import GateState, Severity
from auditlens.stages.verdict import DEFAULT_POLICY, GateResult, Policy, Verdict
from auditlens.verdict.gate import state_of
from auditlens.verdict.partial import partial_notes, partial_words
from auditlens.verdict.protocol import exploratory, protocol_notes, releases
from auditlens.verdict.sentences import sentence_for
from auditlens.verdict.standing import baseline_notes, first_baseline, standing_of
from auditlens.verdict.waivers import idle_waivers, waive
from auditlens.verdict.weight import exit_code_of, may_release

WORST_FIRST = (GateState.FAILS, GateState.INCONCLUSIVE, GateState.NOT_EVALUATED, GateState.HOLDS)


def decide(
    spec: AuditSpec, plan: AuditPlan, findings: Findings, today: date, policy: Policy = DEFAULT_POLICY
) -> Verdict:
    """Decide every gate at its own level (an intersection-union test, so there is no correction).

    Parameters
    ----------
    spec : AuditSpec
        For the waivers and the artefacts' plain names.
    plan : AuditPlan
    findings : Findings
        `gate_estimates` holds each gate's estimate at that gate's confidence.
    today : date
        Waivers expire; tests give another day here.
    policy : Policy
        What counts for the exit code.
    """
    decision = findings.performance.decision if findings.performance else "argmax"
    states = _states(plan.gates, findings.gate_estimates)
    gates = tuple(
        _result(spec, plan, gate, states[gate.id], _estimate(gate, states, findings), decision, today)
        for gate in plan.gates
    )
    partial = partial_notes(spec, plan)
    first = first_baseline(findings)
    gates = tuple(
        result.model_copy(update={"standing": standing_of(result.gate, result.state, first)}) for result in gates
    )
    barred = bool(partial) or not releases(plan.protocol)
    return Verdict(
        gates=gates,
        counts=_counts(gates),
        n_waived=sum(result.waived for result in gates),
        headline=_headline(gates) + partial_words(spec, plan),
        sentences=_sentences(gates),
        exploratory=exploratory(plan.protocol),
        barred=barred,
        may_release=may_release(gates, policy, barred=barred),
        notes=(
            *protocol_notes(plan.protocol),
            *partial,
            *baseline_notes(findings, gates, spec.change.plan if spec.change is not None else None),
            *idle_waivers(spec.waivers, gates, today),
        ),
        exit_code=exit_code_of(gates, policy),
        policy=policy,
    )


def _states(gates: tuple[PlannedGate, ...], estimates: Mapping[str, Estimate]) -> dict[str, GateState]:
    states = {gate.id: state_of(gate, estimates.get(gate.id)) for gate in gates}
    blocked = {
        gate.id
        for gate in gates
        if states[gate.id] is not GateState.FAILS
        and any(states[required] is not GateState.HOLDS for required in gate.requires)
    }
    return {name: GateState.NOT_EVALUATED if name in blocked else state for name, state in states.items()}


def _estimate(gate: PlannedGate, states: Mapping[str, GateState], findings: Findings) -> Estimate | None:
    estimate = findings.gate_estimates.get(gate.id)
    broken = [required for required in gate.requires if states[required] is not GateState.HOLDS]
    if states[gate.id] is GateState.NOT_EVALUATED and broken and estimate is not None:
        note = f"its precondition {', '.join(broken)} does not hold"
        return estimate.model_copy(update={"note": note})
    return estimate


def _result(
    spec: AuditSpec,
    plan: AuditPlan,
    gate: PlannedGate,
    state: GateState,
    estimate: Estimate | None,
    decision: str,
    today: date,
) -> GateResult:
    waived, waiver = False, ""
    if state is GateState.FAILS:
        waived, waiver = waive(gate, estimate, spec.waivers, plan.model.identity_sha256, today)
    artefact = artefact_label(spec, gate.artefact)
    return GateResult(
        gate=gate,
        state=state,
        estimate=estimate,
        sentence=sentence_for(gate, state, estimate, decision, artefact),
        waived=waived,
        waiver=waiver,
    )


def artefact_label(spec: AuditSpec, artefact: str | None) -> str:
    """Plain words for an artefact."""
    if artefact is None:
        return "the artefact"
    label = spec.artefacts[artefact].label if artefact in spec.artefacts else ""
    return label or artefact.replace("_", " ")


def _counts(gates: tuple[GateResult, ...]) -> dict[GateState, int]:
    found = Counter(result.state for result in gates)
    return {state: found.get(state, 0) for state in GateState}


def _headline(gates: tuple[GateResult, ...]) -> str:
    if any(result.state is GateState.FAILS and not result.waived for result in gates):
        return "NOT ALL GATES HOLD"
    if any(result.state in (GateState.INCONCLUSIVE, GateState.NOT_EVALUATED) for result in gates):
        return "NOT ALL GATES ARE DECIDED"
    if any(result.waived for result in gates):
        return "ALL GATES HOLD OR ARE ACCEPTED"
    return "ALL GATES HOLD"


def _sentences(gates: tuple[GateResult, ...]) -> tuple[str, ...]:
    """Sentences of all gates, worst state first, errors before warnings, largest excess first.

    Of the gates that hold, the one that comes closest to its limit stands first.
    """
    ranked = sorted(
        gates,
        key=lambda result: (
            WORST_FIRST.index(result.state),
            result.gate.severity is Severity.WARN,
            _closeness(result) if result.state is GateState.HOLDS else -_excess(result),
        ),
    )
    return tuple(_with_waiver(result) for result in ranked)


def _with_waiver(result: GateResult) -> str:
    """Add who accepted a failure, or why nobody's waiver counts."""
    if not result.waiver:
        return result.sentence
    if result.waived:
        return f"{result.sentence.removesuffix('.')}, {result.waiver}"
    return f"{result.sentence} Not accepted: {result.waiver}."


def _excess(result: GateResult) -> float:
    value = result.estimate.value if result.estimate is not None else None
    return abs(value - result.gate.bound) if value is not None else 0.0


def _closeness(result: GateResult) -> float:
    """Distance of the nearer end of the interval from the limit, in units of the limit."""
    estimate, gate = result.estimate, result.gate
    ends = [] if estimate is None else [end for end in (estimate.low, estimate.high) if end is not None]
    limits = (-gate.bound, gate.bound) if gate.relation == "within" else (gate.bound,)
    distances = [abs(end - limit) for end in ends for limit in limits]
    return min(distances, default=0.0) / (abs(gate.bound) or 1.0)
