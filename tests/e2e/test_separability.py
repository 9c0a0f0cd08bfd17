"""Separability and removal through the installed engine, spec to gate, table and page."""

import csv
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from .project import Project

SPURIOUS = {"combined": "all", "combined_images": 4, "backgrounds": 3, "images": {"bright": "images/melanoma"}}


@pytest.fixture
def project(tmp_path):
    """Bright bars with masks in the first four benign pictures, which are flagged; lesion masks for all."""
    found = Project(tmp_path)
    lesion = np.zeros((64, 64), dtype=np.uint8)
    lesion[24:40, 24:40] = 255
    Image.fromarray(lesion).save(tmp_path / "lesion.png")
    bar = np.zeros((64, 64), dtype=np.uint8)
    bar[54:60, 12:52] = 255
    (tmp_path / "bars").mkdir()
    with (tmp_path / "manifest.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "label", "mask", "bar"])
        for path in sorted((tmp_path / "images").rglob("*.png")):
            path = path.rename(path.with_name(path.parent.name + path.name))
            barred = path.stem in {f"benign{number:02d}" for number in range(4)}
            if barred:
                pixels = np.asarray(Image.open(path)).copy()
                pixels[54:60, 12:52] = 250
                Image.fromarray(pixels).save(path)
                Image.fromarray(bar).save(tmp_path / "bars" / path.name)
            rows.writerow([path.relative_to(tmp_path).as_posix(), path.parent.name, "lesion.png", int(barred)])
    found.document["data"] = {"manifest": "manifest.csv", "image": "image", "label": "label", "mask": "mask"}
    found.document["artefacts"] = {
        "bar": {"kind": "frame", "n_instances": 6, "column": "bar", "removal": {"masks": "bars"}},
        "red_skin": {"kind": "tint", "colour": [231, 128, 151]},
    }
    gates = {
        "told": {"metric": "separability", "artefact": "bar", "limit": ">= 0.6"},
        "loss": {"metric": "separability_drop", "each": {"artefact": "all"}, "limit": "<= 0.3"},
        "beyond": {"metric": "separability_drop_beyond_sham", "artefact": "bar", "limit": "<= 0.3"},
    }
    challenge = {"separability": SPURIOUS, "response_images": 0, "n_pairs": 3}
    found.change({"gates": gates, "challenge": challenge, "examine": {"ablation_images": 0}})
    return found


def test_everything_reaches_record_table_and_page(project):
    done = project.run()
    assert done.returncode in (0, 1, 2), done.stderr
    record = json.loads(project.record())
    lines = {
        (row["name"], row["source"]): row
        for row in record["findings"]["separability"]
        if row["class_name"] == "melanoma"
    }
    assert set(lines) == {
        ("bar", "other classes"), ("red_skin", "other classes"), ("combined", "other classes"),
        ("bar", "backgrounds"), ("red_skin", "backgrounds"), ("bright", "images"),
    }  # fmt: skip
    assert lines["bright", "images"]["drop"] is None
    assert lines["bright", "images"]["with_artefact"]["value"] == pytest.approx(0.5)  # the class against itself
    (removal,) = [row for row in record["findings"]["removals"] if row["class_name"] == "melanoma"]
    assert removal["n_images"] + removal["n_no_room"] == 4
    assert removal["changes"][-1]["beyond"]["value"] < 0  # the bar was bright, and bright is melanoma
    gates = {row["gate"]["id"]: row for row in record["verdict"]["gates"]}
    assert {"told", "loss[bar]", "loss[red_skin]", "beyond"} <= set(gates)
    assert all(gates[name]["state"] != "not evaluated" for name in gates)
    assert gates["told"]["estimate"]["value"] == lines["bar", "other classes"]["with_artefact"]["value"]
    assert pq.read_table(project.out / "tables" / "separability.parquet").num_rows == len(
        record["findings"]["separability"]
    )
    assert pq.read_table(project.out / "tables" / "removals.parquet").num_rows > 4
    page = (project.out / "report.html").read_text(encoding="utf-8")
    assert "Told from images with spurious features only" in page
    assert "Artefacts taken out" in page
    assert list((project.out / "images" / "removals").glob("bar-*-control.jpg"))


@pytest.mark.long
def test_warm_and_cold_give_the_same_bytes(project):
    project.run()
    first = project.record()
    project.run()
    assert project.record() == first


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"combined": ["bra"]}, "there is no artefact 'bra'"), ({"images": "nowhere"}, "nowhere")],
)
def test_what_is_not_there_is_told_before_anything_runs(project, settings, said):
    project.document["challenge"]["separability"] = settings
    project.change({})
    assert said in project.told()


def test_a_mask_folder_without_masks_is_told(project):
    for path in (project.folder / "bars").iterdir():
        path.unlink()
    assert "holds no mask" in project.told()
