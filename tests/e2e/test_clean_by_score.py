"""Artefacts that nobody flagged: images that carry them are told by a score, through the whole engine."""

import pytest
import timm
import torch
from safetensors.torch import save_file

from auditlens.api import load_record
from tests.unit.gather.test_carriers import redden

from .project import Project

REDDENED = (16, 17, 23, 29)


@pytest.fixture
def project(tmp_path):
    found = Project(tmp_path)
    torch.manual_seed(0)
    save_file(timm.create_model("test_vit", pretrained=False).state_dict(), tmp_path / "vit.safetensors")
    pictures = sorted((tmp_path / "images").rglob("*.png"))
    for place in (8, 9, 10, 12, 13, 14, 15, 18, 19, 20, 21, 22, 24, 25, 26):
        redden(pictures[place], tmp_path / "refs" / f"{place}.png")
    for place in REDDENED:
        redden(pictures[place], pictures[place])
    found.change(
        {
            "foundation": {"model": "timm:test_vit", "pretrained": "vit.safetensors", "image_size": 32},
            "concepts": {"redness": {"images": "refs", "artefact": "red_skin"}},
            "classes": {"melanoma": {"spurious": ["redness"]}},
            "artefacts": {"red_skin": {"clean_by": {"score": "redness"}, "kind": "tint", "colour": [231, 128, 151]}},
            "examine": {"ablation_images": 0},
            "gates": {"works": {"metric": "sensitivity", "limit": ">= 0.5"}},
        }
    )
    return found


def test_carriers_are_left_out_and_the_data_is_asked_by_score(project):
    done = project.run()
    assert done.returncode in (0, 1, 3), done.stderr
    record = load_record(project.out)
    (found,) = record.findings.artefacts
    assert found.n_images == 26
    assert found.cleaning.startswith("Clean by score: of 30 images without a flag, 4 with a score for 'redness' above")
    assert len(record.findings.responses) > 0
    (prevalence,) = record.findings.prevalences
    assert (prevalence.source, prevalence.by) == ("score", "redness")
    (line,) = record.findings.confrontations
    assert line.data == prevalence.sentence
    page = (project.out / "report.html").read_text(encoding="utf-8")
    assert "Clean by score" in page
    assert "By score, not by flag" in page
    again = project.folder / "again"
    project.run(again)
    assert project.computed(again) == 0
    assert project.record(again) == project.record()


def test_a_score_that_cannot_tell_skips_the_artefact_with_the_reason(project):
    project.change({"concepts": {"redness": {"images": "images/benign", "artefact": "red_skin"}}})
    project.run()
    record = load_record(project.out)
    assert record.findings.artefacts == ()
    (gate,) = [row for row in record.verdict.gates if row.gate.id == "alarm"]
    assert gate.state == "not evaluated"
    assert "the score of redness cannot tell" in gate.sentence
