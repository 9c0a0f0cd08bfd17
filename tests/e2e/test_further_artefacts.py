"""Backgrounds, swaps of colours, Python functions and applicability through the whole engine."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from .project import Project

STAMP = """
def stamp(image, instance, rng, avoid, level=250):
    top = int(rng.integers(40))
    image[top : top + 20, : 20 + instance] = level
    return image
"""
ARTEFACTS = {
    "ground": {"kind": "background", "own_data": True, "n_instances": 5},
    "stamp": {"kind": "python", "function": "my_stamp:stamp", "import_path": ".", "n_instances": 3},
    "device": {"kind": "colour_profile", "swap": {"column": "device", "n_draws": 2, "n_references": 6}},
    "red_skin": {
        "kind": "tint",
        "colour": [231, 128, 151],
        "only": {"tone": [1, 2]},
        "reason": "it lightens dark skin",
    },
}


def write_manifest(project):
    mask = np.zeros((64, 64), dtype=np.uint8)
    mask[20:44, 20:44] = 255
    Image.fromarray(mask).save(project.folder / "middle.png")
    with (project.folder / "manifest.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "label", "mask", "device", "tone"])
        for number, path in enumerate(sorted((project.folder / "images").rglob("*.png"))):
            name = path.relative_to(project.folder).as_posix()
            rows.writerow(
                [name, path.parent.name, "middle.png" if number % 5 else "", "AB"[number % 2], 1 + number % 4]
            )


@pytest.fixture
def project(tmp_path):
    found = Project(tmp_path)
    write_manifest(found)
    (tmp_path / "my_stamp.py").write_text(STAMP)
    found.document["data"] = {"manifest": "manifest.csv", "mask": "mask"}
    found.document["artefacts"] = ARTEFACTS
    gates = {"moved": {"metric": "effect_minus_sham", "each": {"artefact": "all"}, "limit": "within 0.9"}}
    found.document["gates"] = gates
    found.change({"examine": {"ablation_images": 0}, "challenge": {"erased_images": 0, "response_images": 4}})
    return found


@pytest.mark.long
def test_the_whole_way_to_the_report(project):
    done = project.run()
    assert done.returncode in (0, 1, 3), done.stderr
    first, record = project.record(), json.loads(project.record())
    rows = {row["artefact"]: row for row in record["findings"]["artefacts"]}
    assert set(rows) == set(ARTEFACTS)
    assert rows["ground"]["n_images"] == 24
    assert rows["ground"]["left_out"][0]["what"] == "no usable lesion mask"
    assert rows["ground"]["left_out"][0]["n_images"] == 6
    assert rows["device"]["n_instances"] == 4
    assert rows["red_skin"]["n_images"] == 16
    (left,) = rows["red_skin"]["left_out"]
    assert (left["what"], left["why"], left["n_images"]) == ("tone: 3 (7), 4 (7)", "it lightens dark skin", 14)
    gaps = [row for row in record["findings"]["not_evaluated"] if row["what"].startswith("artefact ")]
    assert [(row["what"], row["why"]) for row in gaps] == [
        (
            "artefact red_skin in 14 images with tone: 3 (7), 4 (7)",
            "the spec leaves them out: it lightens dark skin",
        )
    ]
    page = (project.out / "report.html").read_text(encoding="utf-8")
    assert "Images that it was not put into" in page
    assert "it lightens dark skin" in page
    assert "tone: 3 (7), 4 (7)" in page

    project.run(project.folder / "warm")
    assert project.record(project.folder / "warm") == first
    assert project.computed(project.folder / "warm") == 0
    project.store = project.folder / "cold"
    project.run(project.folder / "again")
    assert project.record(project.folder / "again") == first


def test_an_edited_function_is_run_anew(project):
    project.change({"artefacts": None})
    project.document["artefacts"] = {"stamp": ARTEFACTS["stamp"]}
    project.change({})
    project.run()
    before = json.loads(project.record())["findings"]["artefacts"][0]["effects"][0]["raw"]["value"]
    (project.folder / "my_stamp.py").write_text(STAMP.replace("level=250", "level=0"))
    project.run(project.folder / "other")
    assert project.computed(project.folder / "other") > 0
    after = json.loads(project.record(project.folder / "other"))["findings"]["artefacts"][0]["effects"][0]["raw"][
        "value"
    ]
    assert after < before


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("    return image", "    return image[0 / 0]", "failed for instance 0: ZeroDivisionError"),
        ("    return image", "    return None", "gave nothing, not an image of uint8"),
        ("top = int", "if image.shape[0] == 64:\n        raise OSError('late')\n    top = int", "OSError: late"),
        ("def stamp", "def stump", "has no function 'stamp'; did you mean 'stump'"),
    ],
)
def test_a_function_that_fails_is_one_clear_error(project, old, new, says):
    (project.folder / "my_stamp.py").write_text(STAMP.replace(old, new))
    told = project.told()
    assert says in told
    assert "my_stamp" in told


@pytest.mark.parametrize(
    ("name", "fields", "says"),
    [
        ("red_skin", {"only": {"tone": [9]}}, "artefacts.red_skin.only.tone[0]: no image has '9' in column 'tone'"),
        (
            "red_skin",
            {"only": {"tome": [1]}},
            "has no further column 'tome'; valid are device, tone; did you mean 'tone'",
        ),
        (
            "device",
            {"swap": {"column": "devise"}},
            "artefacts.device.swap.column: manifest.csv has no further column 'devise'",
        ),
        ("stamp", {"clean_by": {"masks": "images"}}, "artefacts.stamp: clean_by.masks: "),
        ("ground", {"own_data": False}, "artefacts.ground: a background needs either images, or own_data: true"),
        ("ground", {"own_data": False, "images": "nowhere"}, "artefacts.ground.images: "),
    ],
)
def test_what_does_not_fit_is_one_clear_error(project, name, fields, says):
    project.document["artefacts"] = {name: {**ARTEFACTS[name], **fields}}
    project.change({})
    assert says in project.told()
