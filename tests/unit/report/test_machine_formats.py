"""`junit.xml`, `results.sarif` and `summary.md`."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from auditlens.report.gitlab import gitlab_bytes
from auditlens.report.junit import junit_bytes
from auditlens.report.markdown import cell, summary_bytes
from auditlens.report.sarif import sarif_bytes, upload_bytes
from auditlens.report.write import Writer
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import GateState
from tests.unit.report.conftest import GOLDEN


@pytest.mark.parametrize(
    ("name", "writer"),
    [
        ("summary.md", summary_bytes),
        ("junit.xml", junit_bytes),
        ("results.sarif", sarif_bytes),
        ("results.upload.sarif", upload_bytes),
        ("gl-code-quality-report.json", gitlab_bytes),
    ],
)
def test_golden(run_dir: Path, record: AuditRecord, name: str, writer: Writer) -> None:
    """Set AUDITLENS_WRITE_GOLDEN=1 to write the files anew, and read the diff."""
    text = writer(run_dir, record)
    if os.environ.get("AUDITLENS_WRITE_GOLDEN"):
        (GOLDEN / name).write_bytes(text)
    assert text == (GOLDEN / name).read_bytes()


def test_junit_counts_match_its_cases(run_dir: Path, record: AuditRecord) -> None:
    suite = ElementTree.fromstring(junit_bytes(run_dir, record)).find("testsuite")
    assert suite is not None
    counted = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    for attribute, element in counted.items():
        assert int(suite.get(attribute, "-1")) == len(suite.findall(f"testcase/{element}"))
    assert int(suite.get("tests", "-1")) == len(record.verdict.gates)


def test_junit_is_green_only_where_a_gate_holds(run_dir: Path, record: AuditRecord) -> None:
    root = ElementTree.fromstring(junit_bytes(run_dir, record))
    marks = ("failure", "error", "skipped")
    green = {case.get("name") for case in root.iter("testcase") if all(case.find(mark) is None for mark in marks)}
    assert green == {row.gate.id for row in record.verdict.gates if row.state is GateState.HOLDS}


def test_junit_survives_control_characters(run_dir: Path, record: AuditRecord) -> None:
    gates = (record.verdict.gates[0].model_copy(update={"sentence": "odd \x0b <&> text"}),)
    verdict = record.verdict.model_copy(update={"gates": gates})
    root = ElementTree.fromstring(junit_bytes(run_dir, record.model_copy(update={"verdict": verdict})))
    assert "odd  <&> text" in (root.findtext(".//system-out") or "")


def test_sarif_has_a_result_for_each_gate_that_does_not_hold(run_dir: Path, record: AuditRecord) -> None:
    run = json.loads(sarif_bytes(run_dir, record))["runs"][0]
    open_gates = [row for row in record.verdict.gates if row.state is not GateState.HOLDS]
    assert [row["properties"]["gate"] for row in run["results"]] == [row.gate.id for row in open_gates]
    assert {row["ruleId"] for row in run["results"]} <= {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert run["invocations"][0]["exitCode"] == int(record.verdict.exit_code)
    assert run["properties"]["gates"]["holds"] == 7


def test_sarif_points_into_the_spec(run_dir: Path, record: AuditRecord) -> None:
    first = json.loads(sarif_bytes(run_dir, record))["runs"][0]["results"][0]
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "specs/melanoma.yaml", "uriBaseId": "SRCROOT"}
    assert place["region"] == {"startLine": 46, "startColumn": 5}


def test_sarif_fingerprints_stay_when_numbers_and_lines_change(run_dir: Path, record: AuditRecord) -> None:
    moved = tuple(
        row.model_copy(
            update={"sentence": "other", "gate": row.gate.model_copy(update={"location": "x.yaml:1:1", "bound": 0.5})}
        )
        for row in record.verdict.gates
    )
    other = record.model_copy(update={"verdict": record.verdict.model_copy(update={"gates": moved})})
    prints = [
        [row["partialFingerprints"] for row in json.loads(sarif_bytes(run_dir, each))["runs"][0]["results"]]
        for each in (record, other)
    ]
    assert prints[0] == prints[1]
    assert len({str(mark) for mark in prints[0]}) == len(prints[0])


def test_sarif_suppresses_what_is_accepted(run_dir: Path, record: AuditRecord) -> None:
    results = json.loads(sarif_bytes(run_dir, record))["runs"][0]["results"]
    assert [row["properties"]["gate"] for row in results if row["suppressions"]]
    assert all(isinstance(row["suppressions"], list) for row in results), "present on all or on none" == [
        "false_alarms[ink]"
    ]


def test_summary_stays_far_under_the_limit_of_a_step_summary(run_dir: Path, record: AuditRecord) -> None:
    many = record.verdict.model_copy(
        update={
            "gates": tuple(row.model_copy(update={"sentence": "x" * 5000}) for row in record.verdict.gates * 200),
            "sentences": ("word " * 3000,) * 3000,
        }
    )
    text = summary_bytes(run_dir, record.model_copy(update={"verdict": many})).decode()
    assert len(text) < 200_000
    assert len(re.findall(r"\d+ more in the report", text)) == 2


def test_a_cell_cannot_break_the_table() -> None:
    assert cell("a|b\n*c* `d` <e>") == "a\\|b \\*c\\* \\`d\\` \\<e\\>"


@pytest.mark.long
def test_a_summary_of_ten_thousand_gates_and_enormous_texts_fits(run_dir: Path, record: AuditRecord) -> None:
    huge = "\N{PILE OF POO}|*" * 50_000
    gates = tuple(
        row.model_copy(
            update={
                "sentence": f"{n} {huge}",
                "gate": row.gate.model_copy(update={"id": f"{n}{huge[:600]}", "class_name": huge[:2000]}),
            }
        )
        for n, row in enumerate((record.verdict.gates * 700)[:10_000])
    )
    verdict = record.verdict.model_copy(
        update={"gates": gates, "sentences": (huge,) * 10_000, "notes": (huge,) * 10_000, "headline": huge}
    )
    text = summary_bytes(run_dir, record.model_copy(update={"verdict": verdict}))
    assert len(text) <= 1024 * 1024
    assert text.decode().endswith("\n")


def test_gitlab_has_what_its_widget_needs(run_dir: Path, record: AuditRecord) -> None:
    rows = json.loads(gitlab_bytes(run_dir, record))
    assert {frozenset(row) for row in rows} == {
        frozenset({"description", "check_name", "fingerprint", "severity", "location"})
    }
    assert rows[0]["location"] == {"path": "specs/melanoma.yaml", "lines": {"begin": 46}}
    assert [row["severity"] for row in rows].count("info") == 1
