"""Doses and combinations through the installed engine: run, judged, shown, stored, and the same when warm."""

import json

import pandas as pd
import pytest

from auditlens.api import load_record

from .project import Project


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = Project(tmp_path_factory.mktemp("doses"))
    made.change(
        {
            "artefacts": {
                "red_skin": made.document["artefacts"]["red_skin"] | {"dose": {"opacity": [0.2, 0.6, 1.0]}},
                "patch": {"kind": "band_aid", "dose": {"count": [1, 3], "position": [0, 1]}},
            },
            "challenge": {"dose_images": 6, "combinations": {"images": 8}, "response_images": 0},
            "examine": {"ablation_images": 0},
        }
    )
    done = made.run()
    assert done.returncode in (0, 1, 3), done.stderr
    return made


def test_every_dose_and_combination_is_judged(project):
    found = json.loads(project.record())["findings"]
    doses = [(row["artefact"], row["dimension"], len(row["levels"]), row["n_images"]) for row in found["doses"]]
    assert doses == [("red_skin", "opacity", 3, 12), ("patch", "count", 2, 12), ("patch", "position", 2, 12)]
    assert [limit["gate"] for limit in found["doses"][0]["limits"]] == ["alarm"]
    (pair,) = found["combinations"]
    assert pair["artefacts"] == ["red_skin", "patch"] and pair["n_images"] == 16
    assert pair["interaction"]["low"] <= pair["interaction"]["value"] <= pair["interaction"]["high"]


def test_pictures_and_tables_are_written(project):
    record = load_record(project.out)
    for row in record.findings.doses:
        assert [shown.level for shown in row.strip.pictures][1:] == [level.level for level in row.levels]
        for shown in row.strip.pictures:
            assert all((project.out / file).is_file() for file in shown.files.values())
    pictures = record.findings.combinations[0].pictures
    assert pictures.titles == ("as it is", "red skin", "patch", "together", "with the shams")
    assert all((project.out / file).is_file() for file in pictures.files)
    assert len(pd.read_parquet(project.out / "tables" / "doses.parquet")) == (3 + 2 + 2) * 3
    assert "margin, interaction" in set(pd.read_parquet(project.out / "tables" / "combinations.parquet").measure)
    page = (project.out / "report.html").read_text(encoding="utf-8")
    assert "Dose and response" in page and "Several artefacts together" in page
    assert (project.out / "report.pdf").stat().st_size > 0


def test_a_warm_run_computes_nothing_and_gives_the_same_bytes(project, tmp_path):
    first = project.record()
    assert project.run(tmp_path / "again").returncode in (0, 1, 3)
    assert project.record(tmp_path / "again") == first
    assert project.computed(tmp_path / "again") == 0


def test_a_wrong_dose_costs_nothing(project, tmp_path):
    broken = Project(tmp_path)
    broken.change({"artefacts": {"red_skin": {**broken.document["artefacts"]["red_skin"], "dose": {"scale": [1, 2]}}}})
    said = broken.told()
    assert "artefacts.red_skin.dose.scale: a tint has no size; its dose is opacity" in said
