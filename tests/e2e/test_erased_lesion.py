"""The positive control through the installed engine: a network that reads the whole picture must not pass it."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from .project import Project

GATE = {"erased": {"metric": "lesion_erased_auroc", "limit": "<= 0.60"}}


@pytest.fixture
def project(tmp_path):
    found = Project(tmp_path)
    found.change({"gates": GATE, "examine": {"ablation_images": 0}, "challenge": {"response_images": 0}})
    return found


def with_masks(project):
    """Give every picture a mask of its middle, by a manifest."""
    mask = np.zeros((64, 64), dtype=np.uint8)
    mask[20:44, 20:44] = 255
    Image.fromarray(mask).save(project.folder / "middle.png")
    with (project.folder / "manifest.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "label", "mask"])
        for path in sorted((project.folder / "images").rglob("*.png")):
            rows.writerow([path.relative_to(project.folder).as_posix(), path.parent.name, "middle.png"])
    project.document["data"] = {"manifest": "manifest.csv", "image": "image", "label": "label", "mask": "mask"}
    project.change({})


def outcome(project):
    record = json.loads(project.record())
    (result,) = [row for row in record["verdict"]["gates"] if row["gate"]["id"] == "erased"]
    return record, result


def test_a_network_that_reads_the_whole_picture_fails(project):
    with_masks(project)
    done = project.run()
    assert done.returncode == 1, done.stderr
    record, result = outcome(project)
    assert result["state"] == "fails"
    assert result["estimate"]["value"] > 0.95
    assert "with the lesion erased" in result["sentence"]
    benign = record["findings"]["erasures"][0]
    assert benign["n_images"] == 30
    page = (project.out / "report.html").read_text(encoding="utf-8")
    assert "The lesion erased" in page
    assert "more than chance" in page


def test_without_masks_the_gate_is_not_evaluated(project):
    project.run()
    record, result = outcome(project)
    assert result["state"] == "not evaluated"
    assert "no image has a lesion mask" in result["sentence"]
    assert record["findings"]["erasures"] == []
