"""A call's wishes: read with all checks, refused where code may not run, and chosen from."""

import pytest

from auditlens.errors import AuditLensError
from auditlens.plan.request import Request
from auditlens.plan.selection import SelectionError
from auditlens.spec.user_code import CodePolicy
from tests.e2e.project import Project

ALL_CODE = CodePolicy(everything=True)


@pytest.fixture
def spec(tmp_path):
    return Project(tmp_path).spec


def test_code_that_was_not_allowed_is_refused_when_the_spec_is_read(spec):
    with pytest.raises(AuditLensError, match="tiny_network"):
        Request(spec).read()
    assert Request(spec, code=ALL_CODE).read().spec.audit.id == "TINY-1"


def test_further_checks_are_told_with_the_faults_of_the_spec(spec):
    def refuse(document, base, classes, problems):
        problems.add(document.at, (), "of no use")

    with pytest.raises(AuditLensError, match="of no use"):
        Request(spec, code=ALL_CODE).read([refuse])


def test_only_what_is_selected_runs_and_a_wrong_selection_waits_for_the_spec(spec):
    whole = Request(spec, code=ALL_CODE).read()
    chosen = Request(spec, code=ALL_CODE, select=["gate=works"]).choose(whole)
    assert list(chosen.loaded.spec.gates) == ["works"]
    assert list(chosen.whole.gates) == ["works", "alarm"]
    wrong = Request(spec, code=ALL_CODE, select=["gate"])
    assert wrong.read() is not None
    with pytest.raises(SelectionError, match="KEY=VALUE"):
        wrong.choose(whole)
