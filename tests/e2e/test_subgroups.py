"""A shortcut that acts in the pictures of one device only, through the installed engine: the whole hides it."""

import csv
import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from .project import Project

N_BENIGN, N_MELANOMA, N_OF_B = 60, 20, 8
"""Of either class, the first so many come from device B; every fourth melanoma carries the flag."""
TURNED = {"metric": "decision_flips", "direction": "benign_to_melanoma", "artefact": "red_skin", "limit": "<= 0.25"}
GATES = {
    "works": {
        "metric": "sensitivity",
        "limit": ">= 0.5",
        "each": {"subgroup": "device"},
        "required_by": ["alarm", "alarm_each"],
    },
    "alarm": TURNED,
    "alarm_each": {**TURNED, "artefact": None, "each": {"artefact": "all", "subgroup": "device"}},
    "alarm_b": {**TURNED, "within": {"device": "B"}},
}


def write_pictures(folder):
    """Grey pictures, dark if benign; those of device B are redder. Rows of a manifest."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for name, level, n in (("benign", 60, N_BENIGN), ("melanoma", 190, N_MELANOMA)):
        for index in range(n):
            grey = np.clip(rng.normal(level, 12, (64, 64, 1)), 1, 190).astype(np.uint8)
            device = "B" if index < N_OF_B else "A"
            pixels = np.concatenate([grey + (64 if device == "B" else 0), grey, grey], axis=2)
            Image.fromarray(pixels).save(folder / f"{name}{index:02d}.png")
            red = int(name == "melanoma" and index % 4 == 0)
            yield f"{folder.name}/{name}{index:02d}.png", name, device, red, 20 + index


def weights():
    """Melanoma where green is bright, and where red exceeds green by more than either device or tint can do alone."""
    kernel = torch.zeros(4, 3, 3, 3)
    kernel[0, 1, 1, 1] = 1.0
    kernel[1, 0, 1, 1], kernel[1, 1, 1, 1] = 1.0, -1.0
    bias = torch.tensor([0.0, -0.26, 0.0, 0.0])
    head = torch.tensor([[-10.0, -150.0, 0.0, 0.0], [10.0, 150.0, 0.0, 0.0]])
    return {"0.weight": kernel, "0.bias": bias, "4.weight": head, "4.bias": torch.tensor([5.0, -5.0])}


@pytest.fixture
def project(tmp_path):
    found = Project(tmp_path)
    save_file(weights(), tmp_path / "weights.safetensors")
    with (tmp_path / "manifest.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "label", "device", "red", "age"])
        rows.writerows(write_pictures(tmp_path / "devices"))
    strata = {"by": ["device"], "cross": [["benign", "device"]], "min_units": 6}
    found.document["data"] = {"manifest": "manifest.csv", "strata": strata}
    found.change(
        {
            "artefacts": {"red_skin": {"kind": "tint", "colour": [231, 128, 151], "column": "red", "sham": "none"}},
            "examine": {"ablation_images": 0},
            "challenge": {"response_images": 0},
        }
    )
    found.document["gates"] = GATES
    found.change({})
    return found


@pytest.fixture
def record(project):
    done = project.run()
    assert done.returncode == 1, done.stderr
    return json.loads(project.record())


def test_the_whole_holds_and_the_subgroup_fails(project, record):
    states = {row["gate"]["id"]: row["state"] for row in record["verdict"]["gates"]}
    assert states == {
        "works[device=A]": "holds",
        "works[device=B]": "holds",
        "alarm": "holds",
        "alarm_each[red_skin][device=A]": "holds",
        "alarm_each[red_skin][device=B]": "fails",
        "alarm_b": "fails",
    }
    needs = {row["gate"]["id"]: row["gate"]["requires"] for row in record["verdict"]["gates"]}
    assert needs["alarm_each[red_skin][device=B]"] == ["works[device=B]"]
    assert needs["alarm"] == ["works[device=A]", "works[device=B]"]
    (sentence,) = [row["sentence"] for row in record["verdict"]["gates"] if row["gate"]["id"] == "alarm_b"]
    assert sentence.startswith("Within device B: of 100 benign images that the model calls rightly")
    for name in ("summary.md", "junit.xml", "results.sarif"):
        assert "device=B" in (project.out / name).read_text(encoding="utf-8")
    assert "only device B" in (project.out / "report.html").read_text(encoding="utf-8")


def test_the_subgroup_stands_out_in_findings_table_and_page(project, record):
    found = record["findings"]["subgroups"]
    by_name = {(row["stratum"]["within"]["device"], row["stratum"]["true_class"]): row for row in found["effects"]}
    assert set(by_name) == {("A", None), ("B", None), ("A", "benign"), ("B", "benign")}
    assert by_name["B", "benign"]["stands_out"]
    assert by_name["B", "benign"]["raw"]["value"] > by_name["A", "benign"]["raw"]["value"] + 0.5
    (summary,) = found["summaries"]
    assert summary["worst"] == {"within": {"device": "B"}, "true_class": "benign"}
    page = (project.out / "report.html").read_text(encoding="utf-8")
    assert "By subgroup" in page
    assert "stands out" in page

    import pandas as pd

    table = pd.read_parquet(project.out / "tables" / "subgroups.parquet")
    assert set(table.measure) == {"sensitivity", "specificity", "probability", "flips"}
    turned = table[(table.measure == "flips") & (table.subgroup == "device B") & (table.from_class == "benign")]
    assert turned.raw_n_events.tolist() == [N_OF_B]


def test_the_data_brings_flag_and_class_together(project, record):
    (found,) = record["findings"]["prevalences"]
    assert (found["source"], found["by"], found["conclusion"]) == ("flag", "red", "in the data")
    assert found["rates"]["melanoma"]["value"] == 0.25
    assert found["rates"]["benign"]["value"] == 0.0
    assert found["sentence"].startswith("In the data, 0 % of benign and 25 % of melanoma images are flagged")
    assert "Is the shortcut in the data?" in (project.out / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("strata", "said"),
    [
        ({"by": ["devise"]}, "data.strata.by[0]: manifest.csv has no further column 'devise'; valid are"),
        ({"by": ["age"]}, "different numbers; add a column with ranges to the data, such as age_group with '< "),
    ],
)
def test_a_column_that_is_no_stratum_is_told_with_its_place(project, strata, said):
    project.document["gates"] = {"alarm": TURNED}
    project.document["data"]["strata"] = strata
    project.change({})
    told = project.told()
    assert said in told
    lines = [text.strip() for text in project.spec.read_text().splitlines()]
    assert f"spec.yaml:{1 + lines.index('- ' + strata['by'][0])}:" in told


def test_a_value_that_no_image_has_is_told_with_the_nearest(project):
    project.document["gates"] = {"alarm": {**TURNED, "within": {"device": "BB"}}}
    project.change({})
    told = project.told()
    assert "no image has 'BB' in column 'device'; found are A, B" in told
    assert "spec.yaml:" in told
