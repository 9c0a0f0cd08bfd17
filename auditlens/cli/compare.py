"""`auditlens compare A B ...`: run folders side by side, with intervals on the differences to the first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from auditlens.report.comparison_rows import Table
    from auditlens.stages.comparison import Comparison


@click.command()
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("reports/compare"),
    show_default=True,
    help="Folder of compare.html, compare.md and compare.json.",
)
@click.option("--names", help="Names of the runs, with commas between; the folders' names by default.")
def compare(runs: tuple[Path, ...], out: Path, names: str | None) -> int:
    """Set two or more run folders (RUNS) side by side: gates, artefact effects, relevance, clean images.

    Differences are to the first run. A comparison decides nothing: the exit code is 0 when it was made.
    """
    from auditlens.report.comparison import compare as compared
    from auditlens.report.comparison import write_comparison
    from auditlens.stages.states import ExitCode

    comparison = compared(runs, names=None if names is None else names.split(","))
    for line in plain_comparison(comparison):
        click.echo(line)
    for path in write_comparison(out, comparison).values():
        click.echo(path)
    return int(ExitCode.HOLDS)


def plain_comparison(comparison: Comparison) -> list[str]:
    """Write a comparison as plain text: notes, sentences, then the tables."""
    from auditlens.report.comparison import READING, tables
    from auditlens.report.comparison_rows import leading_sentences

    names = [run.name for run in comparison.runs]
    lines = [f"{run.name}: {run.headline} ({run.decision})" for run in comparison.runs]
    lines += ["", *leading_sentences(comparison), "", *(f"note: {warning}" for warning in comparison.warnings), ""]
    for table in tables(comparison):
        lines += [*_plain_table(table, names), ""]
    return [*lines, READING, ""]


def _plain_table(table: Table, names: Sequence[str]) -> list[str]:
    rows = [[table.caption, *names]]
    for line in table.lines:
        rows.append([f"  {line.title}", *(one.value for one in line.cells)])
        if any(one.difference for one in line.cells):
            rows.append(["    difference", *(_marked(one.difference, one.clear) for one in line.cells)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(names) + 1)]
    text = ["  ".join(part.ljust(width) for part, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    notes = dict.fromkeys(note for note in (table.note, *(line.note for line in table.lines)) if note)
    return [*text, *(f"  not paired: {note}" for note in notes)]


def _marked(difference: str, clear: bool) -> str:
    return f"{difference} *" if clear else difference
