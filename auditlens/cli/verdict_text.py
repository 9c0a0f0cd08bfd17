"""The verdict on the terminal: headline, sentences, one line per gate, and where the reports lie."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from auditlens.plan.baselines import CHANGE
from auditlens.report.beside import exit_text, remarks, standing_text
from auditlens.report.page_one import tone_of
from auditlens.spec.metrics import shown_limit, shown_value
from auditlens.stages.findings import ArtefactFinding, Effect, Estimate
from auditlens.stages.plan import PlannedGate
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import GateState, Severity
from auditlens.stages.verdict import GateResult
from auditlens.verdict.weight import is_accepted

COLOURS: Final = {
    GateState.HOLDS: "green",
    GateState.FAILS: "red",
    GateState.INCONCLUSIVE: "yellow",
    GateState.NOT_EVALUATED: "yellow",
}
TONES: Final = {"holds": "green", "remarks": "cyan", "open": "yellow", "fails": "red"}
REPORTS: Final = ("report.html", "report.pdf")
COLUMNS: Final = ("gate", "state", "estimate", "interval", "limit")


def print_verdict(record: AuditRecord, folder: Path) -> None:
    """Print a verdict to standard output: drawn in a terminal, plain text elsewhere."""
    if sys.stdout.isatty():
        _draw(record)
    else:
        click.echo(plain_verdict(record))
    for line in report_lines(folder):
        click.echo(line)


def print_for_github(record: AuditRecord, folder: Path) -> None:
    """Print the verdict and its annotations, and tell the workflow's step where it asks for that.

    The verdict holds words of the spec; it is fenced, so that none of them is a command to the runner.
    """
    from auditlens.report.github import fenced, github_text, tell_step

    click.echo(fenced("\n".join([plain_verdict(record), *report_lines(folder)])))
    annotated = github_text(folder, record)
    if annotated:
        click.echo(annotated)
    tell_step(folder, record)


def report_lines(folder: Path) -> list[str]:
    """Say where the reports lie; a report that could not be written is not named."""
    return [f"report: {folder / name}" for name in REPORTS if (folder / name).is_file()] or [f"run folder: {folder}"]


def gate_cells(result: GateResult) -> tuple[str, str, str, str, str]:
    """Write one gate as text: id, state, estimate, interval, limit."""
    gate = result.gate
    state = "fails, accepted" if is_accepted(result) else str(result.state)
    if standing_text(result):
        state += f" ({standing_text(result)})"
    severity = " (warn)" if gate.severity is Severity.WARN else ""
    return f"{gate.id}{severity}", state, _value(result.estimate, gate), _interval(result.estimate, gate), _limit(gate)


def _value(estimate: Estimate | None, gate: PlannedGate) -> str:
    return "-" if estimate is None or estimate.value is None else shown_value(estimate.value, gate.metric)


def _interval(estimate: Estimate | None, gate: PlannedGate) -> str:
    if estimate is None or estimate.low is None or estimate.high is None or gate.metric == CHANGE:
        return "-"
    return f"{shown_value(estimate.low, gate.metric)} to {shown_value(estimate.high, gate.metric)}"


def _limit(gate: PlannedGate) -> str:
    bound = shown_limit(gate.bound, gate.metric)
    return bound if gate.metric == CHANGE else f"{gate.relation} {bound}"


def plain_verdict(record: AuditRecord) -> str:
    """Write a verdict as plain text in columns."""
    rows = [COLUMNS, *(gate_cells(result) for result in record.verdict.gates)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    head = [record.verdict.headline, *remarks(record.verdict)]
    return "\n".join([*head, "", *told(record), "", *table, "", exit_text(record.verdict)])


def told(record: AuditRecord) -> list[str]:
    """What a reader must know: what the class leans on, then every gate that does not hold, worst first."""
    open_gates = sum(result.state is not GateState.HOLDS for result in record.verdict.gates)
    return [*leanings(record), *record.verdict.sentences[:open_gates]]


def leanings(record: AuditRecord) -> list[str]:
    """Say which class leans on which artefact, how much, and what of it is seen inside.

    An artefact is named where a gate on too much of it fails and its effect is clear of zero; where none is, the
    largest effect is told, so that a reader sees what "all gates hold" leaves room for.
    """
    failing = {result.gate.artefact for result in record.verdict.gates if _is_too_much(result)}
    effects = sorted(_effects(record), key=lambda found: -abs(_net(found[1]).value or 0.0))
    lines = [
        _leaning(record, finding, effect)
        for finding, effect in effects
        if finding.artefact in failing and _is_clear(_net(effect))
    ]
    if lines or not effects:
        return lines
    finding, effect = effects[0]
    return [f"The artefact with the largest effect on P({finding.class_name}) is {finding.label}: {_moved(effect)}."]


def _is_too_much(result: GateResult) -> bool:
    """Whether a gate fails that bounds the artefact's work from above, in this model alone."""
    gate = result.gate
    return result.state is GateState.FAILS and gate.against is None and gate.relation != ">="


def _is_clear(estimate: Estimate) -> bool:
    return estimate.low is not None and estimate.high is not None and (estimate.low > 0 or estimate.high < 0)


def _effects(record: AuditRecord) -> list[tuple[ArtefactFinding, Effect]]:
    """Effect of each artefact on the probability over all images."""
    return [
        (finding, next(row for row in finding.effects if row.scale == "probability" and row.true_class is None))
        for finding in record.findings.artefacts
    ]


def _net(effect: Effect) -> Estimate:
    return effect.beyond if effect.beyond is not None else effect.raw


def _leaning(record: AuditRecord, finding: ArtefactFinding, effect: Effect) -> str:
    inside = next(
        (
            f"; inside, {line.n_components} components with {100 * (line.inside.value or 0):.0f} % of the relevance "
            "carry it"
            for line in record.findings.confrontations
            if (line.artefact, line.class_name) == (finding.artefact, finding.class_name)
            and line.inside is not None
            and line.n_components
        ),
        "",
    )
    return f"{finding.class_name} leans on {finding.label}: put in, it moves P by {_moved(effect)}{inside}."


def _moved(effect: Effect) -> str:
    net = _net(effect)
    if net.value is None or net.low is None or net.high is None:
        return f"not estimated ({net.note})"
    beyond = " beyond its sham" if effect.beyond is not None else ", no sham was run"
    return f"{net.value:+.3f}{beyond} (95 %: {net.low:+.3f} to {net.high:+.3f})"


def _draw(record: AuditRecord) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text(record.verdict.headline, style=f"bold {TONES[tone_of(record.verdict)]}"))
    for sentence in (*remarks(record.verdict), "", *told(record)):
        console.print(Text(sentence))
    table = Table(*COLUMNS)
    for result in record.verdict.gates:
        cells = [Text(cell) for cell in gate_cells(result)]
        cells[1].stylize(COLOURS[result.state])
        table.add_row(*cells)
    console.print(table)
    console.print(Text(exit_text(record.verdict)))
