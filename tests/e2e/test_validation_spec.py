"""`specs/validation_dermoscopy.yaml`: valid to the last column, and run from the lock to a verdict."""

import json
from pathlib import Path

import pytest

from auditlens.spec.load import load_spec
from auditlens.spec.model import AuditSpec
from tests.e2e.project import entry_call
from tests.e2e.validation_case import SALT, as_predecessor, write_case

LEFT_OUT = {"vocabulary", "decision"}
"""Parts of a spec that the example does without: no gate reads the first, and the second stands in `model`."""


@pytest.fixture
def salt(monkeypatch):
    monkeypatch.setenv("AUDIT_SALT", SALT)


def test_it_is_valid_with_its_files_and_nothing_about_it_is_doubtful(tmp_path, salt):
    spec = write_case(tmp_path / "case", n=24)
    for options in ((), ("--tier", "pr"), ("--tier", "release"), ("--data", "dev")):
        done = entry_call("validate", str(spec), "--strict", *options)
        assert done.returncode == 0, done.stderr
    loaded = load_spec(spec)
    given = {name for name in AuditSpec.model_fields if name in loaded.root.entries}
    assert set(AuditSpec.model_fields) - given == LEFT_OUT
    assert {one.role for one in loaded.spec.data.sets.values()} == {"sealed", "concept_examples", "observability"}


def audited(spec: Path, name: str, *options: str) -> dict:
    """Run the audit into a folder beside the spec, and return its record."""
    out = spec.parent / name
    given = ["--store", str(spec.parent / "store"), "--threads", "1", "--device", "cpu", "--quiet"]
    done = entry_call("run", str(spec), "--out", str(out), *given, *options)
    assert done.returncode == 1, done.stderr
    return json.loads((out / "record.json").read_text())


@pytest.mark.long
def test_it_runs_from_the_lock_to_a_verdict_against_two_baselines(tmp_path, salt):
    spec = write_case(tmp_path / "case")
    audited(as_predecessor(spec), "v1.2")
    assert entry_call("lock", str(spec), "--by", "j.weiss").returncode == 0
    before = ("predecessor", "authorised")
    earlier = [word for name in before for word in ("--baseline", f"{name}={spec.parent / 'v1.2'}")]
    record = audited(spec, "v1.3", *earlier)

    verdict, findings = record["verdict"], record["findings"]
    gates = {row["gate"]["id"]: row for row in verdict["gates"]}
    assert {gates[name]["state"] for name in ("false_alarm[ruler]", "beyond_sham[ruler]")} == {"fails"}
    assert {gates[f"change[{name}]"]["state"] for name in ("architecture", "decision", "classes")} == {"holds"}
    for name in before:
        assert gates[f"not_worse[ruler][against={name}]"]["estimate"]["value"] is not None
    assert "missed_dark_skin[ruler]" in gates
    notes = " ".join(verdict["notes"])
    assert "locked" in notes
    assert "Look 1 of 1" in notes
    assert "DEV-118" in notes
    assert "Worsened since predecessor" in notes
    assert len((spec.parent / "looks.jsonl").read_text().splitlines()) == 1
    assert record["plan"]["data"]["sets"]["role"] == "sealed"
    assert record["plan"]["model"]["released"]["n_compared"] == 60
    concepts = {row["concept"]: row["state"] for row in findings["concepts"]}
    assert concepts["diameter"] == concepts["evolution"] == "not assessable"

    pull_request = audited(spec, "pr", "--tier", "pr")
    assert pull_request["plan"]["data"]["sets"]["audited"] == "dev"
    assert not pull_request["verdict"]["may_release"]
    assert len((spec.parent / "looks.jsonl").read_text().splitlines()) == 1
