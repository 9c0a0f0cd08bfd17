"""`results.sarif`: SARIF 2.1.0, one result for each gate that does not hold; `results.upload.sarif`: what to upload."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from auditlens.report.beside import remarks, standing_counts, standing_text
from auditlens.report.places import place_of, spec_folder
from auditlens.report.sarif_rules import rule, rule_id
from auditlens.report.wording import outcome_word
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import GateState, Standing
from auditlens.stages.verdict import GateResult, Verdict
from auditlens.verdict.weight import Weight, is_accepted, weight_of

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {Weight.FAILURE: "error", Weight.UNDECIDED: "error", Weight.REMARK: "warning"}
KINDS = {
    GateState.FAILS: "fail",
    GateState.INCONCLUSIVE: "open",
    GateState.NOT_EVALUATED: "open",
    GateState.HOLDS: "pass",
}
BASELINE_STATES = {
    Standing.NEW: "new",
    Standing.UNCHANGED: "unchanged",
    Standing.WORSENED: "updated",
    Standing.FIXED: "absent",
}


def sarif_bytes(run_dir: Path, record: AuditRecord) -> bytes:
    """Render `results.sarif`.

    Gates that hold are left out (code scanning services show every result as an alert) and are counted in the run's
    properties; a gate that held in no baseline and holds now is listed as `absent`. An accepted failure carries a
    `suppressions` entry.
    """
    return _document(run_dir, record, [row for row in record.verdict.gates if _is_listed(row)], upload=False)


def upload_bytes(run_dir: Path, record: AuditRecord) -> bytes:
    """Render `results.upload.sarif`, for services that ignore `suppressions`, `kind` and `baselineState`.

    Accepted failures and gates that hold are not in it. Undecided gates carry the level that their weight asks for,
    since such services hide or colour a result by its level alone: what makes the run red is shown red.
    """
    open_gates = [row for row in record.verdict.gates if row.state is not GateState.HOLDS and not is_accepted(row)]
    return _document(run_dir, record, open_gates, upload=True)


def _is_listed(result: GateResult) -> bool:
    return result.state is not GateState.HOLDS or result.standing is Standing.FIXED


def _document(run_dir: Path, record: AuditRecord, gates: Sequence[GateResult], *, upload: bool) -> bytes:
    metrics = sorted({result.gate.metric for result in record.verdict.gates})
    folder = spec_folder(run_dir)
    results = [_result(result, record, folder, metrics) for result in gates]
    run = {
        "tool": {"driver": _driver(record, metrics)},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": "The repository that the spec lies in."}}},
        "invocations": [_invocation(record.verdict)],
        "properties": _properties(record.verdict),
        "results": [_for_upload(row) for row in results] if upload else results,
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode(errors="replace")


def _driver(record: AuditRecord, metrics: Sequence[str]) -> dict[str, Any]:
    return {
        "name": "AuditLens",
        "version": record.environment.auditlens,
        "rules": [rule(metric) for metric in metrics],
    }


def _invocation(verdict: Verdict) -> dict[str, Any]:
    """That the tool ran, how it ended, and what a reader must know beside the gates."""
    told = [{"level": "note", "message": {"text": text}} for text in remarks(verdict)]
    return {
        "executionSuccessful": True,
        "exitCode": int(verdict.exit_code),
        "exitCodeDescription": verdict.headline,
        **({"toolExecutionNotifications": told} if told else {}),
    }


def _properties(verdict: Verdict) -> dict[str, Any]:
    counts = {state.value: verdict.counts.get(state, 0) for state in GateState}
    return {
        "headline": verdict.headline,
        "gates": counts,
        "accepted": verdict.n_waived,
        "mayRelease": verdict.may_release,
        "baseline": {standing.value: n for standing, n in standing_counts(verdict).items()},
    }


def _result(result: GateResult, record: AuditRecord, folder: str, metrics: Sequence[str]) -> dict[str, Any]:
    gate, kind = result.gate, KINDS[result.state]
    weight = weight_of(result, record.verdict.policy)
    body: dict[str, Any] = {
        "ruleId": rule_id(gate.metric),
        "ruleIndex": metrics.index(gate.metric),
        "kind": kind,
        "level": LEVELS[weight] if kind == "fail" else "none",
        "message": {"text": f"{gate.id}: {outcome_word(result)}. {result.sentence}"},
        "locations": _locations(gate.location, folder),
        "partialFingerprints": {"auditlensGate/v1": fingerprint(result, record)},
        "suppressions": _suppressions(result),
        "properties": {
            "gate": gate.id,
            "severity": gate.severity.value,
            "weight": weight.value,
            "riskId": gate.risk_id or "",
            "clause": gate.clause or "",
            "standing": standing_text(result),
            "tags": list(gate.tags),
        },
    }
    if result.standing is not None:
        body["baselineState"] = BASELINE_STATES[result.standing]
    return body


def _suppressions(result: GateResult) -> list[dict[str, str]]:
    """Name the waiver of an accepted failure; an empty list says that nothing is suppressed."""
    if not is_accepted(result):
        return []
    waiver = result.waiver or "accepted by a waiver"
    return [{"kind": "external", "status": "accepted", "justification": waiver}]


def _for_upload(body: dict[str, Any]) -> dict[str, Any]:
    dropped = ("kind", "suppressions", "baselineState")
    level = LEVELS[Weight(body["properties"]["weight"])]
    return {name: value for name, value in body.items() if name not in dropped} | {"level": level}


def fingerprint(result: GateResult, record: AuditRecord) -> str:
    """Identify a gate across runs: the audit and the gate, not its numbers or its line."""
    gate = result.gate
    audit = str(record.spec.get("audit", {}).get("id", ""))
    text = "\n".join((audit, gate.id, gate.metric, gate.class_name))
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]


def _locations(location: str | None, folder: str) -> list[dict[str, Any]]:
    """Turn `file:line:col` into SARIF locations; none where there is none."""
    place = place_of(location, folder)
    if place is None:
        return []
    artifact: dict[str, Any] = {"uri": quote(place.path, errors="replace")}
    if not PurePosixPath(place.path).is_absolute():
        artifact["uriBaseId"] = "SRCROOT"
    physical: dict[str, Any] = {"artifactLocation": artifact}
    if place.known:
        physical["region"] = {"startLine": place.line, "startColumn": place.column}
    return [{"physicalLocation": physical}]
