"""The section on layers, words and labels: both rules side by side, the heat map, and what stands in its tables."""

from __future__ import annotations

from pathlib import Path

from auditlens.report.classes import class_views
from auditlens.report.heatmap import heatmap
from auditlens.report.html import html_bytes
from auditlens.report.layers import layers_view
from auditlens.report.vocabulary import faithfulness_rows, word_rows
from auditlens.stages.record import AuditRecord
from tests.unit.report.page_reader import Page


def test_both_rules_stand_side_by_side_with_what_they_say_of_random_sets(html: str, record: AuditRecord) -> None:
    text = Page(html).text
    finding = record.findings.vocabulary[0]
    n_decided = finding.categories[1].n_decided
    assert "it also labels 98.7 % of random sets of images" in text
    assert "it labels 0.4 % of random sets" in text
    assert f"Spurious 0 {n_decided} 21.3 % (19.3 to 23.3 %)" in text
    assert f"No label 0 {finding.n_components - n_decided}" in text
    assert f"measuring scale {n_decided}" in text
    assert "Benign 0 0" not in text


def test_the_heat_map_has_a_number_per_pair_and_none_on_the_diagonal() -> None:
    drawn = heatmap(["a.early", "b"], {("a.early", "b"): 0.7132, ("b", "a.early"): -0.05}, "said")
    assert drawn.count("<rect") == 4
    assert ">0.71<" in drawn and ">\N{MINUS SIGN}0.05<" in drawn
    assert 'aria-label="said"' in drawn
    assert "&lt;x" in heatmap(["<x>"], {}, "said")


def test_the_least_faithful_labels_come_first(html: str, record: AuditRecord) -> None:
    view = layers_view(record.findings)
    assert [row.phi for row in view.faithfulness] == [0.07, 0.42, 1.0]
    assert "has ruler (its own)" in Page(html).text


def test_layers_are_compared_only_where_there_are_several(run_dir: Path, small: AuditRecord) -> None:
    several = {
        "classes_by_layer": tuple(row.model_copy(update={"layer": "features.10"}) for row in small.findings.classes)
    }
    wide = small.model_copy(update={"findings": small.findings.model_copy(update=several)})
    assert "Where in the network" not in Page(html_bytes(run_dir, small).decode()).text
    page = Page(html_bytes(run_dir, wide).decode())
    assert page.wrong == []
    assert "melanoma 1,280" in page.text[page.text.index("Where in the network") :]


def test_without_anything_to_describe_there_is_no_section(record: AuditRecord) -> None:
    nothing = {"vocabulary": (), "set_similarity": (), "faithfulness": (), "classes_by_layer": ()}
    assert not layers_view(record.findings.model_copy(update=nothing)).shown


def test_the_tables_have_a_row_per_component(record: AuditRecord) -> None:
    assert len(word_rows(record)) == record.findings.vocabulary[0].n_components
    assert [row["phi"] for row in faithfulness_rows(record)] == [1.0, 0.42, 0.07]


def test_what_a_class_shows_is_of_the_layer_that_gates_read(small: AuditRecord) -> None:
    one = small.findings.components[0]
    other = one.model_copy(update={"id": "features.10:1", "layer": "features.10"})
    classes = tuple(row.model_copy(update={"layer": one.layer}) for row in small.findings.classes)
    fields = {"components": (one, other), "classes": classes}
    view = class_views(small.model_copy(update={"findings": small.findings.model_copy(update=fields)}))[0]
    assert [row.id for row in view.shown] == [one.id]
