"""Numbers in words."""

from __future__ import annotations

import pytest

from auditlens.report.bars import MARKS
from auditlens.report.titles import gate_title
from auditlens.report.wording import (
    breakable,
    estimate_text,
    limit_text,
    number,
    outcome_word,
    quantity_text,
    sham_did_more,
    typeset,
)
from auditlens.spec.model import METRICS
from auditlens.stages.findings import Estimate
from tests.unit.report.synthetic_record import estimate, gate, make_gates


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (0.0412, "percent", "4.1 %"),
        (0.246, "signed", "+0.246"),
        (-0.173, "signed", "\N{MINUS SIGN}0.173"),
        (-0.00001, "signed", "+0.000"),
        (0.9, "score", "0.900"),
        (None, "score", "\N{EN DASH}"),
        (float("inf"), "score", "\N{EN DASH}"),
    ],
)
def test_number(value: float | None, kind: str, text: str) -> None:
    assert number(value, kind) == text


def test_estimate() -> None:
    assert estimate_text(estimate(0.041, 0.01), "percent") == "4.1 % (3.1 to 5.1 %)"
    assert estimate_text(Estimate(value=0.2), "score") == "0.200"
    assert estimate_text(None) == "\N{EN DASH}"


def test_limit() -> None:
    assert limit_text(gate("g", "decision_flips", "<=", 0.02)) == "≤ 2 %"
    assert limit_text(gate("g", "effect_minus_sham", "within", 0.03)) == "within ± 0.03"
    assert limit_text(gate("g", "auroc", ">=", 0.85)) == "≥ 0.85"


def test_quantity() -> None:
    value = Estimate(value=0.1, n=364, n_units=1, n_instances=9, n_events=38)
    assert quantity_text(value) == "38 of 364 images, 1 unit, 9 instances"


def test_typeset() -> None:
    assert typeset("P >= 0.31, 95 %, +/-2") == "P ≥ 0.31, 95\N{NO-BREAK SPACE}%, ±2"
    assert (
        typeset("by -0.005 (-1 to 2), MEL-007, 2026-11-20")
        == "by \N{MINUS SIGN}0.005 (\N{MINUS SIGN}1 to 2), MEL-007, 2026-11-20"
    )
    assert typeset("inserting 'ruler' beats its sham's and theirs") == "inserting “ruler” beats its sham's and theirs"


def test_breakable_escapes_and_breaks_after_separators() -> None:
    assert breakable("python:a.b<") == "python:<wbr>a.<wbr>b&lt;"


@pytest.mark.parametrize(
    ("metric", "value", "more"),
    [
        ("decision_flips_beyond_sham", -0.11, True),
        ("decision_flips_beyond_sham", -0.0001, False),
        ("decision_flips_beyond_sham", None, False),
        ("effect_minus_sham", -0.11, False),
    ],
)
def test_says_where_the_sham_did_more(metric: str, value: float | None, more: bool) -> None:
    assert sham_did_more(metric, Estimate(value=value)) is more


def test_an_accepted_failure_reads_so() -> None:
    accepted = next(row for row in make_gates() if row.waived)
    assert outcome_word(accepted) == "fails, accepted"
    assert outcome_word(accepted) in MARKS


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_has_a_title(metric: str) -> None:
    title = gate_title(gate("g", metric, "<=", 0.1, artefact="ruler", from_class="a", to_class="b", concept="c"), {})
    assert title != "g[ruler]"
