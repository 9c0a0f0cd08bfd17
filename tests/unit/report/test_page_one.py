"""Page one: what comes first, and how gates are counted."""

from __future__ import annotations

import pytest

from auditlens.report.page_one import (
    TYPICAL_KINDS,
    best_pair,
    counts_of,
    page_one,
    ranked_gates,
    sham_ahead,
    telling_pair,
)
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import ExitCode, GateState
from tests.unit.report.synthetic_record import estimate, make_verdict


def test_counts_an_accepted_failure_apart(record: AuditRecord) -> None:
    counts = {count.word: count.n for count in counts_of(record.verdict.gates)}
    assert counts == {"fail": 3, "fails, accepted": 1, "undecided": 3, "not evaluated": 1, "hold": 7}
    assert sum(counts.values()) == len(record.verdict.gates)


def test_failing_gates_of_severity_error_come_first(record: AuditRecord) -> None:
    ranked = ranked_gates(record)
    assert [result.gate.id for result in ranked[:4]] == [
        "missed[patch]",
        "false_alarms[ruler]",
        "unexpected",
        "false_alarms[ink]",
    ]
    assert ranked[-1].state is GateState.HOLDS


@pytest.mark.parametrize("n_gates", [3, 9, 12])
def test_gates_that_do_not_fit_are_counted(record: AuditRecord, n_gates: int) -> None:
    one = page_one(record, n_gates)
    assert len(one.gates) == n_gates
    assert len(one.gates) + sum(count.n for count in one.hidden) == len(record.verdict.gates)


def test_the_picture_belongs_to_the_first_gate_with_pictures(record: AuditRecord) -> None:
    telling = telling_pair(record, ranked_gates(record))
    assert telling is not None
    assert telling.finding.artefact == "patch"
    assert telling.pair.kind == "flip"


def test_without_pictures_there_is_no_strip(record: AuditRecord) -> None:
    bare = tuple(row.model_copy(update={"pairs": ()}) for row in record.findings.artefacts)
    findings = record.findings.model_copy(update={"artefacts": bare})
    assert page_one(record.model_copy(update={"findings": findings})).telling is None


@pytest.mark.parametrize(
    ("code", "tone"), [(ExitCode.HOLDS, "remarks"), (ExitCode.UNDECIDED, "open"), (ExitCode.GATE_FAILS, "fails")]
)
def test_the_colour_follows_the_exit_code(record: AuditRecord, code: ExitCode, tone: str) -> None:
    verdict = make_verdict(record.verdict.gates, code)
    assert page_one(record.model_copy(update={"verdict": verdict})).tone == tone


def test_only_a_verdict_of_gates_that_hold_is_green(record: AuditRecord) -> None:
    holding = tuple(row for row in record.verdict.gates if row.state is GateState.HOLDS)
    assert page_one(record.model_copy(update={"verdict": make_verdict(holding, ExitCode.HOLDS)})).tone == "holds"


def test_what_stands_beside_the_gates_is_shown_and_the_rest_counted(record: AuditRecord) -> None:
    update = {"notes": tuple(f"Note {n}." for n in range(5)), "barred": True}
    one = page_one(record.model_copy(update={"verdict": record.verdict.model_copy(update=update)}))
    assert one.remarks[0].startswith("This run releases nothing")
    assert (len(one.remarks), one.n_more_remarks) == (3, 3)


def test_controls_that_did_not_come_out_stand_first(record: AuditRecord) -> None:
    assert page_one(record).controls[0].passes is False


def test_gates_stand_in_the_order_of_the_sentences(record: AuditRecord) -> None:
    ranked = ranked_gates(record)
    sentences = tuple(result.sentence for result in reversed(ranked))
    verdict = record.verdict.model_copy(update={"sentences": sentences})
    turned = ranked_gates(record.model_copy(update={"verdict": verdict}))
    holds = [result.gate.id for result in turned if result.state is GateState.HOLDS]
    assert holds == [result.gate.id for result in reversed(ranked) if result.state is GateState.HOLDS]


@pytest.mark.parametrize(("raw", "beyond", "ahead"), [(0.03, -0.07, True), (0.03, 0.02, False), (-0.01, -0.03, False)])
def test_a_sham_that_does_more_is_named(record: AuditRecord, raw: float, beyond: float, ahead: bool) -> None:
    row = record.findings.confrontations[0]
    finding = next(found for found in record.findings.artefacts if found.artefact == row.artefact)
    effect = next(found for found in finding.effects if found.true_class is None and found.scale == "probability")
    changed = effect.model_copy(update={"raw": estimate(raw), "beyond": estimate(beyond)})
    artefact = finding.model_copy(update={"effects": (changed,)})
    findings = record.findings.model_copy(update={"artefacts": (artefact,)})
    assert sham_ahead(record.model_copy(update={"findings": findings}), row) is ahead


def test_of_a_gate_that_holds_the_typical_case_is_shown(record: AuditRecord) -> None:
    finding = next(row for row in record.findings.artefacts if row.artefact == "patch")
    assert best_pair(finding, None).kind == "flip"
    assert best_pair(finding, None, TYPICAL_KINDS).kind == "median"
