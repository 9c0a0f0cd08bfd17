"""A gate's outcome never gets better with a wider interval, nor worse with a looser limit."""

from hypothesis import assume, given
from hypothesis import strategies as st

from auditlens.stages.findings import Estimate
from auditlens.stages.plan import PlannedGate
from auditlens.stages.states import GateState, Severity
from auditlens.verdict.gate import state_of

RELATIONS = ("<=", ">=", "within")
ORDER = {GateState.FAILS: 0, GateState.INCONCLUSIVE: 1, GateState.HOLDS: 2}
effects = st.floats(-1, 1)
limits = st.floats(0, 1)


def decided(relation, bound, low, high):
    gate = PlannedGate(
        id="g",
        name="g",
        metric="effect_minus_sham",
        class_name="melanoma",
        relation=relation,
        bound=bound,
        severity=Severity.ERROR,
        confidence=0.95,
    )
    return state_of(gate, Estimate(value=(low + high) / 2, low=low, high=high))


@given(st.sampled_from(RELATIONS), limits, limits, effects, effects)
def test_a_looser_limit_never_makes_it_worse(relation, first, second, one, other):
    strict, loose = sorted((first, second), reverse=relation == ">=")
    low, high = sorted((one, other))
    assert ORDER[decided(relation, strict, low, high)] <= ORDER[decided(relation, loose, low, high)]


@given(st.sampled_from(RELATIONS), limits, st.lists(effects, min_size=4, max_size=4))
def test_a_wider_interval_decides_nothing_that_a_narrower_one_leaves_open(relation, bound, ends):
    outer_low, low, high, outer_high = sorted(ends)
    wide, narrow = decided(relation, bound, outer_low, outer_high), decided(relation, bound, low, high)
    assert wide in (narrow, GateState.INCONCLUSIVE)


@given(st.sampled_from(["<=", ">="]), limits, effects, effects, st.floats(0, 1))
def test_moving_to_the_good_side_never_makes_it_worse(relation, bound, one, other, step):
    low, high = sorted((one, other))
    better = -step if relation == "<=" else step
    moved = decided(relation, bound, low + better, high + better)
    assert ORDER[decided(relation, bound, low, high)] <= ORDER[moved]


@given(limits, effects, effects)
def test_within_does_not_care_for_the_sign(bound, one, other):
    low, high = sorted((one, other))
    assume(high - low < 2)
    assert decided("within", bound, low, high) == decided("within", bound, -high, -low)


@given(st.sampled_from(RELATIONS), limits, st.booleans(), st.booleans(), st.booleans())
def test_what_was_not_measured_never_holds(relation, bound, has_value, has_low, has_high):
    assume(not (has_value and has_low and has_high))
    gate = PlannedGate(
        id="g",
        name="g",
        metric="auroc",
        class_name="melanoma",
        relation=relation,
        bound=bound,
        severity=Severity.ERROR,
        confidence=0.95,
    )
    parts = [0.5 if there else None for there in (has_value, has_low, has_high)]
    estimate = Estimate(value=parts[0], low=parts[1], high=parts[2])
    assert state_of(gate, estimate) is GateState.NOT_EVALUATED
    assert state_of(gate, None) is GateState.NOT_EVALUATED
