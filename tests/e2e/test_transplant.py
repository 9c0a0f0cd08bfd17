"""An artefact taken from labelled images by the audited model, through the whole engine; and places off the lesion."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from .project import Project

PATCH = {"kind": "transplant", "column": "patch", "n_instances": 6}
GATE = {"effect": {"metric": "effect_minus_sham", "artefact": "patch", "limit": "within 0.5"}}


@pytest.fixture
def project(tmp_path):
    found = Project(tmp_path)
    found.change(
        {
            "artefacts": {"patch": PATCH},
            "gates": GATE,
            "examine": {"ablation_images": 0},
            "challenge": {"response_images": 4},
        }
    )
    without_red_skin(found)
    with_patches(found)
    return found


def without_red_skin(project):
    """Leave out what the project puts into images otherwise."""
    del project.document["artefacts"]["red_skin"], project.document["gates"]["alarm"]


def with_patches(project, seen=True):
    """Every second picture gets a bright patch at the left, and a column says so; none is there where `seen` is off."""
    with (project.folder / "manifest.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "label", "patch"])
        for number, path in enumerate(sorted((project.folder / "images").rglob("*.png"))):
            has = number % 2
            pixels = np.asarray(Image.open(path)).copy()
            if has and seen:
                pixels[16:48, :16] = 255
            Image.fromarray(pixels).save(path)
            rows.writerow([path.relative_to(project.folder).as_posix(), path.parent.name, has])
    project.document["data"] = {"manifest": "manifest.csv", "image": "image", "label": "label"}
    project.change({})


def test_a_patch_is_taken_from_the_examples_and_put_into_clean_images(project):
    done = project.run()
    assert done.returncode in (0, 1, 3), done.stderr
    record = json.loads(project.record())
    (found,) = record["findings"]["transplants"]
    assert found["artefact"] == "patch"
    assert (found["n_with"], found["n_without"], found["n_instances"]) == (15, 15, 6)
    assert found["auroc"]["low"] > 0.7
    (finding,) = [row for row in record["findings"]["artefacts"] if row["class_name"] == "melanoma"]
    assert finding["n_images"] == 15
    assert finding["n_instances"] == 6
    effect = next(row for row in finding["effects"] if row["scale"] == "margin")
    assert effect["raw"]["value"] > 0  # a bright patch makes the picture brighter, which is what the network reads
    page = (project.out / "report.html").read_text(encoding="utf-8")
    assert "Artefacts taken from example images" in page
    assert "pictures that depend on the model" in page
    again = project.folder / "again"
    project.run(again)
    assert project.record(again) == project.record()
    assert project.computed(again) == 0


def test_what_the_layer_cannot_tell_is_refused_with_a_remedy(tmp_path):
    project = Project(tmp_path)
    project.change({"artefacts": {"patch": PATCH}, "gates": GATE, "challenge": {"response_images": 0}})
    without_red_skin(project)
    with_patches(project, seen=False)
    done = project.run()
    assert "Traceback" not in done.stderr
    record = json.loads(project.record())
    assert record["findings"]["transplants"] == []
    (gate,) = [row for row in record["verdict"]["gates"] if row["gate"]["id"] == "effect"]
    assert gate["state"] == "not evaluated"
    assert "does not tell images with it from images without" in gate["sentence"]
    (left,) = [row for row in record["findings"]["not_evaluated"] if row["what"] == "artefact patch"]
    assert "AUROC" in left["why"]
    assert "cutout" in left["remedy"]


def test_examples_may_lie_in_folders(project):
    for name, bright in (("with", True), ("without", False)):
        folder = project.folder / name
        folder.mkdir()
        rng = np.random.default_rng(len(name))
        for number in range(16):
            pixels = rng.integers(60, 120, (64, 64, 3), dtype=np.uint8)
            if bright:
                pixels[16:48, :16] = 255
            Image.fromarray(pixels).save(folder / f"{number}.png")
    project.change({"artefacts": {"patch": {"kind": "transplant", "examples": "with", "without": "without"}}})
    project.run()
    record = json.loads(project.record())
    (found,) = record["findings"]["transplants"]
    assert found["origin"] == "the folder with against the folder without"
    assert found["n_with"] == found["n_without"] == 16
    assert record["findings"]["artefacts"][0]["n_images"] == 30


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"column": "pach"}, "has no further column 'pach'; valid are patch; did you mean 'patch'?"),
        ({"column": None}, "give `column`, or folders for both `examples` and `without`"),
        ({"examples": "nowhere"}, "artefacts.patch.examples: there is no folder"),
        ({"blur": 40}, "a kernel has a middle"),
        ({"layer": "9"}, "artefacts.patch.layer: layer '9' is not examined; valid are 1"),
    ],
)
def test_errors(project, fields, said):
    project.document["artefacts"]["patch"] = {
        key: value for key, value in (PATCH | fields).items() if value is not None
    }
    project.change({})
    assert said in project.told()


def test_places_off_what_the_model_looks_at(project):
    project.change({"artefacts": {"patch": None, "dot": {"kind": "band_aid", "avoid": "relevance", "n_instances": 3}}})
    del project.document["artefacts"]["patch"]
    project.change({"gates": {"effect": {**GATE["effect"], "artefact": "dot"}}})
    done = project.run()
    assert done.returncode in (0, 1, 3), done.stderr
    record = json.loads(project.record())
    told = [row for row in record["plan"]["methods"] if row["name"] == "pictures that depend on the model"]
    assert [row["value"] for row in told] == ["dot"]
    project.document["artefacts"]["dot"]["avoid"] = "centre"
    project.change({})
    other = project.folder / "centre"
    project.run(other)
    assert json.loads(project.record(other))["findings"]["artefacts"] != record["findings"]["artefacts"]
