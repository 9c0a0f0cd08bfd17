"""The way of a new user, with the installed command: init, a slip, plan, run, a waiver, and the end of the waiver."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from importlib.resources import files
from xml.etree import ElementTree

import pytest

from auditlens.stages.states import ExitCode

from .project import COMMAND

pytestmark = pytest.mark.long
GATE = "beyond_sham[ruler]"


class Folder:
    """An empty folder, and the command called in it."""

    def __init__(self, path):
        self.path = path
        self.spec = path / "audit.yaml"

    def call(self, *arguments):
        environment = os.environ | {"AUDITLENS_STORE": str(self.path / "store")}
        return subprocess.run(
            [COMMAND, *arguments], cwd=self.path, env=environment, capture_output=True, text=True, timeout=600
        )

    def run(self, out):
        return self.call("run", "audit.yaml", "--out", out, "--quiet")

    def line_of(self, text):
        lines = self.spec.read_text().splitlines()
        return next(number for number, line in enumerate(lines, 1) if text in line)

    def said(self, out):
        """The gate in every file: JUnit's element, SARIF's level with its suppressions, the row of the summary."""
        folder = self.path / out
        cases = {case.get("name"): case for case in ElementTree.parse(folder / "junit.xml").iter("testcase")}
        children = [child.tag for child in cases[GATE] if child.tag != "system-out"]
        results = {}
        for name in ("results.sarif", "results.upload.sarif"):
            rows = json.loads((folder / name).read_text())["runs"][0]["results"]
            results[name] = next((row for row in rows if row["properties"]["gate"] == GATE), None)
        summary = (folder / "summary.md").read_text()
        row = next(line for line in summary.splitlines() if line.startswith("| **") and "beyond\\_sham\\[ruler" in line)
        return children, results, re.match(r"\| \*\*(.*?)\*\*", row).group(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return Folder(tmp_path_factory.mktemp("empty"))


def test_a_new_user_comes_from_an_empty_folder_to_a_verdict_that_every_file_tells_alike(folder):
    assert folder.call("init", "--example", "minimal").returncode == 0
    good = folder.spec.read_text()

    folder.spec.write_text(good.replace("metric: effect_minus_sham", "metrik: effect_minus_sham"))
    refused = folder.call("validate", "audit.yaml")
    assert refused.returncode == ExitCode.USER_ERROR
    assert f"audit.yaml:{folder.line_of('metrik')}:" in refused.stderr and "did you mean 'metric'" in refused.stderr
    assert "Traceback" not in refused.stderr

    folder.spec.write_text(good)
    assert folder.call("validate", "audit.yaml").returncode == ExitCode.HOLDS
    planned = folder.call("plan", "audit.yaml")
    assert planned.returncode == ExitCode.HOLDS and GATE in planned.stdout

    ran = folder.run("failing")
    children, results, told = folder.said("failing")
    assert ran.returncode == ExitCode.GATE_FAILS, ran.stderr
    assert children == ["failure"] and told == "FAILS"
    for result in results.values():
        assert result["level"] == "error" and not result.get("suppressions")
        place = result["locations"][0]["physicalLocation"]
        assert place["region"]["startLine"] == folder.line_of("beyond_sham:")


def test_a_waiver_turns_it_and_its_end_turns_it_back(folder):
    if not folder.spec.exists():
        folder.call("init", "--example", "minimal")
    weights = files("auditlens").joinpath("testbed", "weights", "ruler_planted.safetensors").read_bytes()
    good = folder.spec.read_text()
    waiver = (
        f"waivers:\n  - {{id: W-1, gate: beyond_sham, artefact: ruler, bound: within 0.9, owner: j.weiss, "
        f"model_sha256: {hashlib.sha256(weights).hexdigest()}, approved_by: dr.ito, reason: demonstration, "
        "expires: 2999-12-31}\n"
    )
    folder.spec.write_text(good + waiver)
    ran = folder.run("accepted")
    children, results, told = folder.said("accepted")
    assert ran.returncode == ExitCode.HOLDS, ran.stderr
    assert children == ["skipped"] and "accepted" in told.lower()
    assert results["results.sarif"]["suppressions"][0]["status"] == "accepted"
    assert results["results.upload.sarif"] is None

    folder.spec.write_text(good + waiver.replace("2999-12-31", "2020-01-31"))
    ran = folder.run("expired")
    children, results, told = folder.said("expired")
    assert ran.returncode == ExitCode.GATE_FAILS, ran.stderr
    assert children == ["failure"] and told == "FAILS" and "expired" in (folder.path / "expired/junit.xml").read_text()
    assert results["results.upload.sarif"]["level"] == "error"
    folder.spec.write_text(good)
