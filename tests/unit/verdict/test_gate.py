import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditlens.stages.findings import Estimate
from auditlens.stages.plan import PlannedGate
from auditlens.stages.states import GateState, Severity
from auditlens.verdict.gate import state_of, why_undecided


def gate(relation: str, bound: float) -> PlannedGate:
    return PlannedGate(
        id="g",
        name="g",
        metric="sensitivity",
        class_name="melanoma",
        relation=relation,
        bound=bound,
        severity=Severity.ERROR,
        confidence=0.95,
    )


def estimate(low: float | None, high: float | None) -> Estimate:
    middle = None if low is None or high is None else (low + high) / 2
    return Estimate(value=middle, low=low, high=high)


@pytest.mark.parametrize(
    ("relation", "bound", "low", "high", "state"),
    [
        ("<=", 0.02, 0.0, 0.02, GateState.HOLDS),
        ("<=", 0.02, 0.021, 0.05, GateState.FAILS),
        ("<=", 0.02, 0.01, 0.03, GateState.INCONCLUSIVE),
        ("<=", 0.02, 0.02, 0.05, GateState.INCONCLUSIVE),
        (">=", 0.9, 0.9, 0.99, GateState.HOLDS),
        (">=", 0.9, 0.5, 0.89, GateState.FAILS),
        (">=", 0.9, 0.85, 0.95, GateState.INCONCLUSIVE),
        ("within", 0.03, -0.03, 0.03, GateState.HOLDS),
        ("within", 0.03, 0.031, 0.2, GateState.FAILS),
        ("within", 0.03, -0.2, -0.031, GateState.FAILS),
        ("within", 0.03, -0.2, 0.2, GateState.INCONCLUSIVE),
        ("<=", 0.02, None, None, GateState.NOT_EVALUATED),
    ],
)
def test_a_gate_is_decided_by_its_interval(relation, bound, low, high, state):
    assert state_of(gate(relation, bound), estimate(low, high)) is state


def test_no_estimate_is_never_a_pass():
    assert state_of(gate("<=", 1.0), None) is GateState.NOT_EVALUATED


bounds = st.floats(-1, 1)


@given(bounds, bounds, st.floats(0, 1), st.floats(0, 1), st.sampled_from(["<=", ">=", "within"]))
def test_a_wider_interval_never_decides_more(a, b, limit, slack, relation):
    low, high = sorted((a, b))
    narrow = state_of(gate(relation, limit), estimate(low, high))
    wide = state_of(gate(relation, limit), estimate(low - slack, high + slack))
    assert wide in (narrow, GateState.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("low", "high", "state"),
    [(0.0, 0.01, GateState.INCONCLUSIVE), (0.01, 0.05, GateState.INCONCLUSIVE), (0.3, 0.9, GateState.FAILS)],
)
def test_too_few_units_can_fail_a_gate_but_not_let_it_hold(low, high, state):
    within = gate("<=", 0.02).model_copy(update={"within": {"skin": "V-VI"}, "min_units": 30})
    few = estimate(low, high).model_copy(update={"n_units": 29})
    assert state_of(within, few) is state
    enough = few.model_copy(update={"n_units": 30})
    assert state_of(within, enough) is state_of(gate("<=", 0.02), few)


def of_units(n_units, low, high, **fields):
    unseen = 1 - 0.05 ** (1 / n_units)
    return Estimate(value=(low + high) / 2, low=low, high=high, n_units=n_units, unseen=unseen, **fields)


def test_too_few_units_decide_nothing():
    for low, high in ((0.0, 0.001), (0.5, 0.6)):
        few = of_units(24, low, high, too_few=True)
        assert state_of(gate("<=", 0.02), few) is GateState.INCONCLUSIVE
        assert "24 units are too few" in why_undecided(gate("<=", 0.02), few)


@pytest.mark.parametrize(
    ("n_units", "state"), [(148, GateState.INCONCLUSIVE), (149, GateState.HOLDS), (150, GateState.HOLDS)]
)
def test_a_change_holds_at_no_limit_that_unseen_changes_exceed(n_units, state):
    """As for a rate without any event: a limit of 2 % needs 149 units."""
    found = of_units(n_units, 0.0, 0.0)
    assert state_of(gate("within", 0.02), found) is state


def test_under_enough_units_a_decision_allows_for_what_none_of_them_shows():
    """40 units leave up to 7.2 % unseen: 0.10 to 0.12 neither holds at 0.15 nor fails at 0.05; with 400 it does."""
    for bound, state in ((0.15, GateState.HOLDS), (0.05, GateState.FAILS)):
        few, many = (of_units(n, 0.10, 0.12) for n in (40, 400))
        assert state_of(gate("<=", bound), few) is GateState.INCONCLUSIVE
        assert "40 units may hide that up to 7.2 %" in why_undecided(gate("<=", bound), few)
        assert state_of(gate("<=", bound), many) is state
    assert state_of(gate("<=", 0.05), of_units(40, 0.6, 0.7)) is GateState.FAILS
    assert state_of(gate("<=", 0.20), of_units(40, 0.0, 0.01)) is GateState.HOLDS


def test_an_interval_over_the_limit_is_told_as_such():
    assert why_undecided(gate("<=", 0.05), of_units(400, 0.0, 0.1)) == "the interval crosses the limit"
