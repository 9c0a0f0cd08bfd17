"""Sentences of gates: no negative counts, labels of any kind, and the same digits as the tables."""

from __future__ import annotations

import pytest

from auditlens.report.sarif_rules import rule
from auditlens.report.titles import gate_title
from auditlens.report.wording import kind_of
from auditlens.spec.baselines import PAIRED
from auditlens.spec.metrics import METRIC_RULES
from auditlens.spec.model import METRICS
from auditlens.stages.findings import Estimate
from auditlens.stages.plan import PlannedGate
from auditlens.stages.states import GateState, Severity
from auditlens.verdict.sentences import named, sentence_for


def planned(metric: str, bound: float = 0.15) -> PlannedGate:
    return PlannedGate(
        id="g",
        name="g",
        metric=metric,
        class_name="melanoma",
        artefact="ruler",
        from_class="benign",
        to_class="melanoma",
        relation="<=",
        bound=bound,
        severity=Severity.ERROR,
        confidence=0.95,
    )


def said(metric: str, value: float, low: float, high: float, label: str = "a ruler") -> str:
    estimate = Estimate(value=value, low=low, high=high, sided="one")
    return sentence_for(planned(metric), GateState.HOLDS, estimate, "melanoma at P >= 0.5", label)


def test_beyond_the_sham_says_more() -> None:
    text = said("decision_flips_beyond_sham", 0.929, 0.867, 0.965)
    assert "inserting a ruler turns 92.9 more into melanoma than its sham does (95 % one-sided: 86.7 to 96.5)" in text


def test_a_sham_that_does_more_reads_as_fewer() -> None:
    text = said("decision_flips_beyond_sham", -0.11, -0.177, 0.051)
    assert "turns 11.0 fewer into melanoma than its sham does (95 % one-sided: 17.7 fewer to 5.1 more)" in text
    assert " -" not in text


def test_plain_flips_have_no_more_or_fewer() -> None:
    text = said("decision_flips", 0.2, 0.1, 0.3)
    assert "turns 20.0 into melanoma (95 % one-sided: 10.0 to 30.0)" in text


def test_no_negative_zero() -> None:
    assert "0.0 more" in said("decision_flips_beyond_sham", -0.0001, -0.0002, 0.0)
    assert "by +0.000 on average" in said("artefact_effect", -0.0001, -0.1, 0.1)


def test_one_per_cent_sign_an_interval() -> None:
    assert "(95 % one-sided: 73.1 to 74.7 %)" in said("spurious_relevance_share", 0.739, 0.731, 0.747)


@pytest.mark.parametrize(
    ("label", "name"), [("a ruler", "a ruler"), ("ruler", "'ruler'"), ("ink of a marker", "'ink of a marker'")]
)
def test_a_bare_name_is_quoted(label: str, name: str) -> None:
    assert named(label) == name


def within(**fields):
    return planned("decision_flips").model_copy(update={"within": {"skin_type": "V-VI"}, "min_units": 30} | fields)


def test_a_subgroup_is_named_first() -> None:
    estimate = Estimate(value=0.2, low=0.1, high=0.3, sided="one", n_units=40)
    text = sentence_for(within(), GateState.FAILS, estimate, "melanoma at P >= 0.5", "a ruler")
    assert text.startswith("Within skin type V-VI: of 100 benign images that the model calls rightly")
    missing = sentence_for(within(), GateState.NOT_EVALUATED, None, "", "a ruler")
    assert missing.startswith("Within skin type V-VI: decisions that turn from benign to melanoma")


def test_too_few_units_are_told_with_both_numbers() -> None:
    estimate = Estimate(value=0.0, low=0.0, high=0.07, sided="one", n_units=12)
    text = sentence_for(within(), GateState.INCONCLUSIVE, estimate, "melanoma at P >= 0.5", "a ruler")
    assert text.endswith("undecided, 12 of the 30 units that it needs to hold.")


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_has_words_in_every_writer(metric):
    sentence = said(metric, 0.1, 0.05, 0.2)
    assert "melanoma" in sentence or "a ruler" in sentence or metric == "observability"
    assert sentence[0].isupper()
    unknown = sentence_for(planned(metric), GateState.NOT_EVALUATED, None, "argmax", "a ruler")
    assert unknown.endswith("not evaluated, because there is no measurement.")
    assert gate_title(planned(metric), {}) != "g"
    assert METRIC_RULES[metric].unit in rule(metric)["help"]["text"]
    shares = METRIC_RULES[metric].unit.startswith("share")
    assert (kind_of(metric) == "percent") == shares


def test_the_worst_subgroup_is_named_first():
    gate = planned("sensitivity").model_copy(update={"worst_subgroup": "skin_type", "within": {"site": "A"}})
    estimate = Estimate(value=0.9, low=0.85, high=0.95, sided="one")
    sentence = sentence_for(gate, GateState.FAILS, estimate, "argmax", "")
    assert sentence.startswith("Within site A: in the worst subgroup by skin type: the share of melanoma images")
    assert gate_title(gate, {}).endswith("(sensitivity); worst by skin type; only site A")


@pytest.mark.parametrize("metric", PAIRED)
def test_a_difference_to_a_baseline_reads_as_a_sentence(metric):
    gate = planned(metric).model_copy(update={"against": "v1"})
    estimate = Estimate(value=0.08, low=0.06, high=0.1, sided="one")
    told = sentence_for(gate, GateState.FAILS, estimate, "melanoma at P >= 0.5", "a ruler")
    assert ": worse than the baseline v1 by " in told
    assert ",:" not in told
    assert "%" not in told.replace("95 % one-sided", "")  # points, not per cent
