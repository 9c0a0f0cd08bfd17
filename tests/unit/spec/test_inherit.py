"""`gates.defaults` and `extends`: what is taken over, from where, and each fault at its place."""

import json

import pytest

from auditlens.spec.load import merged_document

HEAD = """auditlens: 1
audit: {id: T-1}
model: {architecture: "torchvision:resnet18", classes: [benign, melanoma]}
data: {folder: images}
decision: {class: melanoma, threshold: 0.5}
artefacts:
  ruler: {kind: ruler}
  ink: {kind: ink}
gates:
"""
MISSED = '  missed: {metric: decision_flips, direction: melanoma_to_benign, artefact: ruler, limit: "<= 0.02"}\n'


def test_defaults_lie_under_every_gate_and_are_no_gate(bench):
    defaults = (
        '  defaults: {confidence: 0.9, severity: warn, risk_id: H-4, clause: "9(8)", tags: [fast], class: benign}\n'
    )
    gates = bench.load(
        HEAD + defaults + MISSED + '  works: {metric: auroc, limit: ">= 0.8", severity: error}\n'
    ).spec.gates
    assert list(gates) == ["missed", "works"]
    for gate, severity in ((gates["missed"], "warn"), (gates["works"], "error")):
        found = (gate.confidence, gate.severity, gate.risk_id, gate.clause, gate.tags, gate.class_)
        assert found == (0.9, severity, "H-4", "9(8)", ("fast",), "benign")


def test_a_gate_takes_over_what_it_does_not_say(bench):
    spec = bench.load(HEAD + MISSED + '  ink: {extends: missed, artefact: ink, limit: "<= 0.05"}\n').spec
    assert spec.gates["ink"] == spec.gates["missed"].model_copy(
        update={"artefact": "ink", "limit": "<= 0.05", "extends": "missed"}
    )


def test_mappings_are_laid_over_key_by_key_and_chains_are_followed(bench):
    own = (
        MISSED.replace("artefact: ruler", "each: {artefact: [ruler]}, tags: [a], severity: warn")
        + "  third: {extends: second, each: {artefact: [ink]}, severity: null}\n"
        + "  second: {extends: missed, tags: null, rationale: because}\n"
    )
    gates = bench.load(HEAD + "  defaults: {severity: warn, confidence: 0.8}\n" + own).spec.gates
    assert gates["third"].each.artefact == ("ink",)
    assert (gates["third"].tags, gates["third"].rationale, gates["third"].confidence) == ((), "because", 0.8)
    assert (gates["second"].severity, gates["third"].severity) == ("warn", "error")


def test_null_takes_an_inherited_target_out(bench):
    spec = bench.load(HEAD + MISSED + "  every: {extends: missed, artefact: null, each: {artefact: all}}\n").spec
    assert spec.gates["every"].artefact is None
    assert spec.gates["every"].each.artefact == "all"


def test_a_gate_extends_one_of_an_included_file(bench):
    bench.write("gates:\n  defaults: {severity: warn}\n" + MISSED, "base.yaml")
    spec = bench.load(
        HEAD.replace("gates:\n", "include: [base.yaml]\ngates:\n") + "  ink: {extends: missed, artefact: ink}\n"
    ).spec
    assert (spec.gates["ink"].limit, spec.gates["ink"].severity) == ("<= 0.02", "warn")


def test_the_record_shows_resolved_gates_and_the_hash_does_not_depend_on_how_they_were_written(bench):
    short = bench.load(HEAD + MISSED + "  ink: {extends: missed, artefact: ink}\n")
    long = bench.load(HEAD + MISSED + MISSED.replace("missed:", "ink:").replace("artefact: ruler", "artefact: ink"))
    assert merged_document(short.spec) == merged_document(long.spec)
    assert short.sha256 == long.sha256
    assert "extends" not in json.dumps(merged_document(short.spec))


def test_what_is_inherited_stands_at_the_gate_that_extends(bench):
    loaded = bench.load(HEAD + MISSED + "  ink: {extends: missed, artefact: ink}\n")
    assert loaded.cite(("gates", "ink")) == "spec.yaml:11:3"
    assert loaded.cite(("gates", "ink", "limit")) == "spec.yaml:11:3"
    assert loaded.cite(("gates", "missed")) == "spec.yaml:10:3"


@pytest.mark.parametrize(
    ("gates", "line", "words"),
    [
        ("  a: {extends: a}\n", "10:16", "gates.a.extends: the gates extend each other in a circle: a -> a"),
        (
            "  a: {extends: b}\n  b: {extends: c}\n  c: {extends: b}\n",
            "12:16",
            "gates.c.extends: the gates extend each other in a circle: b -> c -> b",
        ),
        (MISSED + "  a: {extends: mised}\n", "11:16", "there is no gate 'mised'; valid gates are missed; did you mean"),
        (MISSED + "  a: {extends: 3}\n", "11:16", "gates.a.extends: must be text or null; found the number 3"),
        (
            "  defaults: {severty: warn}\n" + MISSED,
            "10:14",
            "gates.defaults.severty: is no default of gates; valid are",
        ),
        ("  defaults: {severity: bad}\n" + MISSED, "10:24", "gates.defaults.severity: must be 'warn' or 'error'"),
        ("  defaults: {confidence: 3}\n" + MISSED, "10:26", "gates.defaults.confidence: must be less than 1"),
        ("  defaults: {metric: auroc}\n" + MISSED, "10:14", "`defaults` is no gate: give a gate another name"),
        ("  defaults: [a]\n" + MISSED, "10:3", "gates.defaults: must be a mapping with class, severity"),
        (MISSED + "  a: {extends: missed, metric: auroc}\n", "11:3", "gates.a.artefact: auroc takes no artefact"),
    ],
)
def test_each_fault_is_told_once_at_its_place(bench, gates, line, words):
    problems = bench.problems(HEAD + gates)
    found = [text for text in problems if words in text]
    assert len(found) == 1
    assert f"spec.yaml:{line}: " in found[0]
    assert not [text for text in problems if "this field is required" in text]


def test_a_fault_that_is_inherited_is_told_where_it_was_written(bench):
    (problem,) = bench.problems(HEAD + MISSED.replace("0.02", "2") + "  a: {extends: missed}\n  b: {extends: a}\n")
    assert "spec.yaml:10:" in problem
    assert "gates.missed.limit" in problem


def test_gates_that_grow_without_end_are_refused(bench):
    grown = "".join(f"  g{n}: {{extends: g{n - 1}}}\n" for n in range(1, 60))
    assert any(
        "more than 40 gates extend each other" in text
        for text in bench.problems(HEAD + MISSED.replace("missed", "g0") + grown)
    )


def test_a_large_gate_that_many_extend_is_refused_in_time(bench):
    names = ", ".join(f"n{n}" for n in range(2000))
    heirs = "".join(f"  g{n}: {{extends: missed}}\n" for n in range(2000))
    gates = MISSED.replace("artefact: ruler", f"tags: [{names}]") + heirs
    assert any(
        "the gates extend each other to more than 100,000 values" in text for text in bench.problems(HEAD + gates)
    )


def test_a_gate_that_is_no_mapping_is_told_as_before(bench):
    assert any(
        "gates.a: must be a mapping" in text for text in bench.problems(HEAD + MISSED + "  a: 3\n  b: {extends: a}\n")
    )


def test_a_layer_is_for_metrics_of_the_inside(bench):
    problems = bench.problems(HEAD + '  works: {metric: auroc, limit: ">= 0.8", layer: features}\n')
    assert any("gates.works.layer: auroc takes no layer" in text for text in problems)


def test_tiers_name_gates_or_tags(bench):
    tiers = "tiers:\n  pr: {sample: 60, gates: [missed, fast]}\n"
    tagged = MISSED + "  ink: {extends: missed, artefact: ink, tags: [fast]}\n"
    assert bench.load(HEAD + tagged + tiers).spec.tiers["pr"].gates == ("missed", "fast")
    (problem,) = bench.problems(HEAD + MISSED + tiers)
    assert "tiers.pr.gates[1]: there is no gate and no tag 'fast'; valid are missed" in problem
