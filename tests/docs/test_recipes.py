"""What docs/ci.md shows is valid for the services and runs: it is taken from the page."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.docs.recipes import ACTION, PAGE, ROOT, Machine, block, gitlab_script, run_action_step

AUDIT, INSTALL = "Audit", "Install AuditLens"
GITLAB = block("gitlab-ci")


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ("github-actions", (ROOT / ".github" / "actions" / "audit" / "action.yml").read_text()),
        ("github-workflows", block("github-workflow")),
        ("gitlab-ci", GITLAB),
    ],
)
def test_the_services_take_it(tmp_path: Path, schema: str, text: str) -> None:
    (tmp_path / "file.yml").write_text(text)
    arguments = ["--builtin-schema", f"vendor.{schema}", str(tmp_path / "file.yml")]
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_gitlab_file_is_the_one_on_the_page() -> None:
    assert (ROOT / "docs" / "recipes" / "gitlab-ci.yml").read_text() == GITLAB


def test_the_workflow_gives_the_action_what_it_takes_and_reads_what_it_gives() -> None:
    (job,) = yaml.safe_load(block("github-workflow"))["jobs"].values()
    (step,) = (step for step in job["steps"] if step.get("id") == "audit")
    required = {name for name, entry in ACTION["inputs"].items() if entry.get("required")}
    assert required <= step["with"].keys() <= ACTION["inputs"].keys()
    read = re.findall(r"steps\.audit\.outputs\.([\w-]+)", block("github-workflow"))
    assert read
    assert set(read) <= ACTION["outputs"].keys()


@pytest.mark.parametrize("name", [*ACTION["inputs"], *ACTION["outputs"]])
def test_inputs_and_outputs_are_on_the_page(name: str) -> None:
    assert f"`{name}`" in PAGE.partition("### GitHub: an action")[2].partition("### GitLab")[0]


def test_the_action_calls_the_audit(tmp_path: Path) -> None:
    machine = Machine(tmp_path, {"auditlens": 0})
    done, outputs = run_action_step(machine, AUDIT, {"spec": "audits/melanoma.yaml"})
    assert done.returncode == 0, done.stderr
    usual = ["--out", "audit-run", "--fail-on", "error", "--format", "github", "--quiet"]
    assert machine.calls() == [["auditlens", "run", "audits/melanoma.yaml", *usual]]
    assert outputs == {"exit-code": "0"}


def test_every_word_of_an_input_stays_a_word(tmp_path: Path) -> None:
    machine = Machine(tmp_path, {"auditlens": 0})
    given = {
        "spec": 'a b"; touch x; $(touch y).yaml',
        "fail-on": "warn",
        "allow-inconclusive": "true",
        "arguments": "--var=A=b c\n\n--allow-module=derm",
    }
    done, _ = run_action_step(machine, AUDIT, given)
    assert done.returncode == 0, done.stderr
    (call,) = machine.calls()
    assert call[2] == given["spec"]
    assert call[5:7] == ["--fail-on", "warn"]
    assert call[-3:] == ["--allow-inconclusive", "--var=A=b c", "--allow-module=derm"]
    assert not {"x", "y"} & {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("code", [1, 2, 3, 4])
def test_the_step_ends_with_the_code_of_the_audit(tmp_path: Path, code: int) -> None:
    done, outputs = run_action_step(Machine(tmp_path, {"auditlens": code}), AUDIT, {"spec": "s.yaml"})
    assert (done.returncode, outputs["exit-code"]) == (code, str(code))


def test_a_wrong_spec_fails_the_step_as_it_fails_the_command(tmp_path: Path) -> None:
    (tmp_path / "audits").mkdir()
    (tmp_path / "audits" / "melanoma.yaml").write_text("auditlens: 1\nodd: 2\n")
    done, outputs = run_action_step(Machine(tmp_path / "m", {}), AUDIT, {"spec": "../audits/melanoma.yaml"})
    assert (done.returncode, outputs) == (2, {"exit-code": "2"})
    assert "melanoma.yaml:2:1: odd" in done.stderr


@pytest.mark.parametrize(("install", "wanted"), [("", None), ("auditlens==0.1.0", "auditlens==0.1.0")])
def test_the_action_installs_itself_or_what_is_named(tmp_path: Path, install: str, wanted: str | None) -> None:
    machine = Machine(tmp_path, {"python": 0})
    done, _ = run_action_step(machine, INSTALL, {"spec": "s.yaml", "install": install})
    assert done.returncode == 0, done.stderr
    (call,) = machine.calls()
    assert call[:5] == ["python", "-m", "pip", "install", "--quiet"]
    assert Path(call[5]).resolve() == ROOT if wanted is None else call[5] == wanted


def test_the_gitlab_job_runs(tmp_path: Path) -> None:
    (job,) = yaml.safe_load(GITLAB).values()
    machine = Machine(tmp_path, {"auditlens": 3, "pip": 0, "apt-get": 0})
    environment = {"CI_PROJECT_DIR": str(tmp_path)}
    assert machine.shell(gitlab_script(job, "before_script"), environment).returncode == 0
    assert machine.shell(gitlab_script(job, "script"), environment).returncode == 3
    assert machine.calls()[-1] == ["auditlens", "run", "audits/melanoma.yaml", "--out", "audit-run", "--quiet"]
    assert {str(Path(path).parent) for path in job["artifacts"]["reports"].values()} == {"audit-run"}


@pytest.mark.parametrize(("code", "of_make"), [(0, 0), (1, 2), (3, 2)])
def test_the_line_of_make(tmp_path: Path, code: int, of_make: int) -> None:
    (tmp_path / "Makefile").write_text(block("make"))
    machine = Machine(tmp_path, {"auditlens": code})
    done = machine.shell("make audit")
    assert done.returncode == of_make
    assert machine.calls() == [["auditlens", "run", "audits/melanoma.yaml", "--out", "audit-run", "--quiet"]]
    assert code == 0 or f"Error {code}" in done.stderr


def test_the_pre_commit_hook_checks_each_spec(tmp_path: Path) -> None:
    pytest.importorskip("pre_commit", reason="pre-commit is not installed")
    good = (ROOT / "specs" / "example_minimal.yaml").read_text()
    (tmp_path / "audits").mkdir()
    (tmp_path / "audits" / "good.yaml").write_text(good)
    (tmp_path / "audits" / "wrong one.yaml").write_text(good.replace("seed: 1", "sead: 1"))
    (tmp_path / "other.yaml").write_text("no: spec\n")
    environment = {**os.environ, "PRE_COMMIT_HOME": str(tmp_path / "home"), "GIT_CONFIG_GLOBAL": os.devnull}
    environment["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), environment["PATH"]))

    def hook(*files: str) -> subprocess.CompletedProcess[str]:
        arguments = [
            sys.executable,
            "-m",
            "pre_commit",
            "try-repo",
            str(hooks),
            "auditlens-validate",
            "--files",
            *files,
        ]
        return subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / ".pre-commit-hooks.yaml").write_text((ROOT / ".pre-commit-hooks.yaml").read_text())
    named = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    for folder in (tmp_path, hooks):
        subprocess.run(["git", "init", "-q", str(folder)], check=True, env=environment)
    subprocess.run(["git", "-C", str(hooks), "add", "-A"], check=True, env=environment)
    subprocess.run(["git", "-C", str(hooks), *named, "commit", "-qm", "hooks"], check=True, env=environment)
    assert hook("audits/good.yaml", "other.yaml").returncode == 0, hook("audits/good.yaml").stdout
    told = hook("audits/wrong one.yaml", "audits/good.yaml")
    assert told.returncode == 1
    assert "audits/wrong one.yaml:" in told.stdout
    assert "did you mean 'seed'" in told.stdout


def test_the_hook_hands_its_options_to_every_call(tmp_path: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    stub = tmp_path / "auditlens"
    stub.write_text('#!/bin/sh\nfor word; do printf "[%s]" "$word"; done; echo\nexit 2\n')
    stub.chmod(0o755)
    environment = {**os.environ, "PATH": os.pathsep.join((str(tmp_path), os.environ["PATH"]))}
    given = ["--tier=pr", "--strict", "a.yaml", "b c.yaml"]
    done = subprocess.run([*shlex.split(hook["entry"]), *given], env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout.splitlines() == [f"[validate][--tier=pr][--strict][{name}]" for name in given[2:]]


def test_the_configuration_on_the_page_names_the_hook() -> None:
    (repo,) = yaml.safe_load(block("pre-commit"))["repos"]
    hooks = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    assert {hook["id"] for hook in repo["hooks"]} == hooks
