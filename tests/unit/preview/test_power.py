"""What n can decide: the exact numbers, and the gate's own rule at the two ends."""

import numpy as np
import pytest

from auditlens.findings.statistics import rate
from auditlens.preview.basis import Basis
from auditlens.preview.power import _events, _outcome, _worst_subgroup, extremes_of, hanley_mcneil, needed_units
from auditlens.preview.words import gate_sentence
from auditlens.stages.plan import PlannedGate
from auditlens.stages.states import GateState, Severity
from auditlens.verdict.gate import state_of


def gate(metric="decision_flips", relation="<=", bound=0.02, min_units=0):
    return PlannedGate(
        id="g",
        name="g",
        metric=metric,
        class_name="melanoma",
        relation=relation,
        bound=bound,
        severity=Severity.ERROR,
        confidence=0.95,
        min_units=min_units,
    )


def basis(n, positives=None):
    return Basis(np.arange(n), np.arange(n), positives)


def outcome(one, found):
    return _outcome(one, found, extremes_of(one, found))


def test_the_sentence_of_the_needs():
    found = outcome(gate(), basis(41))
    assert found.can_hold is False
    assert found.needed == 149
    assert gate_sentence(gate(), found) == "41 units with no flip still allow 7.0 %. A limit of <= 2.0 % needs 149."


@pytest.mark.parametrize("n, can", [(148, False), (149, True)])
def test_a_rate_can_hold_from_the_number_on_that_is_named(n, can):
    assert outcome(gate(), basis(n)).can_hold is can


def test_doubling_every_image_changes_nothing():
    once, twice = basis(60), Basis(np.arange(120), np.repeat(np.arange(60), 2))
    assert outcome(gate(), once).smallest == pytest.approx(outcome(gate(), twice).smallest)


@pytest.mark.parametrize(
    "metric, relation, bound",
    [
        ("sensitivity", ">=", 0.9),
        ("decision_flips", "<=", 0.05),
        ("decision_flips_beyond_sham", "<=", 0.1),
        ("effect_minus_sham", "within", 0.03),
        ("auroc", ">=", 0.8),
        ("separability_drop", "<=", 0.1),
    ],
)
def test_the_number_that_is_needed_is_the_smallest(metric, relation, bound):
    one = gate(metric, relation, bound)
    n = needed_units(one)
    from auditlens.preview.power import _alone

    assert state_of(one, extremes_of(one, _alone(one, n)).best) is GateState.HOLDS
    assert state_of(one, extremes_of(one, _alone(one, n - 1)).best) is not GateState.HOLDS


def test_events_at_which_the_state_changes_are_those_of_the_rule():
    one = gate(bound=0.05)
    most, first = _events(one, 149)

    def state(n_events):
        return state_of(one, rate(np.arange(149) < n_events, np.arange(149), confidence=0.95, sided="one"))

    assert state(most) is GateState.HOLDS
    assert state(most + 1) is GateState.INCONCLUSIVE
    assert state(first - 1) is GateState.INCONCLUSIVE
    assert state(first) is GateState.FAILS


def test_a_subgroup_needs_its_least_number_of_units():
    found = outcome(gate(bound=0.2, min_units=30), basis(20))
    assert found.can_hold is False
    assert "needs 30" in gate_sentence(gate(bound=0.2, min_units=30), found)


def test_a_mean_cannot_hold_below_what_may_be_unseen():
    one = gate("artefact_effect", "within", 0.03)
    assert outcome(one, basis(90)).can_hold is False
    assert outcome(one, basis(90)).needed == 99
    assert outcome(one, basis(99)).can_hold is True


@pytest.mark.parametrize("metric", ["sensitivity", "decision_flips", "effect_minus_sham", "auroc"])
def test_a_difference_to_a_baseline_has_numbers_of_its_own(metric):
    plain = gate(metric, "<=" if metric != "sensitivity" else ">=", 0.02)
    paired = plain.model_copy(update={"against": "v1", "relation": "<="})
    found = outcome(paired, basis(400, np.arange(400) < 200))
    assert found.smallest < 0.1
    assert "without any difference to v1" in gate_sentence(paired, found)


class Subgroups:
    """Two subgroups of a column, of which one is small."""

    sizes = {"A": 400, "B": 41}

    def values(self, column):
        return tuple(self.sizes)

    def of(self, one, stratum=None):
        return basis(self.sizes[one.within["site"]])


def test_the_worst_subgroup_is_limited_by_the_smallest():
    one = gate(bound=0.05).model_copy(update={"worst_subgroup": "site"})
    found = _outcome(one, *_worst_subgroup(one, Subgroups()))
    assert (found.n_units, found.can_hold, found.needed) == (41, False, 59)
    assert gate_sentence(one, found).startswith("In the smallest subgroup: 41 units with no flip still allow 7.0 %.")


def test_nothing_to_rest_on():
    found = outcome(gate(), basis(0))
    assert found.can_hold is False
    assert gate_sentence(gate(), found) == "No image to rest on."


def test_a_metric_that_is_not_worked_out_is_said_so():
    found = outcome(gate("mediated_share"), basis(50))
    assert found.can_hold is None
    assert "not worked out" in gate_sentence(gate("mediated_share"), found)


def test_hanley_and_mcneil_against_their_example():
    # Their table: area 0.893 (ratings of 58 normal and 51 abnormal images), standard error 0.032.
    assert hanley_mcneil(0.893, 51, 58) == pytest.approx(0.032, abs=0.001)


def test_one_side_without_units():
    found = outcome(gate("auroc", ">=", 0.8), basis(10, np.zeros(10, dtype=bool)))
    assert found.can_hold is False
