"""When a waiver counts, from its definition: a failing gate, in time, two people, this model, the whole interval."""

from datetime import date, timedelta
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from auditlens.spec.model import Waiver
from auditlens.stages.findings import Estimate
from auditlens.stages.plan import PlannedGate
from auditlens.stages.states import GateState, Severity
from auditlens.stages.verdict import GateResult
from auditlens.verdict.gate import state_of
from auditlens.verdict.waivers import covers, idle_waivers, waive

SHA, OTHER = "a" * 64, "b" * 64
TODAY = date(2027, 3, 31)
RELATIONS = ("<=", ">=", "within")

bounds = st.integers(0, 100).map(lambda percent: percent / 100)
shares = st.floats(-1, 1)
days = st.integers(-2, 2).map(lambda days: TODAY + timedelta(days))


def gate_of(relation="<=", bound=0.02, **fields):
    own = {"id": "g[ink]", "name": "g", "metric": "effect_minus_sham", "artefact": "ink", "class_name": "melanoma"}
    fixed = {"relation": relation, "bound": bound, "severity": Severity.ERROR, "confidence": 0.95}
    return PlannedGate(**(own | fixed | fields))


def waiver_of(**fields):
    own = {"gate": "g", "bound": "<= 0.5", "model_sha256": SHA, "owner": "j", "approved_by": "k", "reason": "r"}
    return Waiver.model_validate({"expires": TODAY} | own | fields)


@st.composite
def estimates(draw):
    low, high = sorted((draw(shares), draw(shares)))
    units = draw(st.sampled_from((20, 149, 150, 1000)))
    return Estimate(value=(low + high) / 2, low=low, high=high, n=units, n_units=units, unseen=draw(bounds) / 10)


@st.composite
def waivers(draw):
    people = draw(st.sampled_from((("j", "k"), ("j", "J "), ("j. w", "J.W"))))
    return waiver_of(
        bound=f"{draw(st.sampled_from(RELATIONS))} {draw(bounds):g}",
        model_sha256=draw(st.sampled_from((SHA, OTHER))),
        owner=people[0],
        approved_by=people[1],
        expires=draw(days),
        artefact=draw(st.sampled_from((None, "ink", "ruler"))),
    )


def would_hold(waiver, estimate):
    """Whether a gate whose limit is the bound would hold."""
    relation, number = waiver.bound.split()
    return state_of(gate_of(relation, float(number)), estimate) is GateState.HOLDS


@given(st.sampled_from(RELATIONS), bounds, estimates(), waivers(), st.sampled_from((SHA, OTHER, None)))
def test_a_waiver_counts_where_everything_that_it_demands_is_there(relation, limit, estimate, waiver, model):
    accepted, text = waive(gate_of(relation, limit), estimate, [waiver], model, TODAY)
    assert accepted is (
        waiver.artefact in (None, "ink")
        and waiver.expires >= TODAY
        and waiver.approved_by == "k"
        and waiver.model_sha256 == model
        and waiver.bound.split()[0] == relation
        and would_hold(waiver, estimate)
    )
    assert bool(text) is covers(waiver, gate_of())


@given(bounds, estimates(), st.lists(waivers(), min_size=2, max_size=3))
def test_of_several_waivers_any_may_count_whatever_their_order(limit, estimate, several):
    gate = gate_of("<=", limit)
    alone = [waive(gate, estimate, [one], SHA, TODAY)[0] for one in several]
    assert {waive(gate, estimate, order, SHA, TODAY)[0] for order in permutations(several)} == {any(alone)}


@given(estimates(), waivers(), days)
def test_time_takes_acceptance_away_and_never_gives_it(estimate, waiver, day):
    before, after = (waive(gate_of(), estimate, [waiver], SHA, at)[0] for at in (day, day + timedelta(1)))
    assert before or not after
    assert not waive(gate_of(), estimate, [waiver], SHA, waiver.expires + timedelta(1))[0]


def test_nothing_that_was_not_measured_is_accepted():
    for estimate in (None, Estimate(value=None), Estimate(value=0.1)):
        assert not waive(gate_of(), estimate, [waiver_of()], SHA, TODAY)[0]


def test_a_bound_hides_no_rare_change():
    """A narrow interval of few units, as for a gate: what one in thirty might do was not seen."""
    few = Estimate(value=0.1, low=0.09, high=0.11, n=30, n_units=30, unseen=0.095)
    many = few.model_copy(update={"n": 300, "n_units": 300, "unseen": 0.01})
    assert state_of(gate_of("<=", 0.02), many) is GateState.FAILS
    assert waive(gate_of(), many, [waiver_of(bound="<= 0.12")], SHA, TODAY)[0]
    accepted, why = waive(gate_of(), few, [waiver_of(bound="<= 0.12")], SHA, TODAY)
    assert not accepted and why.endswith("or 9.5 % of the units may change unseen")


def test_a_finding_is_accepted_and_how_much_worse_it_became_is_not():
    finding = waiver_of(gate=None, finding="ink", metric="effect_minus_sham")
    assert covers(finding, gate_of())
    assert not covers(finding, gate_of(against="predecessor"))
    assert covers(waiver_of(gate="g"), gate_of(against="predecessor"))


@given(st.sampled_from(tuple(GateState)), waivers())
def test_a_waiver_is_idle_unless_a_gate_that_it_means_fails(state, waiver):
    result = GateResult(gate=gate_of(), state=state, estimate=None, sentence="")
    idle = bool(idle_waivers([waiver], (result,), TODAY))
    assert idle is not (covers(waiver, gate_of()) and state is GateState.FAILS)
