"""The section on unexplained components: what it shows, what it counts, and its table."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditlens.report.html import html_bytes
from auditlens.report.unexpected import covered_sentence, relevant_image_rows, unexpected_view
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import ComponentState
from tests.unit.report.page_reader import Page


def test_the_section_shows_pictures_classes_and_signed_shares(html: str, record: AuditRecord) -> None:
    text = Page(html).text
    start = text.index("3a Components that no concept of the spec explains", text.index("Contents") + 400)
    section = text[start : text.index("What artefacts do", start)]
    for row in record.findings.unexpected:
        assert row.id in section
    assert "14 benign (72.1 % of all images)" in section
    assert "+17.0 % for melanoma, P 0.40" in section
    assert "\N{MINUS SIGN}8.5 % for melanoma" in section
    begin = html.index('id="unexpected"')
    part = html[begin : html.index("</section>", begin)]
    shown = [row for row in record.findings.unexpected if row.state is ComponentState.UNEXPECTED]
    assert all(len(row.images) == 6 for row in shown)
    assert part.count("<img") == len(shown) * (8 + 6)  # crops and images


def test_unverified_components_stand_apart_without_pictures(record: AuditRecord) -> None:
    view = unexpected_view(record.findings)
    assert view.unexpected and view.unverified
    assert {row.found.state for row in view.unverified} == {ComponentState.UNVERIFIED}
    assert all(row.component is not None and row.component.class_name == "melanoma" for row in view.unexpected)


def test_what_is_left_out_is_counted_and_its_share_named(record: AuditRecord) -> None:
    rest, none = (covered_sentence(row) for row in record.findings.unlisted)
    assert "31 more, beyond the list or under the relevance floor, with 4.7 % (3.9 to 5.5 %)" in rest
    assert "2 components listed, with 7.1 % (6.1 to 8.1 %) of the relevance; none left out." in none


def test_the_table_has_a_row_per_component_and_image(record: AuditRecord) -> None:
    rows = relevant_image_rows(record)
    assert len(rows) == sum(len(row.images) for row in record.findings.unexpected)
    assert {row["state"] for row in rows} == {"unexpected", "unverified"}


@pytest.mark.parametrize("fields", [{"unexpected": (), "unlisted": ()}])
def test_without_any_the_section_says_so(run_dir: Path, small: AuditRecord, fields: dict[str, object]) -> None:
    bare = small.model_copy(update={"findings": small.findings.model_copy(update=fields)})
    text = Page(html_bytes(run_dir, bare).decode()).text
    assert "No component that was judged by crops is unexpected." in text
