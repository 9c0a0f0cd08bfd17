"""What was not evaluated: one reason is said once, and nothing is lost by that."""

from __future__ import annotations

from pathlib import Path

from auditlens.report.gaps import gaps, short_gaps, unseen
from auditlens.report.html import html_bytes
from auditlens.report.markdown import summary_bytes
from auditlens.stages.findings import NotEvaluated
from auditlens.stages.record import AuditRecord
from tests.unit.report.page_reader import Page
from tests.unit.report.synthetic_record import concept

WHY = "no labelled column, no example images and no insertion show that the foundation model can see it"
REMEDY = "give a 0/1 column of the data"
NAMES = tuple(f"sign_{index}" for index in range(30))


def many_unverified(small: AuditRecord) -> AuditRecord:
    """A record with 30 concepts that nothing speaks of, in three groups, and one thing that is no concept."""
    found = tuple(
        concept(name, "unverified", "none", None, reason=WHY, would_verify=REMEDY).model_copy(
            update={"group": ("ABCDE/A", "ABCDE/B", None)[index % 3]}
        )
        for index, name in enumerate(NAMES)
    )
    left_open = tuple(NotEvaluated(what=f"concept {row.concept} (unverified)", why=WHY, remedy=REMEDY) for row in found)
    left_open += (NotEvaluated(what="dependence between images", why="no unit column", remedy="declare `data.unit`"),)
    findings = small.findings.model_copy(update={"concepts": found, "not_evaluated": left_open})
    return small.model_copy(update={"findings": findings})


def test_concepts_of_one_reason_stand_together_after_single_things(small: AuditRecord) -> None:
    single, together = gaps(many_unverified(small))
    assert single.what == "dependence between images"
    assert together.what == "30 concepts unverified"
    assert [(group, len(names)) for group, names in together.groups] == [
        ("ABCDE/A", 10),
        ("ABCDE/B", 10),
        ("other", 10),
    ]


def test_other_reasons_stay_apart(small: AuditRecord) -> None:
    record = many_unverified(small)
    first, *rest = record.findings.not_evaluated
    changed = record.findings.model_copy(update={"not_evaluated": (first.model_copy(update={"why": "else"}), *rest)})
    found = gaps(record.model_copy(update={"findings": changed}))
    assert [gap.what for gap in found[1:]] == ["1 concept unverified", "29 concepts unverified"]


def test_page_one_counts_them_by_group(small: AuditRecord) -> None:
    first, second = short_gaps(many_unverified(small))
    assert first == "dependence between images"
    counts = second.replace("\N{NO-BREAK SPACE}", " ")
    assert counts == "30 concepts unverified (nothing shows they can be seen): ABCDE: A 10, B 10; other 10"


def test_every_concept_is_named_and_the_reason_said_twice_at_most(run_dir: Path, small: AuditRecord) -> None:
    text = Page(html_bytes(run_dir, many_unverified(small)).decode()).text
    assert all(f"sign {index}" in text for index in range(30))
    assert text.count(WHY) == 2


def test_the_summary_says_the_reason_once(run_dir: Path, small: AuditRecord) -> None:
    text = summary_bytes(run_dir, many_unverified(small)).decode()
    assert text.count(WHY) == 1
    assert "30 concepts unverified (ABCDE: A 10, B 10; other 10)" in text


def test_unseen_keeps_all_and_orders_by_group(small: AuditRecord) -> None:
    (part,) = unseen(many_unverified(small).findings.concepts)
    assert {row.concept for row in part.concepts} == set(NAMES)
    assert [row.group for row in part.concepts] == ["ABCDE/A"] * 10 + ["ABCDE/B"] * 10 + [None] * 10
