"""`results.sarif` and `results.upload.sarif` against the published schema, and what they say of baselines and rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings

from auditlens.report.sarif import sarif_bytes, upload_bytes
from auditlens.report.sarif_rules import full_question, rule
from auditlens.report.write import Writer
from auditlens.spec.metrics import METRIC_RULES
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import GateState, Standing
from auditlens.stages.verdict import DEFAULT_POLICY, Verdict
from tests.unit.report.varied import make_result, make_verdict, verdicts, with_verdict

SCHEMA = json.loads((Path(__file__).parents[2] / "data" / "sarif" / "sarif-2.1.0-rtm.5.json").read_text())
VALIDATOR = jsonschema.Draft4Validator(SCHEMA)
WRITERS = (sarif_bytes, upload_bytes)


@pytest.mark.parametrize("writer", WRITERS)
def test_the_record_of_every_state_is_valid(run_dir: Path, record: AuditRecord, writer: Writer) -> None:
    VALIDATOR.validate(json.loads(writer(run_dir, record)))


@pytest.mark.parametrize("writer", WRITERS)
def test_the_schema_is_strict_enough_to_refuse_a_typo(run_dir: Path, record: AuditRecord, writer: Writer) -> None:
    document = json.loads(writer(run_dir, record))
    document["runs"][0]["results"][0]["levels"] = "error"
    with pytest.raises(jsonschema.ValidationError, match="levels"):
        VALIDATOR.validate(document)


@given(verdict=verdicts(most=8))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_verdict_is_valid(tmp_path: Path, record: AuditRecord, verdict: Verdict) -> None:
    for writer in WRITERS:
        document = json.loads(writer(tmp_path, with_verdict(record, verdict)))
        VALIDATOR.validate(document)
        for row in document["runs"][0]["results"]:
            rules = document["runs"][0]["tool"]["driver"]["rules"]
            assert rules[row["ruleIndex"]]["id"] == row["ruleId"]


@pytest.mark.parametrize("metric", METRIC_RULES)
def test_every_metric_has_a_rule_that_stands_alone(metric: str) -> None:
    made = rule(metric)
    question = full_question(metric)
    assert made["fullDescription"]["text"] == question
    assert not question.startswith("The same")
    assert METRIC_RULES[metric].question in question
    assert METRIC_RULES[metric].unit in made["help"]["text"]


def test_a_metric_of_another_version_keeps_its_name() -> None:
    assert rule("odd_metric")["shortDescription"]["text"] == "Odd metric"


def states(run_dir: Path, record: AuditRecord, *rows: tuple[GateState, Standing | None]) -> list[Any]:
    gates = tuple(make_result(n, state, standing=standing) for n, (state, standing) in enumerate(rows))
    run = json.loads(sarif_bytes(run_dir, with_verdict(record, make_verdict(gates, DEFAULT_POLICY))))["runs"][0]
    return [row.get("baselineState") for row in run["results"]]


def test_standings_are_baseline_states(run_dir: Path, record: AuditRecord) -> None:
    rows = [(GateState.FAILS, row) for row in (Standing.NEW, Standing.UNCHANGED, Standing.WORSENED)]
    rows += [(GateState.HOLDS, Standing.FIXED), (GateState.HOLDS, Standing.UNCHANGED)]
    assert states(run_dir, record, *rows) == ["new", "unchanged", "updated", "absent"]


def test_without_a_baseline_nothing_is_called_new(run_dir: Path, record: AuditRecord) -> None:
    assert states(run_dir, record, (GateState.FAILS, None), (GateState.INCONCLUSIVE, None)) == [None, None]


def test_notes_are_notifications(run_dir: Path, record: AuditRecord) -> None:
    verdict = record.verdict.model_copy(update={"notes": ("A waiver is not used.",), "barred": True})
    run = json.loads(sarif_bytes(run_dir, with_verdict(record, verdict)))["runs"][0]
    told = [row["message"]["text"] for row in run["invocations"][0]["toolExecutionNotifications"]]
    assert told == ["This run releases nothing, whatever its gates say.", "A waiver is not used."]
    assert run["properties"]["mayRelease"] is False


def test_what_is_uploaded_has_no_waived_failure_and_shows_the_undecided(run_dir: Path, record: AuditRecord) -> None:
    rows = json.loads(upload_bytes(run_dir, record))["runs"][0]["results"]
    levels = {row["properties"]["gate"]: row["level"] for row in rows}
    assert "false_alarms[ink]" not in levels
    assert (levels["missed[hair]"], levels["beyond_sham[hair]"]) == ("error", "warning")
    assert all("kind" not in row and "suppressions" not in row for row in rows)
