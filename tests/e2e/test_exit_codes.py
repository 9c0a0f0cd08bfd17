"""The exit codes of the installed command, with the files beside them: 4 before 2 before 1 before 3 before 0."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import junitparser
import pytest

from tests.e2e.project import COMMAND, Project, entry_call, installed_call

HOLDING, UNDECIDED = ({"metric": "sensitivity", "limit": limit} for limit in (">= 0.5", ">= 0.99"))
AT_MOST = {"metric": "auroc", "limit": "<= 0.5"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Sensitivity is 15 of 15: it holds at 0.5, and cannot be told from 0.99; the AUROC cannot be at most a half."""
    made = Project(tmp_path_factory.mktemp("exit codes"))
    made.run(installed=False)  # later runs read what this one stored
    return made


def gates(project: Project, **given: dict[str, Any]) -> None:
    project.document["gates"] = {}
    project.change({"gates": given})


def called(project: Project, name: str, *options: str) -> tuple[int, Path]:
    """Run as a user does; with a policy in this process, which has torch loaded: what matters there is the verdict."""
    out = project.folder / name
    call = entry_call if options and "--select" not in options else installed_call
    done = call(*project.arguments(out), *options)
    assert "Traceback" not in done.stderr
    return done.returncode, out


def red(out: Path) -> tuple[int, int, int]:
    """Failures and errors of JUnit, errors in the SARIF for upload, entries that count in the code quality report."""
    suite = next(iter(junitparser.JUnitXml.fromfile(str(out / "junit.xml"))))
    sarif = json.loads((out / "results.upload.sarif").read_text())["runs"][0]
    quality = json.loads((out / "gl-code-quality-report.json").read_text())
    return (
        suite.failures + suite.errors,
        sum(row["level"] == "error" for row in sarif["results"]),
        sum(row["severity"] in ("critical", "major") for row in quality),
    )


@pytest.mark.parametrize(
    ("given", "options", "code", "n_red"),
    [
        ({"works": HOLDING}, [], 0, 0),
        ({"works": UNDECIDED, "less": AT_MOST}, [], 1, 2),
        ({"works": UNDECIDED, "less": AT_MOST | {"severity": "warn"}}, [], 3, 1),
        ({"works": UNDECIDED, "less": AT_MOST | {"severity": "warn"}}, ["--allow-inconclusive"], 0, 0),
        ({"works": UNDECIDED, "less": AT_MOST | {"severity": "warn"}}, ["--fail-on", "warn"], 1, 2),
    ],
)
def test_what_the_gates_say(project, given, options, code, n_red):
    gates(project, **given)
    returned, out = called(project, "out", *options)
    assert returned == code
    assert red(out) == (n_red, n_red, n_red)
    verdict = json.loads((out / "record.json").read_text())["verdict"]
    assert verdict["exit_code"] == code
    assert f"exit code {code}:" in (out / "summary.md").read_text()
    assert json.loads((out / "results.sarif").read_text())["runs"][0]["invocations"][0]["exitCode"] == code


def test_nothing_selected_is_no_pass(project):
    gates(project, works=HOLDING)
    assert called(project, "none", "--select", "gate=works", "--exclude", "gate=works")[0] == 2


def test_a_wrong_spec_goes_before_its_gates(project):
    gates(project, works=HOLDING, less=AT_MOST | {"limits": "<= 1"})
    assert called(project, "wrong")[0] == 2


def test_a_fault_of_ours_goes_before_all_else(project, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import auditlens.spec.load\n\n\ndef broken(*given, **options):\n    raise RuntimeError('ours')\n\n\n"
        "auditlens.spec.load.load_spec = broken\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [COMMAND, *project.arguments(tmp_path / "out")], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 4
    assert "RuntimeError: ours" in done.stderr
    assert "this is a fault of ours" in done.stderr
