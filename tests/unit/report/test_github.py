"""Workflow commands, the step's summary and its outputs."""

from __future__ import annotations

import re
from pathlib import Path

from auditlens.report.github import command, fenced, gate_annotations, outputs, tell_step
from auditlens.report.markdown import CUT, MAX_BYTES
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import GateState, Severity
from auditlens.stages.verdict import DEFAULT_POLICY
from tests.unit.report.varied import make_result, make_verdict, with_verdict


def test_a_command_is_escaped() -> None:
    made = command("error", "100 %\nof: a, b", file="a:b,c.yaml", line=3)
    assert made == "::error file=a%3Ab%2Cc.yaml,line=3::100 %25%0Aof: a, b"


def test_an_annotation_points_at_the_line_of_the_spec(record: AuditRecord) -> None:
    first = gate_annotations(record, "audits")[0]
    assert first.startswith(
        "::error file=audits/specs/melanoma.yaml,line=46,col=5,title=missed[patch]%3A FAILS::Of 100"
    )


def test_what_counts_stands_before_what_does_not(record: AuditRecord) -> None:
    levels = [line.split()[0] for line in gate_annotations(record)]
    assert levels == ["::error"] * 5 + ["::warning"] * 2 + ["::notice"]
    assert "M. Keller" in gate_annotations(record)[-1], "an accepted failure names its waiver"


def test_the_rest_is_counted(record: AuditRecord) -> None:
    gates = tuple(make_result(n, GateState.FAILS, Severity.WARN if n < 8 else Severity.ERROR) for n in range(20))
    lines = gate_annotations(with_verdict(record, make_verdict(gates, DEFAULT_POLICY)))
    assert len(lines) == 11
    assert [line.split()[0] for line in lines[:10]] == ["::error"] * 10
    assert lines[10] == (
        "::notice title=AuditLens::10 more gates that do not hold are in the report, 2 of them count for the exit code."
    )


def test_all_green_says_nothing(record: AuditRecord) -> None:
    gates = (make_result(0, GateState.HOLDS),)
    assert gate_annotations(with_verdict(record, make_verdict(gates, DEFAULT_POLICY))) == []


def test_fenced_text_cannot_speak_to_the_runner() -> None:
    lines = fenced("a\n::error::b").splitlines()
    match = re.fullmatch(r"::stop-commands::([0-9a-f]{32})", lines[0])
    assert match is not None
    assert lines[-1] == f"::{match.group(1)}::"


def test_the_step_gets_summary_and_outputs(tmp_path: Path, record: AuditRecord) -> None:
    environment = {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary"), "GITHUB_OUTPUT": str(tmp_path / "output")}
    (tmp_path / "summary").write_text("# before\n")
    tell_step(Path("out"), record, environment)
    assert (tmp_path / "summary").read_text().startswith("# before\n# NOT ALL GATES HOLD\n")
    lines = dict(line.split("=", 1) for line in (tmp_path / "output").read_text().splitlines())
    assert lines == outputs(Path("out"), record)
    assert (lines["exit-code"], lines["failing"], lines["undecided"]) == ("1", "2", "3")
    assert (lines["verdict"], lines["report"]) == ("NOT ALL GATES HOLD", "out/report.html")


def test_an_output_cannot_bring_another_one(record: AuditRecord) -> None:
    verdict = record.verdict.model_copy(update={"headline": "A\nexit-code=0"})
    assert outputs(Path("out"), with_verdict(record, verdict))["verdict"] == "A exit-code=0"


def test_without_a_runner_nothing_is_written(tmp_path: Path, record: AuditRecord) -> None:
    tell_step(tmp_path, record, {})
    assert list(tmp_path.iterdir()) == []


def test_a_summary_that_would_not_fit_beside_what_is_there_is_cut(tmp_path: Path, record: AuditRecord) -> None:
    path = tmp_path / "summary"
    path.write_text("x" * (MAX_BYTES - 500))
    tell_step(tmp_path, record, {"GITHUB_STEP_SUMMARY": str(path)})
    assert path.stat().st_size <= MAX_BYTES
    assert path.read_text().endswith(f"{CUT}\n")
