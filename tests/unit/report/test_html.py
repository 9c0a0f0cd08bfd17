"""The HTML report: structure, self-containment, accessibility, and the words that are never written."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from auditlens.errors import IntegrityError
from auditlens.report.classes import share_segments
from auditlens.report.html import html_bytes
from auditlens.report.page import render_page_one
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import ComponentState, ConceptState
from tests.unit.report.page_reader import Page

NEVER = (
    r"compliant|compliance|conformant|certified|certif\w+|validated|unbiased|trustworthy|safe|overall score|"
    r"no reliance found|no significant difference|uses the ABCDE rule|causes? missed|audit sensitivity|"
    r"will hold|pass(es|ed)?"
)
"""Words that a report must not claim (validation needs, page one)."""


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_tags_are_balanced(page: Page) -> None:
    assert page.wrong == []


def test_has_language_title_and_one_main_heading(page: Page) -> None:
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("h1")) == 1
    assert "MEL-AUD-007" in page.text


def test_reads_nothing_from_outside(html: str, page: Page) -> None:
    links = [
        value
        for _, attributes in page.elements
        for name in ("src", "href", "xlink:href")
        if (value := attributes.get(name))
    ]
    assert links
    assert all(link.startswith(("data:", "#")) for link in links)
    assert all(url.startswith("data:") for url in re.findall(r"url\(\"?([^)\"]+)", html) if not url.startswith("#"))
    assert "@import" not in html


def test_works_without_scripts(page: Page) -> None:
    assert page.all("script") == []


def test_anchors_lead_somewhere_and_are_unique(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {a["href"].removeprefix("#") for a in page.all("a") if a["href"]} <= set(ids)


def test_table_headers_have_a_scope(page: Page) -> None:
    assert all(header.get("scope") in ("col", "row") for header in page.all("th"))


def test_pictures_have_texts(page: Page) -> None:
    assert all(image.get("alt") for image in page.all("img"))
    pictures = [svg for svg in page.all("svg") if svg.get("aria-hidden") != "true"]
    assert pictures and all(svg.get("aria-label") for svg in pictures)


def test_shows_every_gate_concept_component_state_and_remedy(page: Page, record: AuditRecord) -> None:
    for result in record.verdict.gates:
        assert result.gate.id in page.text
    for row in record.findings.not_evaluated:
        assert row.remedy in page.text
    for state in (*ConceptState, *ComponentState):
        assert state.value in page.text or state is ComponentState.IRRELEVANT
    assert record.plan.methods[0].reason in page.text
    assert "crossed bootstrap, 10,000 draws" in page.text


def test_never_writes_what_no_audit_can_claim(page: Page, record: AuditRecord) -> None:
    text = page.text.replace(" ".join(record.spec_text.split()), "")
    assert [match.group() for match in re.finditer(rf"\b({NEVER})\b", text, re.IGNORECASE)] == []


def test_escapes_what_the_spec_says(run_dir: Path, small: AuditRecord) -> None:
    title = "<script>alert('x')</script> & co {{ 7 * 7 }}"
    spec = small.spec | {"audit": small.spec["audit"] | {"title": title}}
    text = html_bytes(run_dir, small.model_copy(update={"spec": spec})).decode()
    assert "<script>" not in text
    assert Page(text).text.count("{{ 7 * 7 }}") >= 2


def test_equal_records_give_equal_bytes(run_dir: Path, record: AuditRecord, html: str) -> None:
    assert html_bytes(run_dir, record).decode() == html


def test_is_small(html: str) -> None:
    assert len(html) < 6_000_000


def test_says_where_a_picture_is_missing(tmp_path: Path, small: AuditRecord) -> None:
    text = html_bytes(tmp_path, small).decode()
    assert "picture not in this run folder" in text
    assert "<img" not in text


def test_refuses_a_picture_that_is_not_the_record_s(run_dir: Path, small: AuditRecord) -> None:
    name = small.findings.components[0].examples[0].file
    assert name is not None
    wrong = small.model_copy(update={"images": small.images | {name: "0" * 64}})
    with pytest.raises(IntegrityError, match="is not the one of the record"):
        html_bytes(run_dir, wrong)


def test_without_inside_and_artefacts_it_still_renders(run_dir: Path, small: AuditRecord) -> None:
    nothing = {"performance": None, "concepts": (), "components": (), "classes": (), "artefacts": ()}
    nothing |= {"confrontations": (), "controls": (), "not_evaluated": (), "redundancy": {}}
    findings = small.findings.model_copy(update=nothing)
    plan = small.plan.model_copy(update={"foundation": None, "methods": ()})
    text = html_bytes(run_dir, small.model_copy(update={"findings": findings, "plan": plan})).decode()
    assert Page(text).wrong == []
    assert "No artefact was tested." in text


def test_every_number_of_page_one_stands_in_the_record(run_dir: Path, record: AuditRecord) -> None:
    text = Page(render_page_one(run_dir, record, 12)).text.replace("\N{MINUS SIGN}", "-").replace(",", "")
    known = written_forms(record)
    found = re.findall(r"(?<![\w.])[+-]?\d+(?:\.\d+)?(?![\w])", text)
    assert len(found) > 60
    assert [number for number in found if number.lstrip("+-") not in known] == []


def written_forms(record: AuditRecord) -> set[str]:
    """Every number of the record as page one may write it, counts of gates and section numbers included."""
    data = record.model_dump(mode="json")
    forms = {str(n) for n in range(1, 11)}
    stack: list[object] = [data]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack += list(value.values())
        elif isinstance(value, list):
            stack += value
        elif isinstance(value, str):
            forms |= {number.lstrip("+-") for number in re.findall(r"[+-]?\d+(?:\.\d+)?", value)}
        elif isinstance(value, int | float) and not isinstance(value, bool):
            forms |= {f"{abs(value):.3f}", f"{abs(100 * value):.1f}", f"{abs(value):g}", f"{abs(100 * value):g}"}
    return forms


def test_headings_skip_no_level(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_what_is_judged_by_whole_images_is_no_segment_of_the_bar(page: Page, record: AuditRecord) -> None:
    finding = record.findings.classes[0]
    segments = share_segments(finding)
    assert {word for word, _, _ in segments} == {state.value for state in finding.share_by_state}
    assert sum(share for _, share, _ in segments) == pytest.approx(1.0)
    assert "whole images only" in page.text
    assert "not looked at" not in page.text
