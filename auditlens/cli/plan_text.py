"""A plan on the terminal: drawn where there is one, stable plain text elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import click

from auditlens.spec.metrics import shown_limit
from auditlens.stages.plan import PlannedGate
from auditlens.stages.planned_run import ForeseenGate, PlannedArtefact, PlannedRun, PlannedStep, Span
from auditlens.stages.states import Severity
from auditlens.verdict.protocol import protocol_notes

CANNOT: Final = "cannot hold with this n"
UNREAD: Final = "cannot be evaluated"
SHOWN: Final = 12
MANY_STRATA: Final = 6
ARTEFACT: Final = ("artefact", "kind", "instances>", "images>", "units>", "left out>", "sham", "doses", "pictures")
STEP: Final = ("stage", "items>", "stored>", "forward>", "backward>", "time left>")


@dataclass(frozen=True, slots=True)
class Block:
    """One table with its title.

    Attributes
    ----------
    title : str
    columns : tuple of str
        A name that ends with `>` is a column of numbers, set flush right.
    rows : sequence of tuple of str
    below : tuple of str
        Lines behind the table.
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    below: tuple[str, ...] = ()


def print_plan(found: PlannedRun) -> None:
    """Print a plan to standard output."""
    if sys.stdout.isatty():
        _draw(found)
    else:
        click.echo(plain_plan(found))


def plain_plan(found: PlannedRun) -> str:
    """Write a plan as plain text in columns."""
    lines = [*head(found), ""]
    for block in blocks(found):
        lines += [block.title, *_columns(block), *block.below, ""]
    return "\n".join([*lines, *foot(found)])


def head(found: PlannedRun) -> list[str]:
    """What is audited with what."""
    plan = found.plan
    data, model = plan.data, plan.model
    counts = ", ".join(f"{n} {name}" for name, n in list(data.class_counts.items())[:SHOWN])
    units = f", {data.n_units} units by {data.unit_column}" if data.unit_column else ", each its own unit"
    layers = ", ".join(f"{name} ({model.n_components[name]} components)" for name in model.layers)
    lines = [
        f"PLAN OF {found.audit_id}: nothing has been run",
        f"model       {model.architecture}, {model.n_parameters:,} parameters, sha256 {_short(model.identity_sha256)}",
        f"layers      {layers or 'none'}",
        f"images      {data.n_images} ({counts}){units}, sha256 {_short(data.sha256)}",
    ]
    if plan.foundation is not None:
        lines.append(f"foundation  {plan.foundation.model}, sha256 {_short(plan.foundation.sha256)}")
    lines.append(f"spec        sha256 {_short(plan.spec_sha256)}")
    lines += [f"protocol    {note}" for note in protocol_notes(plan.protocol)]
    lines.append(f"gates       {len(found.gates)}: {_decidable(found)}")
    if found.n_references:
        lines.append(
            f"references  {found.n_references} predictions that the model must give before anything is measured"
        )
    return lines


def _decidable(found: PlannedRun) -> str:
    """How many gates so many images can decide."""
    unread = sum(row.nothing_to_read for row in found.gates)
    closed = sum(row.undecidable for row in found.gates) - unread
    other = sum(row.can_hold is None for row in found.gates)
    counts = {CANNOT: closed, UNREAD: unread, "not a matter of n": other}
    parts = [f"{n} {said}" for said, n in counts.items() if n]
    rest = len(found.gates) - closed - unread - other
    return ", ".join([*parts, f"{'all' if rest == len(found.gates) else rest} can hold"])


def _short(sha256: str | None) -> str:
    return "none" if sha256 is None else f"{sha256[:12]}..."


def blocks(found: PlannedRun) -> Iterator[Block]:
    """All tables, what cannot hold first."""
    for said, closed in ((CANNOT, _closed(found, unread=False)), (UNREAD, _closed(found, unread=True))):
        if closed:
            title = f"{len(closed)} OF {len(found.gates)} GATES: {said.upper()}"
            yield Block(title, ("gate", "limit", "why"), _gates(closed))
    open_gates = [row for row in found.gates if not row.undecidable]
    if open_gates:
        yield Block("Gates and what so many images can decide", ("gate", "limit", "n"), _gates(open_gates))
    yield from _strata(found)
    if found.artefacts:
        yield Block("Artefacts", ARTEFACT, [_artefact(row) for row in found.artefacts])
    notes = tuple(dict.fromkeys(step.note for step in found.steps if step.note))
    below = tuple(f"  [{number}] {note}" for number, note in enumerate(notes, 1))
    stages = [_step(step, notes) for step in found.steps]
    beside = [(part.title, "", "", "", "", duration(part.seconds)) for part in found.cost.parts]
    yield Block("Stages, and what every run takes beside them", STEP, [*stages, *beside], below)
    if found.hashes:
        rows = [(row.field, row.what, row.sha256, _standing(row.declared, row.agrees)) for row in found.hashes]
        yield Block("Hashes", ("field", "of", "sha256", "in the spec"), rows)


def _closed(found: PlannedRun, *, unread: bool) -> list[ForeseenGate]:
    return [row for row in found.gates if row.undecidable and row.nothing_to_read is unread]


def _standing(declared: str | None, agrees: bool) -> str:
    return "missing; plan --write-hashes fills it in" if declared is None else "same" if agrees else "differs"


def _gates(rows: Sequence[ForeseenGate]) -> list[tuple[str, ...]]:
    return [(gate_name(row.gate), _limit(row.gate), row.sentence) for row in rows]


def gate_name(gate: PlannedGate) -> str:
    """The id, and that it only warns."""
    return f"{gate.id}{' (warn)' if gate.severity is Severity.WARN else ''}"


def _limit(gate: PlannedGate) -> str:
    return f"{gate.relation} {shown_limit(gate.bound, gate.metric)}"


def _strata(found: PlannedRun) -> Iterator[Block]:
    """Subgroups in which a gate could not hold, were it asked there."""
    rows = []
    for gate in found.gates:
        closed = [row for row in gate.strata if row.can_hold is False]
        rows += [(gate.gate.id, row.sentence) for row in closed[:MANY_STRATA]]
        if len(closed) > MANY_STRATA:
            rows.append((gate.gate.id, f"and {len(closed) - MANY_STRATA} further subgroups"))
    if rows:
        yield Block("Subgroups too small for a gate of their own", ("gate", "subgroup"), [*rows])


def _artefact(row: PlannedArtefact) -> tuple[str, ...]:
    doses = ", ".join(f"{name} x {len(levels)}" for name, levels in row.doses.items())
    most = "<= " if row.at_most else ""
    return (
        row.name,
        row.kind,
        "by the model" if row.n_instances is None else str(row.n_instances),
        f"{most}{row.n_images}",
        f"{most}{row.n_units}",
        str(row.n_left_out),
        "yes" if row.sham else "no",
        doses or "-",
        _short(row.pictures_sha256) if row.pictures_sha256 else "-",
    )


def _step(step: PlannedStep, notes: Sequence[str]) -> tuple[str, ...]:
    return (
        f"{step.title} [{notes.index(step.note) + 1}]" if step.note else step.title,
        count(step.items),
        "all" if step.cached else str(step.n_stored),
        count(step.forward),
        count(step.backward),
        "-" if step.cached else duration(step.seconds),
    )


def count(span: Span) -> str:
    """Such as `1,200` or `40 to 900`."""
    return f"{span.low:,.0f}" if span.known else f"{span.low:,.0f} to {span.high:,.0f}"


def duration(span: Span) -> str:
    """Such as `20 s to 3 min`."""
    low, high = _time(span.low), _time(span.high)
    return low if low == high else f"{low} to {high}"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 1 else "1 s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def foot(found: PlannedRun) -> list[str]:
    """Sums, and what the estimates rest on."""
    cost, left = found.cost, sum(step.left.high > 0 for step in found.steps)
    forward = count(sum((step.forward_left for step in found.steps), start=Span(low=0, high=0)))
    backward = count(sum((step.backward_left for step in found.steps), start=Span(low=0, high=0)))
    stored = (
        "cached: everything that a model computes is in the store"
        if found.cached
        else f"left: {left} of {len(found.steps)} stages, {forward} forward and {backward} backward passes"
    )
    memory = f"{cost.gigabytes.low:.1f} to {cost.gigabytes.high:.1f} GB"
    return [
        stored,
        f"time: {duration(cost.seconds)}",
        *(f"  {part}" for part in cost.time_basis.split("; ")),
        f"memory: {memory}",
        f"  {cost.memory_basis}",
        *(f"note: {note}" for note in found.notes),
    ]


def _columns(block: Block) -> list[str]:
    names = tuple(name.removesuffix(">") for name in block.columns)
    rows = [names, *block.rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(names))]
    right = [name.endswith(">") for name in block.columns]
    return [
        "  "
        + "  ".join(
            cell.rjust(width) if flush else cell.ljust(width)
            for cell, width, flush in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in rows
    ]


def _draw(found: PlannedRun) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    first, *rest = head(found)
    console.print(Text(first, style="bold"))
    for line in rest:
        console.print(Text(line))
    for block in blocks(found):
        closed = any(said.upper() in block.title for said in (CANNOT, UNREAD))
        table = Table(title=block.title, title_justify="left", title_style="bold red" if closed else "bold")
        for name in block.columns:
            table.add_column(
                name.removesuffix(">"),
                justify="right" if name.endswith(">") else "left",
                overflow="fold",
                no_wrap=name in ("gate", "limit", "sha256") and len(block.columns) < 5,
            )
        for row in block.rows:
            table.add_row(*(Text(cell, style=_style(cell)) for cell in row))
        console.print(table, *(Text(line) for line in block.below), "", sep="\n")
    for line in foot(found):
        console.print(Text(line, style="green" if line.startswith("cached") else ""))


def _style(cell: str) -> str:
    return {"all": "green", "same": "green", "differs": "bold red"}.get(cell, "")
