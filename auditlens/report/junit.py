"""`junit.xml`: one test case a gate."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from auditlens.report.beside import remarks, standing_text, weights
from auditlens.report.places import place_of, spec_folder
from auditlens.report.wording import limit_text, outcome_word, quantity_text
from auditlens.stages.record import AuditRecord
from auditlens.stages.verdict import GateResult, Verdict
from auditlens.verdict.weight import Weight, weight_of

ELEMENTS = {Weight.FAILURE: "failure", Weight.UNDECIDED: "error", Weight.REMARK: "skipped"}
"""A failing gate is a failure; an undecided one is an error; what does not count for the exit code is skipped."""
ILLEGAL = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
COUNTED = (("failures", Weight.FAILURE), ("errors", Weight.UNDECIDED), ("skipped", Weight.REMARK))


def junit_bytes(run_dir: Path, record: AuditRecord) -> bytes:
    """Render `junit.xml`.

    A gate that fails is a `<failure>`; one that is undecided or not evaluated is an `<error type="undecided">`, never
    green. A gate that does not hold and does not change the exit code (accepted by a waiver, or of severity warn)
    is `<skipped>` with its outcome in the message: neither red nor green. No times: equal runs give equal bytes.
    """
    verdict = record.verdict
    audit = str(record.spec.get("audit", {}).get("id", "audit"))
    counts, folder = weights(verdict), spec_folder(run_dir)
    numbers = {name: str(counts[weight]) for name, weight in COUNTED}
    totals = {"name": audit, "tests": str(len(verdict.gates)), **numbers}
    root = ElementTree.Element("testsuites", totals)
    suite = ElementTree.SubElement(root, "testsuite", totals)
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in _properties(record):
        ElementTree.SubElement(properties, "property", {"name": name, "value": value})
    for result in verdict.gates:
        _add_case(suite, audit, result, verdict, folder)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{legal(text)}\n'.encode()


def _properties(record: AuditRecord) -> list[tuple[str, str]]:
    return [
        ("headline", record.verdict.headline),
        ("exit_code", str(int(record.verdict.exit_code))),
        ("spec_sha256", record.plan.spec_sha256),
        ("model_sha256", record.plan.model.identity_sha256 or "none"),
        ("data_sha256", record.plan.data.sha256),
        ("may_release", str(record.verdict.may_release).lower()),
        ("fail_on", record.verdict.policy.fail_on.value),
        ("allow_inconclusive", str(record.verdict.policy.allow_inconclusive).lower()),
        *(("note", text) for text in remarks(record.verdict)),
    ]


def _add_case(suite: ElementTree.Element, audit: str, result: GateResult, verdict: Verdict, folder: str) -> None:
    gate = result.gate
    case = ElementTree.SubElement(
        suite, "testcase", {"classname": f"{audit}.{gate.metric}", "name": gate.id, "assertions": "1"}
    )
    place = place_of(gate.location, folder)
    if place is not None:
        case.set("file", place.path)
    if place is not None and place.known:
        case.set("line", str(place.line))
    weight = weight_of(result, verdict.policy)
    if weight is Weight.OK:
        ElementTree.SubElement(case, "system-out").text = detail(result)
        return
    child = ElementTree.SubElement(case, ELEMENTS[weight])
    child.set("message", f"{outcome_word(result)}: {result.sentence}")
    if weight is not Weight.REMARK:
        child.set("type", "undecided" if weight is Weight.UNDECIDED else gate.severity.value)
    child.text = detail(result)


def detail(result: GateResult) -> str:
    """Everything about one gate, as lines of text."""
    gate = result.gate
    lines = [
        result.sentence,
        f"outcome: {outcome_word(result)}; limit: {limit_text(gate)}; severity: {gate.severity.value}",
        f"based on: {quantity_text(result.estimate)}",
        f"against the baseline: {standing_text(result)}" if standing_text(result) else "",
        f"rationale: {gate.rationale}" if gate.rationale else "",
        f"risk: {gate.risk_id}" if gate.risk_id else "",
        f"clause: {gate.clause}" if gate.clause else "",
        f"waiver: {result.waiver}" if result.waiver else "",
        f"spec: {gate.location}" if gate.location else "",
    ]
    return "\n".join(line for line in lines if line)


def legal(text: str) -> str:
    """Drop the characters that XML 1.0 does not allow."""
    return ILLEGAL.sub("", text)
