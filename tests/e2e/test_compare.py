"""Two audits through the entry point, then side by side: paired where the pictures are the same."""

import json

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import save_file

import auditlens as al

from .project import Project, brightness_weights, entry_call

CHEAP = {"examine": {"ablation_images": 0}, "challenge": {"response_images": 0}}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A model, one that is less sensitive to brightness, and the first with another seed."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.change(CHEAP)
    assert project.run(project.folder / "vanilla").returncode in (0, 1, 3)
    weights = brightness_weights()
    save_file(
        {name: value * 0.5 if name.startswith("4") else value for name, value in weights.items()},
        project.folder / "weights.safetensors",
    )
    assert project.run(project.folder / "weaker").returncode in (0, 1, 3)
    project.change({"seed": 5})
    assert project.run(project.folder / "reseeded").returncode in (0, 1, 3)
    return project.folder


def test_a_run_keeps_its_answers_by_trial_and_image(runs):
    trials = pd.read_parquet(runs / "vanilla" / "tables" / "trials.parquet")
    clean = pd.read_parquet(runs / "vanilla" / "tables" / "predictions.parquet")
    assert set(trials.artefact) == {"red_skin"} and set(clean.class_name) >= {"melanoma"}
    assert len(clean[clean.class_name == "melanoma"]) == 30
    record = al.load_record(runs / "vanilla")
    (finding,) = [row for row in record.findings.artefacts if row.class_name == "melanoma"]
    own = trials[trials.class_name == "melanoma"]
    shown = next(row for row in finding.effects if row.scale == "probability" and row.true_class is None)
    assert (own.inserted_probability - own.clean_probability).mean() == pytest.approx(shown.raw.value, abs=1e-12)
    listed = (runs / "vanilla" / "MANIFEST.sha256").read_text()
    assert "tables/trials.parquet" in listed and "tables/predictions.parquet" in listed


def test_the_command_writes_the_three_files_and_exits_with_zero(runs):
    done = entry_call(
        "compare", str(runs / "vanilla"), str(runs / "weaker"), "--out", str(runs / "out"), "--names", "before,after"
    )
    assert done.returncode == 0, done.stderr
    assert "before: " in done.stdout and "difference" in done.stdout
    found = json.loads((runs / "out" / "compare.json").read_text())
    assert [run["name"] for run in found["runs"]] == ["before", "after"]
    assert found["artefacts"][0]["pairing"] == ["first", "paired"]
    assert [row["what"] for row in found["differing"]] == ["weights"]
    assert (runs / "out" / "compare.html").is_file() and (runs / "out" / "compare.md").is_file()


def test_another_seed_is_not_paired_though_the_images_are_the_same(runs):
    comparison = al.compare([runs / "vanilla", runs / "reseeded"])
    assert comparison.performance_pairing == ("first", "paired")
    assert comparison.artefacts[0].pairing[1] == "the artefact is described, drawn or seeded otherwise"
    assert any("Different seed" in warning for warning in comparison.warnings)
    values = [row.values[1].difference for row in comparison.artefacts[0].rows if row.values[1].difference]
    assert np.isfinite([one.value for one in values]).all()


def test_a_wrong_call_is_one_line_and_exit_code_two(runs):
    for arguments, said in (
        (["compare", str(runs / "vanilla")], "two or more"),
        (["compare", str(runs / "vanilla"), str(runs / "images")], "name a run folder"),
        (["compare", str(runs / "vanilla"), str(runs / "vanilla")], "several runs are called 'vanilla'"),
    ):
        done = entry_call(*arguments, "--out", str(runs / "refused"))
        assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr
    assert not (runs / "refused").exists()
