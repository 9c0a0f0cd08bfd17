"""The recipes of docs/ci.md with the real command: an example audited by the GitLab job and by the action's step."""

from __future__ import annotations

import json
from pathlib import Path

import junitparser
import pytest
import yaml

from tests.docs.recipes import ROOT, Machine, block, gitlab_script, run_action_step

pytestmark = pytest.mark.long
SMALLER = {"n: 200": "n: 40", "max_images_per_class: 100": "max_images_per_class: 10"}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A repository with the minimal example under the name that the recipes use."""
    machine = Machine(tmp_path_factory.mktemp("checkout"), {"pip": 0, "apt-get": 0})
    text = (ROOT / "specs" / "example_minimal.yaml").read_text()
    for long, short in SMALLER.items():
        assert long in text
        text = text.replace(long, short)
    (machine.folder / "audits").mkdir()
    (machine.folder / "audits" / "melanoma.yaml").write_text(text)
    return machine


def verdict(run_folder: Path) -> tuple[int, int]:
    """Exit code of the record, and how many gates do not hold."""
    found = json.loads((run_folder / "record.json").read_text())["verdict"]
    return found["exit_code"], sum(row["state"] != "holds" for row in found["gates"])


def test_the_gitlab_job(checkout: Machine) -> None:
    (job,) = yaml.safe_load(block("gitlab-ci")).values()
    folder = checkout.folder
    environment = {"CI_PROJECT_DIR": str(folder)}
    done = checkout.shell("\n".join(gitlab_script(job, part) for part in ("before_script", "script")), environment)
    assert done.returncode in (1, 3), done.stderr + done.stdout
    code, n_open = verdict(folder / "audit-run")
    assert (done.returncode, n_open > 0) == (code, True)
    suites = junitparser.JUnitXml.fromfile(str(folder / job["artifacts"]["reports"]["junit"]))
    assert sum(suite.failures + suite.errors for suite in suites) == n_open
    quality = json.loads((folder / job["artifacts"]["reports"]["codequality"]).read_text())
    assert {row["location"]["path"] for row in quality} == {"audits/melanoma.yaml"}
    assert len(quality) == n_open
    assert (folder / ".auditlens-store").is_dir()


def test_the_step_of_the_action(checkout: Machine) -> None:
    folder = checkout.folder
    arguments = f"--store={folder / '.auditlens-store'}"
    given = {"spec": "audits/melanoma.yaml", "out": "github-run", "arguments": arguments}
    checkout_of = {"GITHUB_WORKSPACE": str(folder)}
    done, outputs = run_action_step(checkout, "Audit", given, checkout_of)
    assert done.returncode in (1, 3), done.stderr + done.stdout
    code, n_open = verdict(folder / "github-run")
    assert (done.returncode, outputs["exit-code"]) == (code, str(code))
    annotations = [line for line in done.stdout.splitlines() if line.startswith("::error ")]
    assert len(annotations) == n_open
    assert all(line.startswith("::error file=audits/melanoma.yaml,line=") for line in annotations)
    assert (folder / "summary").read_text() == (folder / "github-run" / "summary.md").read_text()
    for name in ("report", "sarif", "junit"):
        assert (folder / outputs[name]).is_file()
    sarif = json.loads((folder / outputs["sarif"]).read_text())["runs"][0]
    place = sarif["results"][0]["locations"][0]["physicalLocation"]
    line = (folder / "audits" / "melanoma.yaml").read_text().splitlines()[place["region"]["startLine"] - 1]
    assert line.strip().startswith(sarif["results"][0]["properties"]["gate"].partition("[")[0])
