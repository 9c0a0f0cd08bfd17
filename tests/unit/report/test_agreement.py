"""All files, the terminal and the exit code tell the same verdict, whatever its gates and its policy."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import junitparser
from hypothesis import HealthCheck, given, settings

from auditlens.cli.verdict_text import plain_verdict
from auditlens.report.beside import exit_text
from auditlens.report.github import gate_annotations
from auditlens.report.gitlab import gitlab_bytes
from auditlens.report.junit import junit_bytes
from auditlens.report.markdown import summary_bytes
from auditlens.report.page_one import page_one
from auditlens.report.sarif import sarif_bytes, upload_bytes
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import GateState, Standing
from auditlens.stages.verdict import Verdict
from auditlens.verdict import Weight, is_accepted, weight_of
from tests.unit.report.varied import verdicts, with_verdict

COUNTED = (Weight.FAILURE, Weight.UNDECIDED)
SETTINGS = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def ids(verdict: Verdict, *weights: Weight) -> set[str]:
    return {row.gate.id for row in verdict.gates if weight_of(row, verdict.policy) in weights}


def accepted(verdict: Verdict) -> set[str]:
    return {row.gate.id for row in verdict.gates if is_accepted(row)}


@given(verdict=verdicts())
@SETTINGS
def test_junit(tmp_path: Path, record: AuditRecord, verdict: Verdict) -> None:
    raw = junit_bytes(tmp_path, with_verdict(record, verdict))
    cases = {case.get("name"): case for case in ElementTree.fromstring(raw).iter("testcase")}
    assert len(cases) == len(verdict.gates)

    def marked(mark: str) -> set[str]:
        return {name for name, case in cases.items() if case.find(mark) is not None}

    assert marked("failure") == ids(verdict, Weight.FAILURE)
    assert marked("error") == ids(verdict, Weight.UNDECIDED)
    assert marked("skipped") == ids(verdict, Weight.REMARK)
    suite = next(iter(junitparser.JUnitXml.fromstring(raw)))
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (
        len(verdict.gates),
        *(len(ids(verdict, weight)) for weight in (Weight.FAILURE, Weight.UNDECIDED, Weight.REMARK)),
    )
    assert bool(suite.failures or suite.errors) == (verdict.exit_code != 0)


@given(verdict=verdicts())
@SETTINGS
def test_sarif_and_what_is_uploaded_of_it(tmp_path: Path, record: AuditRecord, verdict: Verdict) -> None:
    whole, upload = (
        json.loads(write(tmp_path, with_verdict(record, verdict)))["runs"][0] for write in (sarif_bytes, upload_bytes)
    )
    rows = {row["properties"]["gate"]: row for row in whole["results"]}
    fixed = {row.gate.id for row in verdict.gates if row.standing is Standing.FIXED}
    assert set(rows) == ids(verdict, Weight.REMARK, *COUNTED) | fixed
    assert {name for name, row in rows.items() if row["suppressions"]} == accepted(verdict)
    assert {name for name, row in rows.items() if row["level"] == "error"} == ids(verdict, Weight.FAILURE)
    assert {name for name, row in rows.items() if row.get("baselineState") == "absent"} == fixed
    assert all((row["kind"] == "fail") or row["level"] == "none" for row in rows.values())
    sent = {row["properties"]["gate"]: row["level"] for row in upload["results"]}
    assert set(sent) == ids(verdict, Weight.REMARK, *COUNTED) - accepted(verdict)
    assert {name for name, level in sent.items() if level == "error"} == ids(verdict, *COUNTED)
    for run in (whole, upload):
        assert run["invocations"][0]["exitCode"] == verdict.exit_code
    assert ("error" in sent.values()) == (verdict.exit_code != 0)


@given(verdict=verdicts())
@SETTINGS
def test_gitlab(tmp_path: Path, record: AuditRecord, verdict: Verdict) -> None:
    rows = json.loads(gitlab_bytes(tmp_path, with_verdict(record, verdict)))
    severities = {row["description"].partition(":")[0]: row["severity"] for row in rows}
    assert set(severities) == ids(verdict, Weight.REMARK, *COUNTED)
    for severity, expected in (
        ("critical", ids(verdict, Weight.FAILURE)),
        ("major", ids(verdict, Weight.UNDECIDED)),
        ("minor", ids(verdict, Weight.REMARK) - accepted(verdict)),
        ("info", accepted(verdict)),
    ):
        assert {name for name, given_ in severities.items() if given_ == severity} == expected
    assert len({row["fingerprint"] for row in rows}) == len(rows)


@given(verdict=verdicts())
@SETTINGS
def test_github(record: AuditRecord, verdict: Verdict) -> None:
    lines = gate_annotations(with_verdict(record, verdict))
    open_gates = ids(verdict, Weight.REMARK, *COUNTED)
    shown = [line for line in lines if "title=AuditLens" not in line]
    assert len(shown) == min(10, len(open_gates))
    assert all("\n" not in line and "\r" not in line for line in lines)
    errors = [line for line in shown if line.startswith("::error ")]
    assert len(errors) == min(10, len(ids(verdict, *COUNTED)))
    assert shown[: len(errors)] == errors
    assert bool(errors) == (verdict.exit_code != 0)
    assert (len(lines) > len(shown)) == (len(open_gates) > 10)
    if len(open_gates) > 10:
        assert lines[-1].startswith("::notice title=AuditLens::" + str(len(open_gates) - 10))


@given(verdict=verdicts())
@SETTINGS
def test_texts(tmp_path: Path, record: AuditRecord, verdict: Verdict) -> None:
    changed = with_verdict(record, verdict)
    summary, plain = summary_bytes(tmp_path, changed).decode(), plain_verdict(changed)
    counts = {count.word: count.n for count in page_one(changed).counts}
    assert sum(counts.values()) == len(verdict.gates)
    assert f"**{' · '.join(f'{n} {word}' for word, n in counts.items())}**" in summary
    for text in (summary, plain):
        assert exit_text(verdict) in text
        assert verdict.headline in text
        assert ("releases nothing" in text) == verdict.barred
    told = re.findall(r"^gate\d+(?: \(warn\))?  +(fails, accepted|fails|inconclusive|not evaluated|holds)", plain, re.M)
    expected = ["fails, accepted" if is_accepted(row) else row.state.value for row in verdict.gates]
    assert told == expected


@given(verdict=verdicts(most=6))
@SETTINGS
def test_the_colour_of_the_headline(record: AuditRecord, verdict: Verdict) -> None:
    tone = page_one(with_verdict(record, verdict)).tone
    assert (tone in ("fails", "open")) == (verdict.exit_code != 0)
    assert (tone == "holds") == all(row.state is GateState.HOLDS for row in verdict.gates)
