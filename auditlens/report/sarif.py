"""`results.sarif`: SARIF 2.1.0, one result for each gate that does not hold."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from auditlens.report.outcome import Weight, weight_of
from auditlens.report.wording import is_accepted, outcome_word
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import GateState
from auditlens.stages.verdict import GateResult, Verdict

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
RULES = {
    "sensitivity": "Sensitivity on clean images",
    "specificity": "Specificity on clean images",
    "auroc": "AUROC on clean images",
    "lesion_erased_auroc": "AUROC with the lesion erased",
    "decision_flips": "Decisions that turn when an artefact goes in",
    "decision_flips_beyond_sham": "Decisions that turn when an artefact goes in, beyond its sham",
    "artefact_effect": "Change of the probability when an artefact goes in",
    "effect_minus_sham": "Change of the probability when an artefact goes in, beyond its sham",
    "spurious_relevance_share": "Share of relevance on components of spurious concepts",
    "unexpected_relevance_share": "Share of relevance on components that no concept of the spec explains",
    "mediated_share": "Share of an artefact's effect that runs through components labelled so",
    "separability": "AUROC of the class against images with an artefact",
    "separability_drop": "Loss of AUROC when an artefact goes into the other classes' images",
    "separability_drop_beyond_sham": "Loss of AUROC when an artefact goes in, beyond its sham",
    "observability": "Whether the foundation model sees a concept",
}
LEVELS = {Weight.FAILURE: "error", Weight.UNDECIDED: "error", Weight.REMARK: "warning"}
KINDS = {GateState.FAILS: "fail", GateState.INCONCLUSIVE: "open", GateState.NOT_EVALUATED: "open"}


def sarif_bytes(run_dir: Path, record: AuditRecord) -> bytes:
    """Render `results.sarif`.

    Gates that hold are left out (code scanning services show every result as an alert) and are counted in the run's
    properties. An accepted failure carries a `suppressions` entry; services that ignore those need a filtered copy.
    """
    results = [_result(result, record) for result in record.verdict.gates if result.state is not GateState.HOLDS]
    run = {
        "tool": {"driver": _driver(record)},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": "The folder the audit was started in."}}},
        "invocations": [{"executionSuccessful": True, "exitCode": int(record.verdict.exit_code)}],
        "properties": _properties(record.verdict),
        "results": results,
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _driver(record: AuditRecord) -> dict[str, Any]:
    metrics = sorted({result.gate.metric for result in record.verdict.gates})
    rules = [{"id": rule_id(metric), "shortDescription": {"text": RULES.get(metric, metric)}} for metric in metrics]
    return {"name": "AuditLens", "version": record.environment.auditlens, "rules": rules}


def rule_id(metric: str) -> str:
    """Stable identifier of the rule behind a metric."""
    return f"auditlens/{metric}"


def _properties(verdict: Verdict) -> dict[str, Any]:
    counts = {state.value: verdict.counts.get(state, 0) for state in GateState}
    return {"headline": verdict.headline, "gates": counts, "accepted": verdict.n_waived}


def _result(result: GateResult, record: AuditRecord) -> dict[str, Any]:
    gate = result.gate
    kind = KINDS[result.state]
    level = LEVELS[weight_of(result, record.verdict)]
    body: dict[str, Any] = {
        "ruleId": rule_id(gate.metric),
        "kind": kind,
        "level": level if kind == "fail" else "none",
        "message": {"text": f"{gate.id}: {outcome_word(result)}. {result.sentence}"},
        "partialFingerprints": {"auditlensGate/v1": fingerprint(result, record)},
        "properties": {"gate": gate.id, "severity": gate.severity.value, "riskId": gate.risk_id or ""},
    }
    location = _location(gate.location)
    if location is not None:
        body["locations"] = [location]
    if is_accepted(result):
        waiver = result.waiver or "accepted by a waiver"
        body["suppressions"] = [{"kind": "external", "status": "accepted", "justification": waiver}]
    return body


def fingerprint(result: GateResult, record: AuditRecord) -> str:
    """Identify a gate across runs: the audit and the gate, not its numbers or its line."""
    gate = result.gate
    audit = str(record.spec.get("audit", {}).get("id", ""))
    text = "\n".join((audit, gate.id, gate.metric, gate.class_name))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _location(place: str | None) -> dict[str, Any] | None:
    """Turn `file:line:col` into a SARIF location; None where there is none."""
    if not place:
        return None
    parts = place.rsplit(":", 2)
    numbers = [int(part) for part in parts[1:] if part.isdigit()]
    if len(numbers) != len(parts) - 1:
        parts, numbers = [place], []
    path = PurePosixPath(parts[0].replace("\\", "/"))
    artifact: dict[str, Any] = {"uri": quote(path.as_posix())}
    if not path.is_absolute():
        artifact["uriBaseId"] = "SRCROOT"
    physical: dict[str, Any] = {"artifactLocation": artifact}
    if numbers:
        physical["region"] = dict(zip(("startLine", "startColumn"), numbers, strict=False))
    return {"physicalLocation": physical}
