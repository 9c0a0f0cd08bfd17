"""A place of the record becomes a path within the repository."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditlens.report.places import Place, folder_in_repository, place_of, spec_folder


@pytest.mark.parametrize(
    ("location", "folder", "place"),
    [
        ("spec.yaml:3:5", "", Place("spec.yaml", 3, 5, known=True)),
        ("spec.yaml:3:5", "audits/skin", Place("audits/skin/spec.yaml", 3, 5, known=True)),
        ("../gates.yaml:1:1", "audits/skin", Place("audits/gates.yaml", 1, 1, known=True)),
        ("../../../gates.yaml:1:1", "audits", Place("../../../gates.yaml", 1, 1, known=True)),
        (r"sub\gates.yaml:2:1", "audits", Place("audits/sub/gates.yaml", 2, 1, known=True)),
        ("/abs/spec.yaml:3:5", "audits", Place("/abs/spec.yaml", 3, 5, known=True)),
        ("spec.yaml", "", Place("spec.yaml")),
        ("odd:name.yaml:0:0", "", Place("odd:name.yaml:0:0")),
        ("", "audits", None),
        (None, "audits", None),
    ],
)
def test_places(location: str | None, folder: str, place: Place | None) -> None:
    assert place_of(location, folder) == place


def test_the_folder_is_within_the_nearest_repository(tmp_path: Path) -> None:
    spec = tmp_path / "repository" / "audits" / "spec.yaml"
    spec.parent.mkdir(parents=True)
    (tmp_path / "repository" / ".git").mkdir()
    assert folder_in_repository(spec, {}) == "audits"
    assert folder_in_repository(tmp_path / "repository" / "spec.yaml", {}) == ""


def test_what_the_service_says_goes_first(tmp_path: Path) -> None:
    spec = tmp_path / "checkout" / "audits" / "spec.yaml"
    spec.parent.mkdir(parents=True)
    (spec.parent / ".git").mkdir()
    assert folder_in_repository(spec, {"CI_PROJECT_DIR": str(tmp_path / "checkout")}) == "audits"
    assert folder_in_repository(spec, {"GITHUB_WORKSPACE": str(tmp_path / "elsewhere")}) == ""


@pytest.mark.parametrize("text", ["{}", "[]", "no json", '{"spec_folder": 3}'])
def test_without_a_word_in_run_json_there_is_no_folder(tmp_path: Path, text: str) -> None:
    assert spec_folder(tmp_path) == ""
    (tmp_path / "run.json").write_text(text)
    assert spec_folder(tmp_path) == ""
    (tmp_path / "run.json").write_text(json.dumps({"spec_folder": "audits"}))
    assert spec_folder(tmp_path) == "audits"
