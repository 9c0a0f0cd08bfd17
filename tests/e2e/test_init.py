"""What `auditlens init` writes runs as written, from an empty folder, with the installed command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from auditlens.cli.init import EXAMPLES

COMMAND = Path(sys.executable).with_name("auditlens")
PLANTED = {"minimal": "ruler", "dermoscopy": "ruler", "xray": "side_marker", "imagenet": "watermark"}


def called(folder, *arguments):
    return subprocess.run(
        [COMMAND, *arguments], cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True
    )


@pytest.mark.long
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs_and_the_planted_shortcut_fails_a_gate(tmp_path, name):
    for arguments in (["init", "--example", name], ["validate", "audit.yaml"]):
        assert called(tmp_path, *arguments).returncode == 0
    done = called(tmp_path, "run", "audit.yaml", "--out", "out", "--store", "store", "--quiet")
    assert done.returncode == 1, done.stdout + done.stderr
    gates = json.loads((tmp_path / "out" / "record.json").read_text(encoding="utf-8"))["verdict"]["gates"]
    failing = {gate["id"] for gate in gates if gate["state"] == "fails"}
    assert any(PLANTED[name] in gate for gate in failing), failing
