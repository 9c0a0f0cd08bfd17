"""A second opinion in the report: side by side, counted, and absent where none was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditlens.report.html import html_bytes
from auditlens.report.markdown import summary_bytes
from auditlens.report.opinions import N_PAIRS, kind_of_pair, opinion_views
from auditlens.stages.findings import Estimate, LabelAgreement, LabelPair, Opinion, SeenByBoth
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import ComponentState, ConceptState
from tests.unit.report.page_reader import Page

LABELS = [("ruler", "ruler"), ("ruler", "ink"), ("ruler", None), (None, "ink"), (None, None)] + [(None, None)] * 20


def pair(number: int, first: str | None, second: str | None) -> LabelPair:
    states = [ComponentState.UNEXPECTED if name is None else ComponentState.SPURIOUS for name in (first, second)]
    return LabelPair(
        id=f"features.18:{number}",
        layer="features.18",
        class_name="melanoma",
        first=first,
        first_state=states[0],
        second=second,
        second_state=states[1],
    )


def opinion(kappa: float | None) -> Opinion:
    agreement = LabelAgreement(
        layer="features.18",
        class_name="melanoma",
        n=len(LABELS),
        n_first=3,
        n_second=3,
        n_either=4,
        n_same=1,
        kappa=kappa,
        note="" if kappa is not None else "too few labels to measure agreement",
    )
    seen = SeenByBoth(
        concept="ruler",
        first=ConceptState.OBSERVABLE,
        second=ConceptState.NOT_OBSERVABLE,
        first_auroc=Estimate(value=0.93, low=0.9, high=0.95),
        second_auroc=Estimate(value=0.58, low=0.5, high=0.66),
    )
    return Opinion(
        model="local-dir:another_clip",
        sha256="4" * 64,
        pairs=tuple(pair(number, *names) for number, names in enumerate(LABELS)),
        agreements=(agreement,),
        concepts=(seen,),
        sentence="local-dir:another_clip sees 0 of the 1 concepts. The verdict rests on the first model alone.",
    )


def asked(record: AuditRecord, kappa: float | None = 0.21) -> AuditRecord:
    findings = record.findings.model_copy(update={"opinions": (opinion(kappa),)})
    return record.model_copy(update={"findings": findings})


@pytest.fixture(scope="module")
def page(run_dir: Path, small: AuditRecord) -> Page:
    return Page(html_bytes(run_dir, asked(small)).decode())


def test_the_labels_stand_side_by_side_and_the_verdict_keeps_the_first(page: Page) -> None:
    assert page.wrong == []
    for words in ("another_clip", "6a", "different labels", "only the first labels", "Cohen's kappa 0.21", "0.580"):
        assert words in page.text
    assert "every gate and the verdict rest on the first" in page.text
    assert {"id": "opinions"} in page.all("h2")
    assert "#opinions" in {link["href"] for link in page.all("a")}


def test_without_an_opinion_there_is_no_section(html: str) -> None:
    assert 'id="opinions"' not in html
    assert "#opinions" not in html


def test_agreement_that_cannot_be_measured_is_said(run_dir: Path, small: AuditRecord) -> None:
    text = Page(html_bytes(run_dir, asked(small, None)).decode()).text
    assert "No kappa: too few labels to measure agreement" in text


def test_differences_are_shown_before_what_agrees(record: AuditRecord) -> None:
    ((view,),) = [row.agreements for row in opinion_views(asked(record))]
    assert len(view.pairs) == N_PAIRS and view.n_hidden == len(LABELS) - N_PAIRS
    assert [kind_of_pair(row) for row in view.pairs[:4]] == [
        "same label",
        "different labels",
        "only the first labels",
        "only the second labels",
    ]
    assert sum(view.counts.values()) == len(LABELS)
    late = asked(record).findings.opinions[0].model_copy(update={"pairs": tuple(reversed(opinion(None).pairs))})
    turned = record.model_copy(update={"findings": record.findings.model_copy(update={"opinions": (late,)})})
    ((view,),) = [row.agreements for row in opinion_views(turned)]
    assert {kind_of_pair(row) for row in view.pairs} >= {"different labels", "only the second labels"}


def test_the_summary_says_it_in_one_line(run_dir: Path, record: AuditRecord) -> None:
    text = summary_bytes(run_dir, asked(record)).decode()
    assert text.count("The verdict rests on the first model alone.") == 1
    assert "The verdict rests on" not in summary_bytes(run_dir, record).decode()
