"""Baselines in the report: values beside this run's on page one, and section 2a with a picture per gate."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from auditlens.report.bars import GREEN, RED, Axis
from auditlens.report.baselines import baseline_views, shown_baselines, value_in, worse_bar
from auditlens.report.html import html_bytes
from auditlens.report.page import render_page_one
from auditlens.report.wording import number
from auditlens.stages.baselines import Altered, BaselineFinding, BaselineGate
from auditlens.stages.estimate import Estimate
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import Standing
from tests.unit.report.page_reader import Page

WORSE = Estimate(value=0.021, low=0.004, high=0.038, sided="one")


@pytest.fixture(scope="module")
def compared(small: AuditRecord) -> AuditRecord:
    """The synthetic audit against a predecessor, and an authorised version that nothing is compared with."""
    gates = tuple(
        result.model_copy(update={"standing": Standing.WORSENED if place == 3 else Standing.UNCHANGED})
        for place, result in enumerate(small.verdict.gates)
    )
    rows = tuple(
        BaselineGate(id=row.gate.id, before=row.estimate, known=True, worse=WORSE if "missed" in row.gate.id else None)
        for row in gates
    )
    old = BaselineFinding(
        name="predecessor",
        audit_id="MEL-AUD-006",
        headline="NOT ALL GATES HOLD",
        record_sha256="b" * 64,
        model_sha256="c" * 64,
        again="the data changed",
        gates=rows,
        gone=("old_gate",),
        altered=(
            Altered(aspect="decision", before="melanoma at P >= 0.3", after="melanoma at P >= 0.31", allowed=False),
        ),
    )
    older = BaselineFinding(name="authorised", record_sha256="d" * 64, why_not="its weights are gone")
    return small.model_copy(
        update={
            "findings": small.findings.model_copy(update={"baselines": (old, older)}),
            "verdict": small.verdict.model_copy(update={"gates": gates}),
        }
    )


@pytest.fixture(scope="module")
def page(run_dir: Path, compared: AuditRecord) -> Page:
    return Page(html_bytes(run_dir, compared).decode())


def test_the_section_names_what_became_of_each_baseline(page: Page) -> None:
    assert page.wrong == []
    for words in ("Against the baseline", "MEL-AUD-006", "run again by this spec, since the data changed", "old_gate"):
        assert words in page.text
    assert "Nothing is compared with it: its weights are gone." in page.text
    assert "must be equal" in page.text


def test_without_baselines_there_is_no_section(html: str) -> None:
    assert 'id="baselines"' not in html
    assert "Against the baseline" not in html


def test_page_one_shows_the_values_of_those_that_are_compared(run_dir: Path, compared: AuditRecord) -> None:
    text = render_page_one(run_dir, compared, 16)
    heads = re.findall(r"<th scope=\"col\">([^<]+)</th>", text)
    assert heads[:5] == ["Outcome", "What was asked", "predecessor", "This model (interval)", "Limit"]
    first = compared.verdict.gates[0]
    assert value_in(shown_baselines(compared)[0], first) == "87.1 %"
    assert text.count("87.1 %") >= 2


def test_what_has_worsened_stands_first(compared: AuditRecord) -> None:
    view, other = baseline_views(compared)
    assert view.rows[0].result.standing is Standing.WORSENED
    assert view.rows[0].worse == "+2.1 (+0.4 to +3.8)"
    assert (view.first, other.first, other.rows) == (True, False, ())


def test_a_baseline_has_no_difference_to_itself(compared: AuditRecord) -> None:
    first = compared.verdict.gates[0]
    old = compared.findings.baselines[0]
    for against, said in (("predecessor", number(None)), ("authorised", "87.1 %"), (None, "87.1 %")):
        gate = first.model_copy(update={"gate": first.gate.model_copy(update={"against": against})})
        assert value_in(old, gate) == said


def test_why_a_metric_has_no_difference_stands_in_its_row(compared: AuditRecord) -> None:
    first, *others = compared.verdict.gates
    seen = first.model_copy(update={"gate": first.gate.model_copy(update={"metric": "observability"})})
    bare = [row.model_copy(update={"worse": None}) for row in compared.findings.baselines[0].gates]
    old = compared.findings.baselines[0].model_copy(update={"gates": tuple(bare)})
    changed = compared.model_copy(
        update={
            "findings": compared.findings.model_copy(update={"baselines": (old,)}),
            "verdict": compared.verdict.model_copy(update={"gates": (seen, *others)}),
        }
    )
    rows = {row.result.gate.id: row for row in baseline_views(changed)[0].rows}
    assert rows[seen.gate.id].worse.startswith("no difference: is about the foundation model and the data")
    assert rows[others[0].gate.id].worse == "no difference"


@pytest.mark.parametrize(("low", "high", "colour"), [(0.01, 0.03, RED), (-0.03, -0.01, GREEN)])
def test_the_picture_shows_which_way(low: float, high: float, colour: str) -> None:
    drawn = worse_bar(Axis(-0.05, 0.05, 190), Estimate(value=(low + high) / 2, low=low, high=high))
    assert colour in drawn
    assert "worse by" in drawn
