"""The verdict on the terminal: headline, sentences, one line per gate, and where the reports lie."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from auditlens.spec.metrics import shown_value
from auditlens.stages.findings import Estimate
from auditlens.stages.plan import PlannedGate
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import GateState, Severity
from auditlens.stages.verdict import GateResult, Verdict

COLOURS: Final = {
    GateState.HOLDS: "green",
    GateState.FAILS: "red",
    GateState.INCONCLUSIVE: "yellow",
    GateState.NOT_EVALUATED: "yellow",
}
REPORTS: Final = ("report.html", "report.pdf")
COLUMNS: Final = ("gate", "state", "estimate", "interval", "limit")


def print_verdict(record: AuditRecord, folder: Path) -> None:
    """Print a verdict to standard output: drawn in a terminal, plain text elsewhere."""
    if sys.stdout.isatty():
        _draw(record.verdict)
    else:
        click.echo(plain_verdict(record.verdict))
    for line in report_lines(folder):
        click.echo(line)


def report_lines(folder: Path) -> list[str]:
    """Say where the reports lie; a report that could not be written is not named."""
    return [f"report: {folder / name}" for name in REPORTS if (folder / name).is_file()] or [f"run folder: {folder}"]


def gate_cells(result: GateResult) -> tuple[str, str, str, str, str]:
    """Write one gate as text: id, state, estimate, interval, limit."""
    gate = result.gate
    state = "fails, accepted" if result.waived else str(result.state)
    severity = " (warn)" if gate.severity is Severity.WARN else ""
    return f"{gate.id}{severity}", state, _value(result.estimate, gate), _interval(result.estimate, gate), _limit(gate)


def _value(estimate: Estimate | None, gate: PlannedGate) -> str:
    return "-" if estimate is None or estimate.value is None else shown_value(estimate.value, gate.metric)


def _interval(estimate: Estimate | None, gate: PlannedGate) -> str:
    if estimate is None or estimate.low is None or estimate.high is None:
        return "-"
    return f"{shown_value(estimate.low, gate.metric)} to {shown_value(estimate.high, gate.metric)}"


def _limit(gate: PlannedGate) -> str:
    return f"{gate.relation} {shown_value(gate.bound, gate.metric).removeprefix('+')}"


def plain_verdict(verdict: Verdict) -> str:
    """Write a verdict as plain text in columns."""
    rows = [COLUMNS, *(gate_cells(result) for result in verdict.gates)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([verdict.headline, "", *verdict.sentences, "", *table, ""])


def _draw(verdict: Verdict) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text(verdict.headline, style=f"bold {_headline_colour(verdict)}"), "")
    for sentence in verdict.sentences:
        console.print(Text(sentence))
    table = Table(*COLUMNS)
    for result in verdict.gates:
        cells = [Text(cell) for cell in gate_cells(result)]
        cells[1].stylize(COLOURS[result.state])
        table.add_row(*cells)
    console.print(table)


def _headline_colour(verdict: Verdict) -> str:
    states = {result.state for result in verdict.gates if result.gate.severity is Severity.ERROR}
    worst = next((state for state in (GateState.FAILS, *list(GateState)[2:]) if state in states), GateState.HOLDS)
    return COLOURS[worst]
