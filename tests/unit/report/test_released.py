"""The audited model in the words of page one."""

import pytest

from auditlens.report.page import render_page
from auditlens.report.released import files_text, model_text, twin_text
from auditlens.stages.plan import PlannedReleased

FILE = PlannedReleased(file="net<1>.onnx", format="ONNX", sha256="ab" * 32, data_files=("net.data",))
MEASURED = {"twin": True, "tolerance": 1e-3, "gap": 2.4e-7, "n_compared": 1500, "n_same": 1499}


def shipped(record, **changes):
    model = record.plan.model.model_copy(update={"released": FILE.model_copy(update=changes)})
    return record.model_copy(update={"plan": record.plan.model_copy(update={"model": model})})


def test_without_a_file_architecture_and_weights_are_named(record):
    assert model_text(record.plan.model).startswith("torchvision:<wbr>mobilenet_<wbr>v2, weights ")
    assert twin_text(record.plan.model) == ""


def test_the_file_is_named_and_escaped(record):
    said = model_text(shipped(record).plan.model)
    assert said == "net&lt;1&gt;.<wbr>onnx (ONNX), released file abababababab"
    assert files_text(FILE) == "net<1>.onnx and net.data"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (MEASURED, "(largest gap in probability 2e-07, same decision on 1,499 of 1,500 images)."),
        (MEASURED | {"gap": 0.2}, "Behaviour only: the eager twin is another model (largest gap in probability 0.2, "),
        ({}, "Behaviour only: no eager twin is given, so the inside is not evaluated."),
    ],
)
def test_page_one_and_provenance_say_whose_inside_it_was(record, run_dir, changes, said):
    shown = shipped(record, **changes)
    assert said in twin_text(shown.plan.model)
    page = render_page(run_dir, shown, "html")
    assert page.count(said) >= 1
    assert "Every measure of behaviour is of this file." in page
    assert "Model abababababab" in page


def test_an_audit_without_a_file_says_nothing_of_one(record, run_dir):
    page = render_page(run_dir, record, "html")
    assert "Released file" not in page
    assert "eager twin" not in page
