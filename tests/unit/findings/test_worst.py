"""The worst of several subgroups: which it is, how its bounds come about, and how often they are right."""

import numpy as np
import pytest

from auditlens.findings.statistics import rate
from auditlens.findings.worst import worst_of
from auditlens.stages.findings import Estimate
from auditlens.stages.plan import PlannedGate
from auditlens.stages.states import GateState, Severity
from auditlens.verdict.gate import state_of

VALUES = ("A", "B", "C")


def planned(relation="<=", bound=0.1, **more):
    return PlannedGate(
        id="g", name="g", metric="decision_flips", class_name="melanoma", relation=relation, bound=bound,
        severity=Severity.ERROR, confidence=0.95, worst_subgroup="site", **more,
    )  # fmt: skip


def measured(events, relation="<="):
    def measure(gate):
        return rate(events[gate.within["site"]], np.arange(40), confidence=gate.confidence, sided="one")

    return worst_of(planned(relation), VALUES, measure)


def events(*counts):
    return {value: np.arange(40) < count for value, count in zip(VALUES, counts, strict=True)}


@pytest.mark.parametrize(("relation", "counts", "name"), [("<=", (2, 8, 5), "B"), (">=", (30, 20, 38), "B")])
def test_the_worst_subgroup_is_named_and_its_bounds_follow_from_all(relation, counts, name):
    found = measured(events(*counts), relation)
    own = [rate(row, np.arange(40), confidence=0.95, sided="one") for row in events(*counts).values()]
    careful = [rate(row, np.arange(40), confidence=1 - 0.05 / 3, sided="one") for row in events(*counts).values()]
    assert f"worst in site {name}, of 3 subgroups" in found.note
    if relation == "<=":
        assert found.value == max(row.value for row in own)
        assert (found.low, found.high) == (max(row.low for row in careful), max(row.high for row in own))
    else:
        assert found.value == min(row.value for row in own)
        assert (found.low, found.high) == (min(row.low for row in own), min(row.high for row in careful))


def test_a_subgroup_without_an_estimate_leaves_the_gate_without_one():
    def measure(gate):
        if gate.within["site"] == "C":
            return Estimate(value=None, note="no observations")
        return rate(np.zeros(40), np.arange(40), confidence=gate.confidence, sided="one")

    found = worst_of(planned(), VALUES, measure)
    assert found.value is None
    assert found.note == "there is no interval within site C: no observations"
    assert state_of(planned(), found) is GateState.NOT_EVALUATED
    assert worst_of(planned(), (), measure).value is None


def test_the_smallest_subgroup_counts_for_the_units_that_a_pass_needs():
    def measure(gate):
        n = {"A": 400, "B": 400, "C": 20}[gate.within["site"]]
        return rate(np.zeros(n), np.arange(n), confidence=gate.confidence, sided="one")

    found = worst_of(planned(), VALUES, measure)
    assert found.n_units == 20
    assert state_of(planned(bound=0.5, min_units=30), found) is GateState.INCONCLUSIVE
    assert state_of(planned(bound=0.5), found) is GateState.HOLDS


def test_within_other_subgroups_stays():
    seen = []

    def measure(gate):
        seen.append(dict(gate.within))
        return rate(np.zeros(40), np.arange(40), confidence=gate.confidence, sided="one")

    worst_of(planned(within={"device": "X"}), VALUES, measure)
    assert seen[0] == {"device": "X", "site": "A"}


def test_both_bounds_cover_the_true_worst_as_often_as_they_say():
    """At the edge: all subgroups equal (hardest for the lower bound), and one alone bad (for the upper)."""
    rng = np.random.default_rng(0)
    for rates in ((0.2, 0.2, 0.2), (0.05, 0.05, 0.3)):
        low = high = 0
        for _ in range(300):
            found = measured({value: rng.random(40) < p for value, p in zip(VALUES, rates, strict=True)})
            low += found.low <= max(rates)
            high += found.high >= max(rates)
        assert min(low, high) / 300 >= 0.93, (rates, low, high)
