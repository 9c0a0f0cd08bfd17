"""An error or an interruption costs nothing that was finished: the next run reads it back, to the same bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import pytest

from auditlens import api
from tests.e2e.project import COMMAND, Project, listing


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A project with one good run."""
    project = Project(tmp_path_factory.mktemp("kept"))
    first = project.run()
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith("ALL GATES HOLD\n")
    return project


def test_the_reports_are_there(done):
    written = {path.name for path in done.out.iterdir()}
    wanted = {"record.json", "report.html", "report.pdf", "summary.md", "junit.xml", "results.sarif", "tables"}
    assert wanted <= written


@pytest.mark.parametrize("name", ["images/benign/03.png", "weights.safetensors", "tiny_network.py"])
def test_a_broken_file_loses_nothing(done, tmp_path, name):
    """Break a file: told, and the finished run folder stays. Repair it: everything is read back, to the same bytes."""
    path = done.folder / name
    whole, finished = path.read_bytes(), listing(done.out)
    path.write_bytes(b"import nonsense" + whole[:50])
    try:
        assert done.told(tmp_path / "broken")
        assert done.told(done.out)
    finally:
        path.write_bytes(whole)
    assert not (tmp_path / "broken").exists()
    assert listing(done.out) == finished
    options = {"store": done.store, "device": "cpu", "threads": 1, "batch_size": 4, "reports": False}
    api.audit(done.spec, out=tmp_path / "run", allow_modules=["tiny_network"], **options)
    assert done.computed(tmp_path / "run") == 0
    assert done.record(tmp_path / "run") == done.record()


def test_one_changed_image_is_a_new_result(done, tmp_path):
    path = done.folder / "images/benign/03.png"
    whole = path.read_bytes()
    path.write_bytes((done.folder / "images/melanoma/03.png").read_bytes())
    try:
        options = {
            "store": done.store,
            "device": "cpu",
            "threads": 1,
            "batch_size": 4,
            "reports": False,
            "allow_code": True,
        }
        api.audit(done.spec, out=tmp_path / "run", **options)
    finally:
        path.write_bytes(whole)
    assert done.computed(tmp_path / "run") > 0
    assert done.record(tmp_path / "run") != done.record()


def test_an_interrupted_run_goes_on(tmp_path):
    """Ctrl-C in the middle of the clean pass: 130, one line, no half-written folder; the next run goes on."""
    project = Project(tmp_path)
    project.tamper("slow")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TINY_NETWORK_WAITS": "0.5"}
    command = [COMMAND, *project.arguments()]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, preexec_fn=heed_interrupts, **pipes) as run:
        wait_for(lambda: list(project.store.rglob("clean-pass/**/*.npz")), run)
        run.send_signal(signal.SIGINT)
        said, told = run.communicate(timeout=120)
    assert (run.returncode, said) == (130, "")
    assert told == "interrupted; finished work is kept and the next run goes on from it\n"
    assert listing(project.out) == {}
    kept = len(list(project.store.rglob("*.npz")))
    assert project.run().returncode == 0
    told_of = json.loads((project.out / "run.json").read_text())
    assert told_of["stored_results_read"] >= kept > 0
    assert told_of["results_computed"] > 0


def heed_interrupts():
    """A shell lets its background jobs ignore SIGINT, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for(condition, run, seconds=60):
    limit = time.monotonic() + seconds
    while not condition():
        assert run.poll() is None, run.communicate()
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_nothing_is_said_for_a_constant_model(tmp_path):
    """It is insensitive to every artefact: its gates are not evaluated, since it does not work in the first place."""
    project = Project(tmp_path)
    project.tamper("constant")
    done = project.run()
    assert done.returncode == 1
    verdict = json.loads(project.record())["verdict"]
    assert {row["gate"]["id"]: row["state"] for row in verdict["gates"]} == {
        "works": "fails",
        "alarm": "not evaluated",
    }
    assert "not evaluated, because its precondition works does not hold" in done.stdout


def test_random_weights_are_said(tmp_path):
    project = Project(tmp_path)
    del project.document["model"]["weights"]
    project.change({})
    project.run()
    plan = json.loads(project.record())["plan"]
    assert plan["model"]["random_weights"] is True
    assert "(no weights given: random)" in (project.out / "report.html").read_text()
