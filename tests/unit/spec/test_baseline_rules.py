"""Baselines and change plans in the spec: names, files, hashes and what can be compared."""

import hashlib

import pytest

from auditlens.spec.baselines import PAIRED, WHY_NOT_PAIRED
from auditlens.spec.metrics import METRIC_RULES

GATES = {
    "works": {"metric": "sensitivity", "limit": ">= 0.9"},
    "not_worse": {
        "metric": "sensitivity",
        "limit": "<= 0.01",
        "against": ["predecessor"],
        "compare": "paired_difference",
    },
}


def with_record(bench, **changes):
    bench.write("{}", "old/record.json")
    return {"baselines": {"predecessor": {"record": "old"} | changes}, "gates": GATES}


def test_a_run_folder_or_its_record(bench):
    changes = with_record(bench)
    assert bench.load(**changes).spec.gates["not_worse"].against == ("predecessor",)
    assert bench.load(**changes | {"baselines": {"predecessor": {"record": "old/record.json"}}})
    assert bench.load(**changes | {"baselines": {"predecessor": {}}})


def test_the_record_is_the_one_that_was_meant(bench):
    right = hashlib.sha256(b"{}").hexdigest()
    assert bench.load(**with_record(bench, sha256=right))
    problem = bench.problem(**with_record(bench, sha256="0" * 64))
    assert f"baselines.predecessor.sha256: the record has SHA-256 {right}" in problem


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"gates__not_worse__against": "predecesor"},
            "there is no baseline 'predecesor'; valid baselines are predecessor",
        ),
        ({"gates__not_worse__against": ["predecesor"]}, "against[0]: there is no baseline"),
        ({"gates__not_worse__against": "predecesor"}, "did you mean 'predecessor'?"),
        ({"gates__not_worse__limit": ">= 0.01"}, "'<= 0.01' is worse by at most so much"),
        ({"gates__not_worse__metric": "observability"}, "about the foundation model and the data"),
        ({"gates__not_worse__metric": "mediated_share"}, "a share of each model's own effect"),
        ({"gates__not_worse__metric": "unread_relevance_share"}, "compare unexpected_relevance_share; against takes"),
        ({"gates__not_worse__metric": "strongest_spurious_component"}, "compare spurious_relevance_share"),
        ({"gates__not_worse__worst_subgroup": "site"}, "with against, repeat the gate: each: {subgroup: COLUMN}"),
        ({"gates__not_worse__against": ...}, "compare needs a baseline; name it in against"),
        ({"baselines__predecessor__record": "older"}, "there is no file '{folder}/older'; did you mean 'old'?"),
        ({"baselines__predecessor__record": "images"}, "there is no file '{folder}/images/record.json'"),
        ({"change": {"plan": "P", "may_change": ["weights"], "must_equal": ["weights"]}}, "it is one of the two"),
        ({"change": {"plan": "P"}}, "name what may change"),
        ({"change": {"plan": "P", "must_equal": ["wieghts"]}}, "did you mean 'weights'?"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(bench, changes, said):
    document = bench.document(**with_record(bench))
    for path, value in changes.items():
        *parents, last = path.split("__")
        target = document
        for step in parents:
            target = target[step]
        target[last] = value
        if value is ...:
            del target[last]
    problems = bench.problems(**{name: document[name] for name in ("gates", "baselines", "change") if name in document})
    assert any(said.replace("{folder}/", "") in problem for problem in problems), problems


def test_a_gate_is_not_called_change_where_there_is_a_plan(bench):
    gates = GATES | {"change": GATES["works"]}
    del gates["not_worse"]
    problem = bench.problem(gates=gates, change={"plan": "P", "must_equal": ["weights"]})
    assert "gates.change: a spec with a change plan has gates of this name" in problem


def test_every_metric_is_compared_or_says_why_not():
    assert {*PAIRED, *WHY_NOT_PAIRED} == set(METRIC_RULES)
    assert not set(PAIRED) & set(WHY_NOT_PAIRED)


@pytest.mark.parametrize("metric", ["spurious_relevance_share", "unexpected_relevance_share"])
def test_shares_of_relevance_take_a_baseline(bench, metric):
    changes = with_record(bench)
    gates = {"not_worse": {"metric": metric, "limit": "<= 0.05", "against": "predecessor"}}
    assert bench.load(**changes | {"gates": gates}).spec.gates["not_worse"].metric == metric
