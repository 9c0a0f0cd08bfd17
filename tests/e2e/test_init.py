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
def test_an_example_runs_and_no_gate_holds_of_the_planted_shortcut(tmp_path, name):
    for arguments in (["init", "--example", name], ["validate", "audit.yaml"]):
        assert called(tmp_path, *arguments).returncode == 0
    done = called(tmp_path, "run", "audit.yaml", "--out", "out", "--store", "store", "--quiet")
    expected = 3 if name == "imagenet" else 1  # the watermark's effect is small, and undecided at the example's limit
    assert done.returncode == expected, done.stdout + done.stderr
    gates = json.loads((tmp_path / "out" / "record.json").read_text(encoding="utf-8"))["verdict"]["gates"]
    open_ones = {gate["gate"]["id"] for gate in gates if gate["state"] != "holds"}
    assert any(PLANTED[name] in gate for gate in open_ones), open_ones
