"""GitHub's workflow commands: at most ten annotations at lines of the spec, the step's summary and its outputs."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from auditlens.report.beside import exit_text, standing_text, weights
from auditlens.report.markdown import MAX_BYTES, summary_text
from auditlens.report.places import place_of, spec_folder
from auditlens.report.wording import outcome_word
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import GateState, Severity
from auditlens.stages.verdict import GateResult, Verdict
from auditlens.verdict.weight import Weight, is_accepted, weight_of

MOST_ANNOTATIONS: Final = 10
"""GitHub shows ten annotations of one kind for a step, and drops the rest without a word."""
ORDER: Final = (Weight.FAILURE, Weight.UNDECIDED, Weight.REMARK)
LEVELS: Final = {Weight.FAILURE: "error", Weight.UNDECIDED: "error", Weight.REMARK: "warning"}
ACCEPTED: Final = "notice"


def gate_annotations(record: AuditRecord, folder: str = "") -> list[str]:
    """Write one workflow command for each gate that does not hold, worst first, then how many more there are.

    `error` is what the exit code counts, `warning` what it does not, `notice` an accepted failure.

    Parameters
    ----------
    record : AuditRecord
    folder : str
        The spec's folder within the repository (`report.places.spec_folder`).
    """
    ranked = _ranked(record.verdict)
    lines = [_annotation(result, record.verdict, folder) for result in ranked[:MOST_ANNOTATIONS]]
    left = len(ranked) - len(lines)
    return [*lines, _more(ranked[MOST_ANNOTATIONS:], record.verdict)] if left else lines


def _ranked(verdict: Verdict) -> list[GateResult]:
    """Sort what does not hold: by weight, accepted last, errors before warnings."""

    def rank(result: GateResult) -> tuple[int, bool, bool]:
        weight = weight_of(result, verdict.policy)
        return ORDER.index(weight), is_accepted(result), result.gate.severity is Severity.WARN

    return sorted((row for row in verdict.gates if row.state is not GateState.HOLDS), key=rank)


def _annotation(result: GateResult, verdict: Verdict, folder: str) -> str:
    level = ACCEPTED if is_accepted(result) else LEVELS[weight_of(result, verdict.policy)]
    standing = standing_text(result)
    title = f"{result.gate.id}: {outcome_word(result)}" + (f" ({standing})" if standing else "")
    place = place_of(result.gate.location, folder)
    where: dict[str, str | int] = {"file": place.path, "line": place.line, "col": place.column} if place else {}
    said = f"{result.sentence} {result.waiver}".strip() if is_accepted(result) else result.sentence
    return command(level, said, **where, title=title)


def _more(left: Sequence[GateResult], verdict: Verdict) -> str:
    counted = sum(weight_of(row, verdict.policy) in (Weight.FAILURE, Weight.UNDECIDED) for row in left)
    gates = "1 more gate that does not hold is" if len(left) == 1 else f"{len(left)} more gates that do not hold are"
    return command("notice", f"{gates} in the report, {counted} of them count for the exit code.", title="AuditLens")


def command(name: str, message: str, **properties: str | int) -> str:
    """Write `::name key=value,..::message`, escaped."""
    given = ",".join(f"{key}={_escaped(str(value), property=True)}" for key, value in properties.items())
    return f"::{name}{' ' if given else ''}{given}::{_escaped(message)}"


def _escaped(text: str, *, property: bool = False) -> str:
    signs = {"%": "%25", "\r": "%0D", "\n": "%0A"} | ({":": "%3A", ",": "%2C"} if property else {})
    return "".join(signs.get(sign, sign) for sign in text)


def fenced(text: str) -> str:
    """Wrap text so that no line of it is read as a workflow command."""
    token = secrets.token_hex(16)
    return f"::stop-commands::{token}\n{text}\n::{token}::"


def tell_step(run_dir: Path, record: AuditRecord, environment: Mapping[str, str] = os.environ) -> None:
    """Append the summary to `$GITHUB_STEP_SUMMARY` and the outputs to `$GITHUB_OUTPUT`, where they are set."""
    summary, output = (environment.get(name) for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"))
    if summary:
        path = Path(summary)
        room = MAX_BYTES - (path.stat().st_size if path.exists() else 0)
        _append(path, summary_text(record, most_bytes=room))
    if output:
        _append(Path(output), "".join(f"{name}={value}\n" for name, value in outputs(run_dir, record).items()))


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8", errors="replace", newline="\n") as file:
        file.write(text)


def outputs(run_dir: Path, record: AuditRecord) -> dict[str, str]:
    """What later steps of a workflow can use; each on one line."""
    verdict, counts = record.verdict, weights(record.verdict)
    told = {
        "verdict": verdict.headline,
        "exit-code": str(int(verdict.exit_code)),
        "meaning": exit_text(verdict),
        "failing": str(counts[Weight.FAILURE]),
        "undecided": str(counts[Weight.UNDECIDED]),
        "may-release": str(verdict.may_release).lower(),
        "run-folder": str(run_dir),
        "report": str(run_dir / "report.html"),
        "sarif": str(run_dir / "results.upload.sarif"),
        "junit": str(run_dir / "junit.xml"),
    }
    return {name: " ".join(value.split()) for name, value in told.items()}


def github_text(run_dir: Path, record: AuditRecord) -> str:
    """All annotations of a run folder, one a line; empty where all gates hold."""
    return "\n".join(gate_annotations(record, spec_folder(run_dir)))
