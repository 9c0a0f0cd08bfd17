"""Every key of every registry stands in the documentation, as the spec writes it."""

from pathlib import Path

import pytest

from auditlens.challenge.instances import BUILDERS
from auditlens.examine.attribution.choice import ATTRIBUTORS
from auditlens.findings.gates import METRICS as MEASURED
from auditlens.report.write import WRITERS
from auditlens.spec.include import library_names
from auditlens.spec.model import METRICS
from auditlens.stages.findings import Confrontation
from auditlens.stages.states import ComponentState, ConceptState, GateState
from auditlens.subject.architectures import ARCHITECTURES

DOCS = Path(__file__).parents[2] / "docs"


def text(name):
    return (DOCS / name).read_text(encoding="utf-8")


def test_every_metric_is_measured_and_documented():
    assert set(MEASURED) == set(METRICS)
    for metric in METRICS:
        assert f"`{metric}`" in text("spec.md")


@pytest.mark.parametrize("kind", [*BUILDERS, "transplant"])
def test_every_kind_of_artefact(kind):
    headings = [line for line in text("artefacts.md").splitlines() if line.startswith("### ")]
    assert any(f"`{kind}`" in line for line in headings)


@pytest.mark.parametrize("name", [*ATTRIBUTORS, "auto"])
def test_every_attributor(name):
    assert f"`{name}`" in text("method.md")
    assert f"`{name}`" in text("models.md")


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_every_kind_of_architecture(kind):
    assert f"{kind}:" in text("models.md")


@pytest.mark.parametrize("name", WRITERS)
def test_every_file_of_a_run(name):
    shown = "tables/*.parquet" if name.endswith(".parquet") else name
    assert f"`{shown}`" in text("reports.md")
    if name.endswith(".parquet"):
        assert Path(name).stem.replace("_", " ") in text("reports.md")


@pytest.mark.parametrize("name", library_names())
def test_every_library(name):
    assert f"`{name}`" in text("spec.md")


@pytest.mark.parametrize("state", [*ComponentState, *ConceptState, *GateState])
def test_every_state(state):
    everything = " ".join(text(path.name) for path in sorted(DOCS.glob("*.md")))
    assert str(state) in everything


def test_every_conclusion_of_a_confrontation():
    for conclusion in Confrontation.model_fields["conclusion"].annotation.__args__:
        assert conclusion in text("reports.md") + text("method.md") + text("statistics.md")
