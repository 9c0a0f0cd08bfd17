"""A failing gate, its waiver and the waiver's end, through the command and all files."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from xml.etree import ElementTree

import pytest

import auditlens as al

from .project import Project

QUICK = {
    "examine": {"ablation_images": 0},
    "challenge": {"response_images": 0, "erased_images": 0, "mediation_images": 0},
    "decision": {"threshold": 1e-12},
    "gates": {
        "quiet": {"metric": "specificity", "limit": ">= 0.9"},
        "alarm": {
            "metric": "decision_flips",
            "direction": "melanoma_to_benign",
            "artefact": "red_skin",
            "limit": "<= 0.5",
        },
    },
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A device that calls everything melanoma, so that `quiet` fails."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.change(QUICK)
    return project


def waiver(project, **changes):
    weights = hashlib.sha256((project.folder / "weights.safetensors").read_bytes()).hexdigest()
    return {
        "id": "W-7",
        "gate": "quiet",
        "bound": ">= 0.0",
        "model_sha256": weights,
        "owner": "j.weiss",
        "approved_by": "dr.ito",
        "reason": "a reader sees every alarm",
        "expires": "2099-12-31",
        "risk_id": "H-06",
    } | changes


def said(project):
    """How JUnit, SARIF, Markdown, HTML and the terminal speak of the gate."""
    case = next(
        case
        for case in ElementTree.fromstring((project.out / "junit.xml").read_bytes()).iter("testcase")
        if case.get("name") == "quiet"
    )
    (alert,) = [
        row
        for row in json.loads((project.out / "results.sarif").read_text())["runs"][0]["results"]
        if row["properties"]["gate"] == "quiet"
    ]
    return {
        "junit": {child.tag for child in case} - {"system-out", "properties"},
        "sarif": [row["justification"] for row in alert.get("suppressions", ())],
        "markdown": (project.out / "summary.md").read_text(),
        "html": (project.out / "report.html").read_text(),
    }


def test_without_a_waiver_the_gate_fails(project):
    done = project.run()
    assert done.returncode == 1, done.stderr
    assert said(project)["junit"] == {"failure"}
    assert said(project)["sarif"] == []


def test_a_waiver_turns_the_exit_code_and_every_file_says_accepted(project):
    project.change({"waivers": [waiver(project)]})
    done = project.run()
    assert done.returncode == 0, done.stdout + done.stderr
    found = said(project)
    accepted = "accepted by j.weiss and dr.ito until 2099-12-31"
    assert found["junit"] == {"skipped"}
    assert len(found["sarif"]) == 1 and accepted in found["sarif"][0]
    for text in (found["markdown"], found["html"], done.stdout):
        assert "fails, accepted" in text
        assert accepted in text.replace("\N{NO-BREAK SPACE}", " ")
    assert "ALL GATES HOLD OR ARE ACCEPTED" in done.stdout


def test_an_expired_waiver_turns_it_back(project):
    project.change({"waivers": [waiver(project, expires="2026-01-31")]})
    done = project.run()
    assert done.returncode == 1
    assert "Not accepted: the waiver W-7 of j.weiss expired on 2026-01-31." in done.stdout
    assert said(project)["junit"] == {"failure"}
    assert said(project)["sarif"] == []


def test_the_day_is_an_argument_in_python(project):
    project.change({"waivers": [waiver(project)]})
    given = {
        "store": project.store,
        "threads": 1,
        "batch_size": 4,
        "device": "cpu",
        "reports": False,
        "allow_code": True,
    }
    before, after = (
        al.audit(project.spec, out=project.folder / "dated", today=day, **given).verdict
        for day in (date(2099, 12, 31), date(2100, 1, 1))
    )
    assert (int(before.exit_code), int(after.exit_code)) == (0, 1)


def test_an_unused_waiver_is_noted_everywhere(project):
    project.change({"waivers": [waiver(project, gate="works", bound=">= 0.1")]})
    done = project.run()
    note = "The waiver W-7 of j.weiss for works is not used"
    assert done.returncode == 1
    for text in (done.stdout, said(project)["markdown"], said(project)["html"]):
        assert note in text
