"""A model, a worse one, and the audits of each against the other."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest
import yaml
from safetensors.torch import save_file

import auditlens as al
from auditlens.errors import AuditLensError

from .project import Project, brightness_weights, entry_call

QUICK = {
    "examine": {"ablation_images": 0},
    "challenge": {"response_images": 0, "erased_images": 0, "mediation_images": 0},
    "artefacts": {"red_skin": {"kind": "tint", "colour": [255, 128, 151]}},
    "gates": {
        "quiet": {"metric": "specificity", "limit": ">= 0.3"},
        "not_worse": {"metric": "specificity", "against": "predecessor", "limit": "<= 0.15"},
    },
    "baselines": {"predecessor": {}},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The model in `good`, and one that takes a redder picture for a melanoma in `bad`."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.change(QUICK)
    shutil.copy(project.folder / "weights.safetensors", project.folder / "good.safetensors")
    weights = brightness_weights()
    save_file(weights | {"4.bias": weights["4.bias"] * 0.3}, project.folder / "bad.safetensors")
    for name in ("good", "bad"):
        project.change({"model": {"weights": f"{name}.safetensors"}})
        audit(project, name)
    return project


def audit(project, out, **options):
    given = {"store": project.store, "threads": 1, "batch_size": 4, "device": "cpu", "reports": False}
    return al.audit(project.spec, out=project.folder / out, allow_code=True, **given | options)


def against(project, weights, baseline, out, **options):
    project.change({"model": {"weights": f"{weights}.safetensors"}})
    return audit(project, out, baselines={"predecessor": project.folder / baseline}, **options)


def result(record, name):
    return next(row for row in record.verdict.gates if row.gate.id == name)


def test_without_a_record_nothing_is_called_new_and_nothing_passes(project):
    record = al.load_record(project.folder / "good")
    assert {row.standing for row in record.verdict.gates} == {None}
    assert result(record, "not_worse").state == "not evaluated"
    assert "--baseline predecessor=RECORD" in record.verdict.notes[0]


def test_the_worse_model_is_told_from_the_command_to_the_report(project):
    project.change({"model": {"weights": "bad.safetensors"}})
    out = project.folder / "worse"
    done = entry_call(*project.arguments(out), "--baseline", f"predecessor={project.folder / 'good'}")
    assert done.returncode == 1, done.stderr
    record = al.load_record(out)
    assert (result(record, "quiet").state, result(record, "quiet").standing) == ("fails", "new")
    assert result(record, "not_worse").state == "fails"
    assert result(record, "works").standing == "unchanged"
    for text in (done.stdout, (out / "summary.md").read_text(), (out / "report.html").read_text()):
        assert "New since predecessor" in text
    (found,) = record.findings.baselines
    assert found.gate("quiet").before.value == 1.0
    assert found.gate("quiet").worse.value == pytest.approx(1.0 - result(record, "quiet").estimate.value)
    assert [row.aspect for row in found.altered] == ["weights"]
    assert found.again == ""


def test_the_other_way_round_the_gate_is_fixed(project):
    record = against(project, "good", "bad", "better")
    assert (result(record, "quiet").state, result(record, "quiet").standing) == ("holds", "fixed")
    assert result(record, "not_worse").state == "holds"
    assert result(record, "not_worse").estimate.high < 0
    assert any(note.startswith("Fixed since predecessor: ") and "quiet" in note for note in record.verdict.notes)


def test_a_spec_that_changed_runs_the_old_model_again(project):
    project.change({"seed": 5})
    record = against(project, "bad", "good", "again")
    (found,) = record.findings.baselines
    assert found.again == "the seed changed"
    assert result(record, "quiet").standing == "new"
    again = al.load_record(project.folder / "again" / "baselines" / "predecessor")
    assert again.plan.seed == 5
    assert again.plan.model.weights_sha256 == al.load_record(project.folder / "good").plan.model.weights_sha256
    spec = yaml.safe_load((project.folder / "again" / "baselines" / "predecessor.yaml").read_text())
    assert spec["model"]["weights"] == "../../good.safetensors"
    listed = (project.folder / "again" / "MANIFEST.sha256").read_text()
    assert "baselines/predecessor/record.json" in listed
    project.change({"seed": 0})


def test_without_the_old_weights_the_comparison_is_not_evaluated(project):
    project.change({"seed": 5})
    hidden = project.folder / "hidden"
    (project.folder / "good.safetensors").rename(hidden)
    record = against(project, "bad", "good", "gone")
    hidden.rename(project.folder / "good.safetensors")
    project.change({"seed": 0})
    assert result(record, "not_worse").state == "not evaluated"
    assert "good.safetensors" in result(record, "not_worse").sentence
    assert {row.standing for row in record.verdict.gates} == {None}
    assert "the seed changed, and its model could not be run again" in record.verdict.notes[0]


def test_other_weights_under_the_old_name_are_not_taken_for_it(project):
    project.change({"seed": 5})
    weights, kept = project.folder / "good.safetensors", project.folder / "kept"
    shutil.copy(weights, kept)
    shutil.copy(project.folder / "bad.safetensors", weights)
    record = against(project, "bad", "good", "swapped")
    shutil.copy(kept, weights)
    project.change({"seed": 0})
    assert result(record, "not_worse").state == "not evaluated"
    assert "SHA-256" in record.verdict.notes[0]


def test_a_record_without_its_tables_runs_the_model_again(project):
    (project.folder / "alone").mkdir()
    shutil.copy(project.folder / "good" / "record.json", project.folder / "alone")
    record = against(project, "bad", "alone/record.json", "from_record")
    assert record.findings.baselines[0].again == "its run folder keeps no answers by picture"
    assert result(record, "not_worse").state == "fails"


@pytest.mark.parametrize("table", ["relevance_by_image", "erased"])
def test_a_run_folder_from_before_a_table_was_kept_runs_the_model_again(project, table):
    old = project.folder / f"without_{table}"
    shutil.copytree(project.folder / "good", old)
    (old / "tables" / f"{table}.parquet").unlink()
    record = against(project, "bad", old.name, f"again_{table}")
    assert "keeps no relevance by image" in record.findings.baselines[0].again
    assert result(record, "not_worse").state == "fails"


def test_tables_of_another_model_are_refused(project):
    shutil.copytree(project.folder / "good", project.folder / "tampered")
    shutil.copy(
        project.folder / "bad" / "tables" / "trials.parquet", project.folder / "tampered" / "tables" / "trials.parquet"
    )
    with pytest.raises(AuditLensError, match="are not those of its record"):
        against(project, "bad", "tampered", "never")


def test_a_run_does_not_write_over_its_baseline(project):
    with pytest.raises(AuditLensError, match="is that of the baseline predecessor"):
        against(project, "bad", "good", "good")


def test_a_change_plan_is_checked_against_the_baseline(project):
    must = ["decision", "architecture"]
    project.change({"change": {"plan": "PCCP-02", "may_change": ["weights"], "must_equal": must}})
    project.change({"decision": {"threshold": 0.6}})
    record = against(project, "good", "bad", "changed")
    project.change({"change": None, "decision": {"threshold": 0.5}})
    assert result(record, "change[decision]").state == "fails"
    assert result(record, "change[architecture]").state == "holds"
    assert result(record, "change[decision]").gate.location.startswith("spec.yaml:")
    assert int(record.verdict.exit_code) == 1


def test_names_on_the_command_line(project):
    twice = ("--baseline", str(project.folder / "good"), "--baseline", str(project.folder / "bad"))
    done = entry_call(*project.arguments(), *twice)
    assert done.returncode == 2
    assert "two baselines are named 'baseline'; write NAME=RECORD" in done.stderr
    done = entry_call(*project.arguments(), "--baseline", str(project.folder / "nowhere"))
    assert done.returncode == 2
    assert "nowhere" in done.stderr and "Traceback" not in done.stderr


def test_equal_runs_against_a_baseline_give_equal_records(project):
    first, second = (against(project, "bad", "good", out) for out in ("once", "twice"))
    assert first.to_json() == second.to_json()


def test_the_tables_hold_the_standing(project):
    out = project.folder / "worse"
    gates = pd.read_parquet(out / "tables" / "gates.parquet").set_index("id")
    assert gates.loc["quiet", "standing"] == "new"
    assert json.loads((out / "record.json").read_text())["findings"]["baselines"][0]["name"] == "predecessor"
