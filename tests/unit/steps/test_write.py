"""The run folder of a spec that names none, and what differs between equal runs."""

import json
from types import SimpleNamespace

import pytest

from auditlens.spec.load import LoadedSpec
from auditlens.steps.write import ThisRun, default_out
from auditlens.store import Store
from auditlens.store.laps import Spent
from tests.e2e.project import Project


def loaded(tmp_path, **audit) -> LoadedSpec:
    from auditlens.spec.load import load_spec

    project = Project(tmp_path)
    project.change({"audit": audit})
    return load_spec(project.spec)


def test_a_folder_is_named_after_audit_and_spec_and_holds_no_strange_letters(tmp_path):
    spec = loaded(tmp_path, id="a/b c.1")
    assert default_out(spec).as_posix() == f"reports/a_b_c.1-{spec.sha256[:8]}"
    assert default_out(spec, "-pr").as_posix() == f"reports/a_b_c.1-{spec.sha256[:8]}-pr"


@pytest.mark.parametrize(
    ("audit_id", "name"),
    [
        ("MEL-AUD-007", "MEL-AUD-007-01234567"),
        ("../../etc/x", "_.._etc_x-01234567"),
        (".hidden", "hidden-01234567"),
        ("a b:c*?\n", "a_b_c___-01234567"),
        ("é中", "é中-01234567"),
        ("..", "-01234567"),
        ("x" * 300, "x" * 100 + "-01234567"),
    ],
)
def test_a_run_folder_stands_in_reports_and_can_be_seen(audit_id, name):
    spec = SimpleNamespace(spec=SimpleNamespace(audit=SimpleNamespace(id=audit_id)), sha256="0123456789" * 6)
    assert default_out(spec).parts == ("reports", name)


def test_a_run_says_its_place_its_time_and_what_it_computed(tmp_path):
    spec, store = loaded(tmp_path), Store(tmp_path / "store")
    store.spent["pass"] = Spent(3, 0.256)
    (tmp_path / "out").mkdir()
    run = ThisRun(tmp_path / "out", spec, {}, SimpleNamespace(store=store), begun=0.0, look={"n": 2})
    run.write(12.34)
    found = json.loads((tmp_path / "out" / "run.json").read_text())
    assert found["spec"] == str(tmp_path / "spec.yaml")
    assert (found["seconds"], found["computed"]) == (12.3, {"pass": {"items": 3, "seconds": 0.26}})
    assert found["look"] == {"n": 2}
    assert "run.json" in (tmp_path / "out" / "MANIFEST.sha256").read_text()
    assert "look" not in ThisRun(tmp_path, spec, {}, run.context, 0.0, None).described(1.0)
