"""`summary.md`: the verdict for a pull request or a step summary."""

from __future__ import annotations

from pathlib import Path

from auditlens.report.beside import exit_text, remarks, standing_text
from auditlens.report.gaps import Gap, gaps, named_or_counted
from auditlens.report.opinions import opinion_sentences
from auditlens.report.page_one import counts_of, ranked_gates
from auditlens.report.titles import artefact_labels, gate_title
from auditlens.report.wording import (
    capitalise,
    estimate_text,
    kind_of,
    limit_text,
    outcome_word,
    plural,
    quantity_text,
    short_hash,
    typeset,
)
from auditlens.stages.record import AuditRecord
from auditlens.stages.verdict import GateResult

MAX_ROWS, MAX_SENTENCES, MAX_REMARKS = 100, 10, 20
MAX_TEXT = 400
"""Characters kept of one cell; with the row limits the file stays far under 1 MiB as a rule."""
MAX_BYTES = 1024 * 1024
"""A step summary above this size is dropped whole by GitHub."""
CUT = "The rest is in the report: this summary would have been too large."


def summary_bytes(run_dir: Path, record: AuditRecord) -> bytes:
    """Render `summary.md`: headline, sentences, gates (worst first), what was not evaluated; at most 1 MiB."""
    return summary_text(record).encode(errors="replace")


def summary_text(record: AuditRecord, most_bytes: int = MAX_BYTES) -> str:
    """The summary, cut after a whole line where it would be larger."""
    lines = [*_head(record), *_sentences(record), *_gates(record), *_not_evaluated(record), *_foot(record)]
    sizes = [len(line.encode(errors="replace")) + 1 for line in lines]
    if sum(sizes) <= most_bytes:
        return "\n".join(lines) + "\n"
    kept, room = [], most_bytes - len(CUT) - 2
    for line, size in zip(lines, sizes, strict=True):
        room -= size
        if room < 0:
            break
        kept.append(line)
    return "\n".join([*kept, "", CUT]) + "\n" if kept else ""


def cell(text: str) -> str:
    """Make a text fit for one table cell or line: no line breaks, no markup, bounded."""
    text = " ".join(text.split())
    text = text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
    for char in "\\`*_[]<>|#":
        text = text.replace(char, f"\\{char}")
    return text


def _head(record: AuditRecord) -> list[str]:
    audit, plan = record.spec.get("audit", {}), record.plan
    counts = " · ".join(f"{row.n} {row.word}" for row in counts_of(record.verdict.gates))
    title = f"{audit.get('title', 'Shortcut audit')}: {audit.get('id', '')} v{audit.get('version', '')}"
    locked = "spec locked before the run"
    if record.verdict.exploratory:
        locked = "exploratory: no lock fixed the spec before the run"
    return [
        f"# {cell(record.verdict.headline)}",
        "",
        f"**{cell(counts)}** · {exit_text(record.verdict)}",
        "",
        f"{cell(title)} · model {short_hash(plan.model.identity_sha256)} · "
        f"{plural(plan.data.n_images, 'image')}, {plural(plan.data.n_units, 'unit')} · {locked}",
        "",
        *_remarks(record),
    ]


def _remarks(record: AuditRecord) -> list[str]:
    told = remarks(record.verdict)
    lines = [f"> - {cell(typeset(sentence))}" for sentence in told[:MAX_REMARKS]]
    if len(told) > MAX_REMARKS:
        lines.append(f"> - {len(told) - MAX_REMARKS} more in the report")
    return [*lines, ""] if lines else []


def _sentences(record: AuditRecord) -> list[str]:
    sentences = record.verdict.sentences
    lines = [f"- {cell(typeset(sentence))}" for sentence in sentences[:MAX_SENTENCES]]
    if len(sentences) > MAX_SENTENCES:
        lines.append(f"- {len(sentences) - MAX_SENTENCES} more in the report")
    lines += [f"- {cell(typeset(sentence))}" for sentence in opinion_sentences(record)]
    return [*lines, ""]


def _gates(record: AuditRecord) -> list[str]:
    ranked, labels = ranked_gates(record), artefact_labels(record)
    lines = ["## Gates", "", "| outcome | gate | estimate (interval) | limit | based on |", "| --- " * 5 + "|"]
    lines += [_row(result, labels) for result in ranked[:MAX_ROWS]]
    if len(ranked) > MAX_ROWS:
        lines += ["", f"{len(ranked) - MAX_ROWS} more in the report"]
    return [*lines, ""]


def _row(result: GateResult, labels: dict[str, str]) -> str:
    gate = result.gate
    title = f"{capitalise(gate_title(gate, labels))} ({gate.id}{', warn' if gate.severity == 'warn' else ''})"
    standing = standing_text(result)
    cells = [
        f"**{outcome_word(result)}**" + (f" ({standing})" if standing else ""),
        cell(title),
        cell(estimate_text(result.estimate, kind_of(gate.metric))),
        limit_text(gate),
        cell(quantity_text(result.estimate)),
    ]
    return f"| {' | '.join(cells)} |"


def _not_evaluated(record: AuditRecord) -> list[str]:
    rows = gaps(record)
    if not rows:
        return []
    lines = [f"- {cell(_gap(row))}" for row in rows[:MAX_ROWS]]
    if len(rows) > MAX_ROWS:
        lines.append(f"- {len(rows) - MAX_ROWS} more in the report")
    return ["## Not evaluated", "", *lines, ""]


def _gap(gap: Gap) -> str:
    names = f" ({named_or_counted(gap)})" if gap.concepts else ""
    return f"{gap.what}{names}: {typeset(gap.why)}"


def _foot(record: AuditRecord) -> list[str]:
    return [
        "The whole audit, with pictures and the limits of the method: `report.html` and `report.pdf` of this run.",
        f"Spec {short_hash(record.plan.spec_sha256)}, data {short_hash(record.plan.data.sha256)}, "
        f"AuditLens {record.environment.auditlens}.",
    ]
