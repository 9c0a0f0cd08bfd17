"""A whole audit with an encoder that reads no text, concepts by columns, and a text-image model as second opinion."""

import json

import pytest
import timm
import torch
from safetensors.torch import save_file

from auditlens.api import load_record
from auditlens.stages.states import ConceptState
from tests.e2e.project import Project
from tests.e2e.test_bad_input import write_table
from tests.unit.semantics.test_text_image import COCA, write_model


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("foundations"))
    write_table(project, site="arm")
    table = project.folder / "table.csv"
    rows = table.read_text().splitlines()
    table.write_text("\n".join(row.replace(",arm", ",leg") if number % 2 else row for number, row in enumerate(rows)))
    torch.manual_seed(0)
    save_file(timm.create_model("test_vit", pretrained=False).state_dict(), project.folder / "vit.safetensors")
    write_model(project.folder / "coca", COCA)
    project.change(
        {
            "foundation": {"model": "timm:test_vit", "pretrained": "vit.safetensors", "image_size": 32},
            "opinions": [{"model": "local-dir:coca"}],
            "concepts": {
                "leg": {"column": "site", "value": "leg"},
                "dark": {"images": "images/benign"},
                "ruler": {"texts": ["ruler"]},
            },
            "classes": {"melanoma": {"spurious": ["leg", "ruler"], "valid": ["dark"]}},
            "examine": {"n_examples": 3, "max_components": 2, "example_weights": "activation"},
        }
    )
    done = project.run()
    assert done.returncode in (0, 1, 3), done.stderr
    return project


def test_the_record_holds_both_models_and_what_each_sees(project):
    record = load_record(project.out)
    assert (record.plan.foundation.reads_text, record.plan.opinions[0].reads_text) == (False, True)
    found = {row.concept: row for row in record.findings.concepts}
    assert (found["leg"].source, found["leg"].probe) == ("column", "cav")
    assert found["dark"].source == "images"
    assert (found["ruler"].state, found["ruler"].reason) == (ConceptState.UNVERIFIED, "timm:test_vit reads no text")
    (opinion,) = record.findings.opinions
    assert opinion.model == "local-dir:coca"
    assert [pair.id for pair in opinion.pairs] == [row.id for row in record.findings.components]
    assert all(row.kappa is None and "too few labels" in row.note for row in opinion.agreements)


def test_interpretability_needs_no_words(project):
    record = load_record(project.out)
    assert all(row.clarity is not None and row.polysemanticity is not None for row in record.findings.components)
    assert set(record.findings.redundancy) == {"1"}
    assert not any("unrelated" in control.name for control in record.findings.controls)


def test_the_report_says_it(project):
    page = (project.out / "report.html").read_text()
    for words in (
        "which reads no text",
        "What a second foundation model says",
        "concept activation vector",
        "No kappa",
    ):
        assert words in page
    assert "The verdict rests on the first model alone." in (project.out / "summary.md").read_text()


def test_a_second_run_reads_both_models_results_from_the_store(project):
    project.run(project.folder / "again")
    assert json.loads((project.folder / "again" / "run.json").read_text())["results_computed"] == 0
    assert project.record() == project.record(project.folder / "again")
