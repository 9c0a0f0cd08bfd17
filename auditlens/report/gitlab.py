"""`gl-code-quality-report.json`: the gates that do not hold, as GitLab's code quality widget reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from auditlens.report.places import place_of, spec_folder
from auditlens.report.sarif import fingerprint
from auditlens.report.sarif_rules import rule_id
from auditlens.report.wording import outcome_word
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import GateState
from auditlens.stages.verdict import GateResult
from auditlens.verdict.weight import Weight, is_accepted, weight_of

SEVERITIES: Final = {Weight.FAILURE: "critical", Weight.UNDECIDED: "major", Weight.REMARK: "minor"}
ACCEPTED: Final = "info"
"""Severity of an accepted failure."""


def gitlab_bytes(run_dir: Path, record: AuditRecord) -> bytes:
    """Render `gl-code-quality-report.json`; empty where all gates hold.

    `critical` and `major` are what the exit code counts: a failing and an undecided gate; `minor` is what it does not
    count, `info` an accepted failure.
    """
    folder = spec_folder(run_dir)
    rows = [_entry(row, record, folder) for row in record.verdict.gates if row.state is not GateState.HOLDS]
    text = json.dumps(rows, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode(errors="replace")


def _entry(result: GateResult, record: AuditRecord, folder: str) -> dict[str, Any]:
    gate = result.gate
    place = place_of(gate.location, folder)
    weight = weight_of(result, record.verdict.policy)
    return {
        "description": f"{gate.id}: {outcome_word(result)}. {result.sentence}",
        "check_name": rule_id(gate.metric),
        "fingerprint": fingerprint(result, record),
        "severity": ACCEPTED if is_accepted(result) else SEVERITIES[weight],
        "location": {"path": place.path if place else "record.json", "lines": {"begin": place.line if place else 1}},
    }
