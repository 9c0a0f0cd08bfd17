# ruff: noqa: E501 - expected sentences stand on one line
"""What each metric demands of its gate."""

import pytest

from auditlens.spec.metrics import METRIC_RULES, parse_direction, shown_limit, shown_value
from auditlens.spec.model import METRICS


def gate(bench, metric="decision_flips", limit="<= 0.02", **fields):
    return bench.problems(gates__works={"metric": metric, "limit": limit, **fields})


def test_every_metric_has_a_rule_and_every_rule_a_metric():
    assert tuple(METRIC_RULES) == METRICS


@pytest.mark.parametrize("gates", [{}, ...])
def test_a_spec_without_a_gate_is_refused(bench, gates):
    assert "zero gates are never green; add at least one gate" in bench.problem(gates=gates)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"artefact": "ruler"}, "gates.works: decision_flips needs a direction, such as melanoma_to_benign; flip_rate counts every change"),
        ({"direction": "melanoma_to_benign"}, "gates.works: decision_flips needs artefact: NAME, or each: {artefact: ...}"),
        ({"artefact": "ruler", "direction": "melanoma_to_bening"},
         "gates.works.direction: 'melanoma_to_bening' is no direction; valid are benign_to_melanoma, melanoma_to_benign; "
         "did you mean 'melanoma_to_benign'?"),
        ({"artefact": "ruler", "direction": "melanoma_to_benign", "concept": "border"},
         "gates.works.concept: decision_flips takes no concept; it takes artefact, class, direction, each, within, worst_subgroup"),
        ({"artefact": "ruler", "direction": "melanoma_to_benign", "each": {"artefact": "all"}},
         "gates.works.artefact: name the artefact here or in each, not both"),
        ({"each": {"artefact": ["rulr"]}, "direction": "melanoma_to_benign"},
         "gates.works.each.artefact[0]: there is no artefact 'rulr'; valid artefacts are ruler, tint; did you mean 'ruler'?"),
        ({"each": {}, "direction": "melanoma_to_benign", "artefact": "ruler"},
         "gates.works.each: repeat a gate over artefacts or over concepts, one of the two"),
    ],
)  # fmt: skip
def test_flips_need_an_artefact_and_a_direction(bench, fields, problem):
    assert [line.split(": ", 1)[1] for line in gate(bench, **fields)] == [problem]


@pytest.mark.parametrize(
    ("metric", "limit", "valid"),
    [
        ("sensitivity", "<= 0.9", "'>= 0.9', for higher is better"),
        ("specificity", "within 0.9", "'>= 0.9', for higher is better"),
        ("spurious_relevance_share", ">= 0.1", "'<= 0.1', for lower is better"),
    ],
)
def test_a_limit_on_the_wrong_side_is_refused(bench, metric, limit, valid):
    (problem,) = gate(bench, metric, limit)
    assert problem.endswith(f"gates.works.limit: {metric} takes {valid}; found {limit!r}")


def test_a_class_is_needed_where_nothing_else_says_it(bench):
    changes = {"decision": ..., "classes": {"melanoma": {}, "benign": {}}}
    assert "sensitivity needs a class; name one here, or declare the decision" in bench.problem(**changes)
    assert bench.load(**changes, gates__works__class="melanoma")
    assert bench.load(decision=...)  # the only class under `classes`


def test_observability_needs_a_concept_and_a_foundation(bench):
    (problem,) = gate(bench, "observability", ">= 0.8")
    assert problem.endswith("observability needs concept: NAME, or each: {concept: ...}")
    fields = {"metric": "observability", "limit": ">= 0.8", "each": {"concept": "valid"}}
    assert bench.load(gates__seen=fields)
    assert "observability needs a foundation model; add `foundation`" in bench.problem(
        gates__seen=fields, foundation=...
    )
    assert "no class lists spurious concepts" in bench.problem(
        gates__seen={**fields, "each": {"concept": "spurious"}}, classes__melanoma={"valid": ["border"]}
    )


def test_a_metric_beyond_the_sham_needs_one(bench):
    fields = {"metric": "effect_minus_sham", "limit": "within 0.03"}
    for naming in ({"artefact": "ruler"}, {"each": {"artefact": "all"}}, {"each": {"artefact": ["ruler"]}}):
        problem = bench.problem(gates__works={**fields, **naming}, artefacts__ruler__sham="none")
        assert "needs a sham, and the artefact 'ruler' has 'sham: none'" in problem
    assert bench.load(gates__works={**fields, "artefact": "tint"}, artefacts__ruler__sham="none")


def test_all_artefacts_of_none_are_refused(bench):
    fields = {"metric": "artefact_effect", "limit": "within 0.03", "each": {"artefact": "all"}}
    assert "the spec has no artefacts" in bench.problem(
        gates__works=fields, artefacts={}, concepts__ruler__artefact=None
    )


def test_effects_are_not_measured_by_concept(bench):
    (problem,) = gate(bench, "artefact_effect", "within 0.1", artefact="ruler", each={"concept": ["border"]})
    assert problem.endswith("gates.works.each.concept: artefact_effect is not measured by concept")


def test_a_gate_does_not_require_itself(bench):
    assert "a gate cannot require itself" in bench.problem(gates__works__required_by=["works"])
    assert bench.load(gates__works__required_by="all")


def test_the_decision_is_declared_once(bench):
    decision = {"class": "melanoma", "threshold": 0.4}
    assert "the decision is declared twice, here and at " in bench.problem(model__decision=decision)
    assert bench.load(model__decision=decision, decision=...).spec.operating_point.threshold == 0.4


@pytest.mark.parametrize(
    ("text", "classes", "pair"),
    [
        ("a_to_b", ("a", "b"), ("a", "b")),
        ("no_tumour_to_tumour", ("no_tumour", "tumour"), ("no_tumour", "tumour")),
        ("a_to_b_to_c", ("a_to_b", "c"), ("a_to_b", "c")),
        ("a_to_b_to_c", ("a", "b_to_c"), ("a", "b_to_c")),
        ("a_to_other", ("a", "b", "c"), ("a", "other")),
    ],
)
def test_directions_with_underscores(text, classes, pair):
    assert parse_direction(text, classes) == pair


@pytest.mark.parametrize("text", ["a_to_a", "a to b", "a_b", "", "_to_", "a_to_", "other_to_other"])
def test_what_is_no_direction(text):
    with pytest.raises(ValueError, match="is no direction; valid are a_to_b, b_to_a"):
        parse_direction(text, ("a", "b"))


def test_a_direction_that_reads_two_ways_is_refused():
    with pytest.raises(ValueError, match="two ways"):
        parse_direction("a_to_b_to_c", ("a", "b_to_c", "a_to_b", "c"))


@pytest.mark.parametrize(
    ("bound", "metric", "said"),
    [
        (0.02, "decision_flips", "2.0 %"),
        (0.0005, "decision_flips", "0.05 %"),
        (0.0001, "effect_minus_sham", "0.01 points"),
        (0.03, "effect_minus_sham", "3.0 points"),
        (0.8, "auroc", "0.800"),
        (0.79995, "auroc", "0.79995"),
        (-0.1, "alignment_margin", "-0.100"),
        (1.0, "change", "differs"),
    ],
)
def test_a_limit_has_all_of_its_digits(bound, metric, said):
    assert shown_limit(bound, metric) == said


def test_values_are_written_in_their_unit():
    assert shown_value(0.041, "decision_flips") == "4.1 %"
    assert shown_value(0.032, "effect_minus_sham") == "+3.2 points"
    assert shown_value(0.871, "auroc") == "0.871"
