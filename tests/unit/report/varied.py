"""Verdicts of any mix of outcomes, severities, waivers, standings and policies, on the synthetic record."""

from __future__ import annotations

from hypothesis import strategies as st

from auditlens.stages.findings import Estimate
from auditlens.stages.plan import PlannedGate
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import GateState, Severity, Standing
from auditlens.stages.verdict import GateResult, Policy, Verdict
from auditlens.verdict import exit_code_of
from tests.unit.report.synthetic_record import gate

METRICS = ("sensitivity", "decision_flips", "effect_minus_sham", "observability")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
POLICIES = st.builds(Policy, fail_on=st.sampled_from(Severity), allow_inconclusive=st.booleans())


def make_result(
    number: int,
    state: GateState,
    severity: Severity = Severity.ERROR,
    *,
    waived: bool = False,
    standing: Standing | None = None,
    sentence: str = "",
    metric: str = "sensitivity",
) -> GateResult:
    planned: PlannedGate = gate(f"gate{number}", metric, "<=", 0.05, severity=severity, concept="ruler")
    estimate = (
        None if state is GateState.NOT_EVALUATED else Estimate(value=0.04, low=0.03, high=0.05, n=100, n_units=90)
    )
    return GateResult(
        gate=planned,
        state=state,
        estimate=estimate,
        sentence=sentence or f"Sentence {number}.",
        waived=waived and state is GateState.FAILS,
        waiver="A. Owner and B. Second until 2027-01-01: reasons." if waived else "",
        standing=standing,
    )


def make_verdict(gates: tuple[GateResult, ...], policy: Policy, **more: object) -> Verdict:
    return Verdict(
        gates=gates,
        counts={state: sum(row.state is state for row in gates) for state in GateState},
        n_waived=sum(row.waived for row in gates),
        headline="THE HEADLINE",
        sentences=tuple(row.sentence for row in gates),
        exit_code=exit_code_of(gates, policy),
        policy=policy,
        **more,
    )


@st.composite
def verdicts(draw: st.DrawFn, most: int = 25) -> Verdict:
    has_baseline = draw(st.booleans())
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(GateState),
                st.sampled_from(Severity),
                st.booleans(),
                st.sampled_from(Standing) if has_baseline else st.none(),
                TEXTS,
                st.sampled_from(METRICS),
            ),
            min_size=1,
            max_size=most,
        )
    )
    gates = tuple(
        make_result(
            n, state, severity, waived=waived, standing=_possible(standing, state), sentence=text, metric=metric
        )
        for n, (state, severity, waived, standing, text, metric) in enumerate(rows)
    )
    notes = tuple(draw(st.lists(TEXTS.filter(str.strip), max_size=4)))
    return make_verdict(gates, draw(POLICIES), barred=draw(st.booleans()), notes=notes)


def _possible(standing: Standing | None, state: GateState) -> Standing | None:
    """Only what holds is fixed, and only what does not hold is new or worse."""
    if standing is None:
        return None
    if state is GateState.HOLDS:
        return standing if standing in (Standing.FIXED, Standing.UNCHANGED) else Standing.UNCHANGED
    return Standing.UNCHANGED if standing is Standing.FIXED else standing


def with_verdict(record: AuditRecord, verdict: Verdict) -> AuditRecord:
    return record.model_copy(update={"verdict": verdict})
