"""`run --select`, `--exclude` and `--tier`: what runs, what the record says, and that nothing selected is an error."""

import json

import pytest

from tests.e2e.project import Project, entry_call


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    found = Project(tmp_path_factory.mktemp("selection"))
    alarm = {"metric": "decision_flips", "direction": "benign_to_melanoma", "limit": "<= 0.5"}
    found.change(
        {
            "artefacts": {"blue": {"kind": "tint", "colour": [10, 20, 250]}},
            "gates": {
                "alarm": alarm | {"artefact": "red_skin", "tags": ["fast"], "clause": "AI Act 15(4)"},
                "second": {"extends": "alarm", "artefact": "blue", "tags": None},
            },
            "tiers": {"pr": {"sample": 20, "gates": ["fast"], "never_releases": True}},
        }
    )
    return found


def run(project, out, *options):
    done = entry_call(*project.arguments(out), *options)
    assert done.returncode == 0, done.stderr
    return json.loads((out / "record.json").read_text()), done.stdout


def test_a_selection_runs_only_what_it_needs_and_says_so(project, tmp_path):
    record, told = run(project, tmp_path / "out", "--select", "artefact=blue")
    plan = record["plan"]
    assert [gate["id"] for gate in plan["gates"]] == ["works", "second"]
    assert (plan["artefacts"], plan["model"]["layers"]) == (["blue"], [])
    assert plan["selection"] == ["--select artefact=blue"]
    assert record["verdict"]["may_release"] is False
    note = "Only a part of the spec ran (--select artefact=blue)"
    assert note in told
    for name in ("report.html", "summary.md"):
        assert note in (tmp_path / "out" / name).read_text(encoding="utf-8").replace("\\", "")
    assert "AI Act 15(4)" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert set(record["spec"]["gates"]) == {"works", "alarm", "second"}


def test_a_tier_samples_and_never_releases(project, tmp_path):
    record, told = run(project, tmp_path / "out", "--tier", "pr")
    assert [gate["id"] for gate in record["plan"]["gates"]] == ["works", "alarm"]
    assert (record["plan"]["tier"], record["plan"]["data"]["n_images"]) == ("pr", 20)
    assert record["verdict"]["may_release"] is False
    assert "no release" in told.splitlines()[0]


def test_nothing_selected_is_an_error_before_anything_is_loaded(project, tmp_path):
    done = entry_call(*project.arguments(tmp_path / "out"), "--select", "gate=alarm", "--exclude", "tag=fast")
    assert done.returncode == 2
    assert "zero gates are never green" in done.stderr
    assert not (tmp_path / "out").exists()
