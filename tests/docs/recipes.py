"""The recipes of docs/ci.md as the page shows them, and a machine of CI to run them on."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
ACTION_FOLDER = ROOT / ".github" / "actions" / "audit"
ACTION: dict[str, Any] = yaml.safe_load((ACTION_FOLDER / "action.yml").read_text(encoding="utf-8"))


def block(name: str) -> str:
    """The text of the page's code block whose first line ends with the name."""
    (found,) = re.findall(rf"^```(?:\w+ )?{re.escape(name)}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return str(found)


class Machine:
    """A folder with commands of our own on the path, which write down how they were called."""

    def __init__(self, folder: Path, commands: Mapping[str, int]) -> None:
        self.folder, self.bin, self.calls_file = folder, folder / "bin", folder / "calls"
        self.bin.mkdir(parents=True)
        for name, code in commands.items():
            script = self.bin / name
            script.write_text(
                f'#!/bin/bash\n{{ printf "%s\\0" {name} "$@"; printf "\\n"; }} >> "{self.calls_file}"\nexit {code}\n'
            )
            script.chmod(script.stat().st_mode | stat.S_IXUSR)

    def calls(self) -> list[list[str]]:
        """What was called, word by word."""
        text = self.calls_file.read_text() if self.calls_file.exists() else ""
        return [line.rstrip("\0").split("\0") for line in text.split("\0\n") if line]

    def shell(self, script: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a script as the services do: it stops at the first command that fails."""
        path = os.pathsep.join((str(self.bin), str(Path(sys.executable).parent), os.environ["PATH"]))
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.folder,
            env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )


def run_action_step(
    machine: Machine, name: str, given: Mapping[str, str], environment: Mapping[str, str] | None = None
) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    """Run one shell step of the action, and read its outputs; later lines of a name win, as on a runner."""
    inputs = {key: str(entry.get("default", "")) for key, entry in ACTION["inputs"].items()} | dict(given)
    (step,) = (step for step in ACTION["runs"]["steps"] if step["name"] == name)
    output = machine.folder / "output"
    settings = {key: _filled(value, inputs) for key, value in step["env"].items()} | dict(environment or {})
    settings |= {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(machine.folder / "summary")}
    done = machine.shell(step["run"], settings)
    lines = output.read_text().splitlines() if output.exists() else []
    return done, dict(line.split("=", 1) for line in lines)


def _filled(text: str, inputs: Mapping[str, str]) -> str:
    """Fill in `${{ inputs.NAME }}` and the action's folder."""
    names = {f"inputs.{name}": value for name, value in inputs.items()} | {"github.action_path": str(ACTION_FOLDER)}
    return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda found: names[found.group(1)], text)


def gitlab_script(job: Mapping[str, Any], part: str) -> str:
    """The commands of a GitLab job, with its variables set as the runner sets them."""
    variables = "".join(f'export {name}="{value}"\n' for name, value in job["variables"].items())
    return variables + "\n".join(job[part])
