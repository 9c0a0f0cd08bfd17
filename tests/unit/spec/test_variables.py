"""`${env:NAME}` and `${var:NAME}` in values."""

import os

import pytest


def test_variables_are_replaced_and_plain_ones_become_numbers(bench, monkeypatch):
    monkeypatch.setenv("AUDIT_OWNER", "j.weiss")
    text = (
        "auditlens: 1\naudit: {id: 'A-${var:N}', owner: \"${env:AUDIT_OWNER}\", version: '${var:N}'}\n"
        "model: {architecture: 'timm:x', classes: [a, b]}\ndata: {folder: images}\n"
        "decision: {class: a, threshold: ${var:T}}\ngates: {g: {metric: auroc, limit: '>= 0.5'}}\n"
    )
    # a plain flow value cannot begin with `$` followed by a brace inside braces, so the threshold stands in a block
    text = text.replace("decision: {class: a, threshold: ${var:T}}", "decision:\n  class: a\n  threshold: ${var:T}")
    spec = bench.load(text, {"N": "7", "T": "0.3"}).spec
    assert (spec.audit.id, spec.audit.owner, spec.audit.version) == ("A-7", "j.weiss", "7")
    assert spec.decision.threshold == 0.3


def test_a_variable_cannot_change_the_shape_of_a_document(bench):
    spec = bench.load(audit__owner="${var:X}", variables={"X": "a, id: other}"}).spec
    assert spec.audit.owner == "a, id: other}"


def test_a_missing_variable_is_told_at_its_place(bench):
    problem = bench.problem(audit__owner="${var:OWNR}", variables={})
    assert problem.endswith("audit.owner: the variable OWNR has no value; give --var OWNR=VALUE")


def test_the_nearest_variable_is_named(bench):
    from auditlens.errors import SpecError

    with pytest.raises(SpecError, match="did you mean 'OWNER'"):
        bench.load(audit__owner="${var:OWNR}", variables={"OWNER": "x"})


def test_a_missing_environment_variable_is_told(bench, monkeypatch):
    monkeypatch.delenv("AUDIT_NOBODY", raising=False)
    assert "the environment variable AUDIT_NOBODY is not set" in bench.problem(audit__owner="${env:AUDIT_NOBODY}")


@pytest.mark.parametrize("text", ["${X}", "${}", "${secret:X}", "${var:}"])
def test_other_forms_are_told(bench, text):
    assert "is no variable; write ${env:NAME} or ${var:NAME}" in bench.problem(audit__owner=text)


def test_a_doubled_dollar_is_a_literal(bench):
    assert bench.load(audit__owner="$${var:X}").spec.audit.owner == "${var:X}"


def test_keys_are_left_alone(bench):
    assert "is no valid name" in bench.problem(concepts={"${var:X}": {"texts": ["a"]}}, classes={})


def test_variables_work_in_include_and_in_included_files(bench):
    bench.write("audit: {owner: '${var:W}'}\n", "shared.yaml")
    spec = bench.load(include=["${var:F}.yaml"], variables={"F": "shared", "W": "me"}).spec
    assert spec.audit.owner == "me"


@pytest.mark.parametrize("text", ["${var:OWNER", "${var:${env:HOME}}", "a ${env:HOME}${var:"])
def test_a_variable_ends_with_its_brace_and_holds_no_other(bench, text):
    assert "audit.owner: a ${...} ends with a brace" in bench.problem(audit__owner=text, variables={"OWNER": "x"})


def test_the_text_of_an_open_variable_can_be_written(bench):
    assert bench.load(audit__owner="$${var:OWNER}").spec.audit.owner == "${var:OWNER}"
    assert bench.load(audit__owner="${ and $HOME").spec.audit.owner == "${ and $HOME"


def test_bytes_that_are_no_text_are_told_at_their_place(bench, monkeypatch):
    monkeypatch.setitem(os.environb, b"AUDIT_BYTES", b"a\xffb")
    assert bench.problem(audit__owner="${env:AUDIT_BYTES}").endswith(
        "audit.owner: the environment variable AUDIT_BYTES is not UTF-8 text"
    )
    assert "the variable X is not UTF-8 text" in bench.problem(audit__owner="${var:X}", variables={"X": "a\udcff"})
