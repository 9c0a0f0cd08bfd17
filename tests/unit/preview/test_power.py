"""What n can decide: the exact numbers, and the gate's own rule at the two ends."""

import re
from dataclasses import replace

import numpy as np
import pytest

from auditlens.examine.interpretability import clarity
from auditlens.findings.statistics import rate
from auditlens.findings.statistics.clusters import MIN_UNITS_MEAN
from auditlens.preview.basis import Basis
from auditlens.preview.extremes import extremes_of
from auditlens.preview.layers import KnownLayer
from auditlens.preview.power import _events, _outcome, _worst_subgroup, hanley_mcneil, needed_units
from auditlens.preview.words import gate_sentence
from auditlens.spec.baselines import PAIRED, WHY_NOT_PAIRED
from auditlens.spec.metrics import METRIC_RULES
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


LAYER = KnownLayer(n_components=96, n_examples=8, floor=0.01, groups=("A", "B", "C", "D", "E"))
UNSAID = re.compile("not worked out|not known|follows from the run")


def limits(metric):
    """A relation and a bound that can hold."""
    relation = METRIC_RULES[metric].relations[0]
    return relation, {">=": 0.6, "<=": 0.4, "within": 0.4}[relation]


@pytest.mark.parametrize("metric", METRIC_RULES)
def test_every_metric_has_its_extremes(metric):
    one = gate(metric, *limits(metric))
    found = outcome(one, Basis(np.arange(400), np.arange(400), np.arange(400) < 200, layer=LAYER))
    assert (found.can_hold, found.can_fail) == (True, True)
    assert not UNSAID.search(gate_sentence(one, found))


@pytest.mark.parametrize("metric", METRIC_RULES)
def test_a_gate_against_a_baseline_has_its_extremes_or_a_reason(metric):
    if metric not in PAIRED:
        assert WHY_NOT_PAIRED[metric]
        return
    one = gate(metric, "<=", 0.15).model_copy(update={"against": "v1"})
    found = outcome(one, basis(400, np.arange(400) < 200))
    assert (found.can_hold, found.can_fail) == (True, True)
    assert "near the limit" not in gate_sentence(one, found)  # the limit is one on the difference


@pytest.mark.parametrize("metric", ["clarity", "valid_coverage", "mediated_share", "unread_relevance_share"])
def test_metrics_of_components_need_the_units_of_a_mean(metric):
    one = gate(metric, *limits(metric))
    few = outcome(one, Basis(np.arange(29), np.arange(29), layer=LAYER))
    assert (few.can_hold, few.needed) == (False, MIN_UNITS_MEAN)
    assert "29 units: too few" in gate_sentence(one, few)
    assert outcome(one, Basis(np.arange(30), np.arange(30), layer=LAYER)).can_hold is True


@pytest.mark.parametrize(
    "metric, relation, bound, can",
    [
        ("clarity", ">=", 1.01, False),
        ("alignment_margin", ">=", 2.0, True),
        ("alignment_margin", ">=", 2.1, False),
        ("polysemanticity", "<=", 0.0, True),
        ("polysemanticity", "<=", -0.1, False),
        ("redundancy", "<=", 0.0, True),
    ],
)
def test_no_number_of_units_is_enough_beyond_the_ends_of_a_score(metric, relation, bound, can):
    one = gate(metric, relation, bound)
    found = outcome(one, Basis(np.arange(400), np.arange(400), layer=LAYER))
    assert found.can_hold is can
    assert ("No number of units is enough" in gate_sentence(one, found)) is not can


def test_the_worst_clarity_is_that_of_its_formula():
    worst = extremes_of(gate("clarity", ">=", 0.5), Basis(np.arange(40), np.arange(40), layer=LAYER)).worst
    opposite = np.stack([np.eye(8) - 1 / 8])  # eight examples that lie as far apart as eight can
    assert worst.value == pytest.approx(float(clarity(opposite)[0]))


def test_coverage_says_how_many_groups_its_limit_asks_for():
    one = gate("valid_coverage", ">=", 0.6)
    said = gate_sentence(one, outcome(one, Basis(np.arange(400), np.arange(400), layer=LAYER)))
    assert "Of at most 5 groups of valid concepts" in said
    assert "asks for 3; each is worth 20.0 %" in said


def test_a_high_floor_leaves_room_for_few_components():
    layer = replace(LAYER, floor=0.3)
    assert layer.coverable == ("A", "B", "C")
    assert replace(LAYER, n_components=2).coverable == ("A", "B")
    one = gate("valid_coverage", ">=", 0.6)
    said = gate_sentence(one, outcome(one, Basis(np.arange(400), np.arange(400), layer=layer)))
    assert "at most 3 components can reach the relevance floor at once" in said


def test_mediation_says_what_comes_first():
    one = gate("mediated_share", "<=", 0.5)
    said = gate_sentence(one, outcome(one, replace(basis(60), at_most=True)))
    assert said.startswith("At most 60 units: enough for a share of the effect")
    assert "carries the artefact's label" in said


def test_hanley_and_mcneil_against_their_example():
    # Their table: area 0.893 (ratings of 58 normal and 51 abnormal images), standard error 0.032.
    assert hanley_mcneil(0.893, 51, 58) == pytest.approx(0.032, abs=0.001)


def test_one_side_without_units():
    found = outcome(gate("auroc", ">=", 0.8), basis(10, np.zeros(10, dtype=bool)))
    assert found.can_hold is False
