"""The tables of a comparison as words and digits, the same in HTML, Markdown and on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from auditlens.report.wording import (
    ACCEPTED,
    MISSING,
    OUTCOMES,
    capitalise,
    estimate_text,
    kind_of,
    minus,
    number,
    plain,
)
from auditlens.stages.comparison import (
    ComparedArtefact,
    ComparedClass,
    ComparedGate,
    ComparedRow,
    ComparedShare,
    ComparedValue,
    Comparison,
    Kind,
)
from auditlens.stages.findings import Estimate
from auditlens.stages.states import GateState

PART_WORDS: Final = {"": "", "raw": "with the artefact", "sham": "with its sham", "beyond": "beyond its sham"}
CLEAN_WORDS: Final = {
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "auroc": "AUROC",
    "accuracy": "Accuracy",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of one run, and its difference to the first."""

    value: str
    difference: str = ""
    clear: bool = False
    """Whether the interval of the difference lies on one side of zero."""
    state: GateState | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table."""

    title: str
    cells: tuple[Cell, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One table with its caption."""

    caption: str
    lines: tuple[Line, ...]
    note: str = ""


def difference_text(estimate: Estimate | None, kind: Kind) -> str:
    """Write a difference, such as `-0.021 (-0.050 to +0.008)` or `+4.1 pp (...)`; empty where there is none."""
    if estimate is None or estimate.value is None:
        return ""
    write = _points if kind == "percent" else lambda value: number(value, "signed")
    text = write(estimate.value) + (" pp" if kind == "percent" else "")
    if estimate.low is None or estimate.high is None:
        return f"{text} (no interval)"
    return f"{text} ({write(estimate.low)} to {write(estimate.high)})"


def _points(value: float) -> str:
    return minus(f"{round(100 * value, 1) + 0.0:+.1f}")


def is_clear(estimate: Estimate | None) -> bool:
    """Whether a difference's interval lies on one side of zero."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return False
    return estimate.low > 0 or estimate.high < 0


def _shown(estimate: Estimate | None, kind: Kind, signed: bool) -> str:
    if not signed or kind != "percent" or estimate is None or estimate.value is None:
        return estimate_text(estimate, kind)
    text = f"{_points(estimate.value)} pp"
    if estimate.low is None or estimate.high is None:
        return text
    return f"{text} ({_points(estimate.low)} to {_points(estimate.high)})"


def _cells(values: Sequence[ComparedValue], kind: Kind, signed: bool = False) -> tuple[Cell, ...]:
    return tuple(
        Cell(_shown(one.estimate, kind, signed), difference_text(one.difference, kind), is_clear(one.difference))
        for one in values
    )


def performance_table(comparison: Comparison) -> Table:
    """Clean images at each model's operating point."""
    lines = tuple(Line(CLEAN_WORDS[row.measure], _cells(row.values, row.kind)) for row in comparison.performance)
    return Table("Clean images, at each model's operating point", lines, pairing_note(comparison.performance_pairing))


def pairing_note(pairing: Sequence[str]) -> str:
    """Say why differences are not paired; empty where all are."""
    reasons = dict.fromkeys(reason for reason in pairing if reason not in ("first", "paired"))
    return "; ".join(reasons)


def artefact_classes(comparison: Comparison) -> tuple[str, ...]:
    """Classes for which artefacts were tested, in their order."""
    return tuple(dict.fromkeys(row.class_name for row in comparison.artefacts))


def effect_row(artefact: ComparedArtefact) -> ComparedRow | None:
    """Find the effect on the probability over all images: beyond the sham, or raw where no run had one."""
    rows = {row.part: row for row in artefact.rows if row.measure == "probability" and row.true_class is None}
    for part in ("beyond", "raw"):
        row = rows.get(part)
        if row is not None and any(one.estimate and one.estimate.value is not None for one in row.values):
            return row
    return None


def _table_by_artefact(
    comparison: Comparison, class_name: str, caption: str, chosen: Callable[[ComparedArtefact], list[ComparedRow]]
) -> Table:
    lines = []
    for artefact in comparison.artefacts:
        if artefact.class_name == class_name:
            lines += [
                Line(
                    f"{capitalise(artefact.label)}{_suffix(row)}",
                    _cells(row.values, row.kind, row.measure == "accuracy change"),
                    pairing_note(artefact.pairing),
                )
                for row in chosen(artefact)
            ]
    return Table(caption, tuple(lines))


def _suffix(row: ComparedRow) -> str:
    if row.measure == "flips":
        return f": {row.true_class} \N{RIGHTWARDS ARROW} {row.to_class}, {PART_WORDS[row.part]}"
    where = f"{row.true_class} images" if row.true_class else "all images"
    scale = "margin, " if row.measure == "margin" else ""
    said = "" if row.measure == "accuracy change" else f", {PART_WORDS[row.part]}"
    return f": {scale}{where}{said}"


def effects_table(comparison: Comparison, class_name: str) -> Table:
    """Effect on the probability over all images, beyond the sham."""

    def chosen(artefact: ComparedArtefact) -> list[ComparedRow]:
        row = effect_row(artefact)
        return [] if row is None else [row]

    return _table_by_artefact(comparison, class_name, f"Change of P({class_name}) when the artefact is put in", chosen)


def accuracy_table(comparison: Comparison, class_name: str) -> Table:
    """Change of accuracy by true class: the paper's Fig. 4d."""

    def chosen(artefact: ComparedArtefact) -> list[ComparedRow]:
        return [row for row in artefact.rows if row.measure == "accuracy change"]

    return _table_by_artefact(
        comparison, class_name, "Change of accuracy when the artefact is put in, in percentage points", chosen
    )


def flips_table(comparison: Comparison, class_name: str) -> Table:
    """Decisions that turn, beyond the sham and raw."""

    def chosen(artefact: ComparedArtefact) -> list[ComparedRow]:
        return [row for row in artefact.rows if row.measure == "flips" and row.part in ("raw", "beyond")]

    return _table_by_artefact(comparison, class_name, "Decisions that turn, of those called rightly before", chosen)


def details_table(comparison: Comparison, class_name: str) -> Table:
    """All further effects: raw, sham, by true class, and on the margin (the paper's logits)."""

    def chosen(artefact: ComparedArtefact) -> list[ComparedRow]:
        main = effect_row(artefact)
        rows = [row for row in artefact.rows if row.measure in ("probability", "margin") and row is not main]
        return [row for row in rows if any(one.estimate is not None for one in row.values)]

    return _table_by_artefact(comparison, class_name, f"Further effects on P({class_name}) and on its margin", chosen)


def shares_table(found: ComparedClass, rows: Sequence[ComparedShare], what: str) -> Table:
    """Shares of relevance with the number of components."""
    lines = [
        Line(
            capitalise(plain(row.name)),
            tuple(
                Cell(_with_count(cell.value, n), cell.difference, cell.clear)
                for cell, n in zip(_cells(row.values, "percent"), row.n_components, strict=True)
            ),
        )
        for row in rows
    ]
    return Table(f"{capitalise(found.class_name)}: share of relevance by {what}, and components", tuple(lines))


def _with_count(text: str, n: int | None) -> str:
    return text if n is None or text == MISSING else f"{text}; n = {n}"


def separability_table(comparison: Comparison) -> Table:
    """AUROC with the artefact, and what the artefact costs of it."""
    lines = []
    for row in comparison.separability:
        title = f"{capitalise(row.class_name)} against {plain(row.name)} ({row.source})"
        lines += [
            Line(f"{title}: AUROC with it", _cells(row.auroc, "score")),
            Line(f"{title}: lost by it", _cells(row.drop, "signed")),
        ]
    return Table("Told from images with spurious features only", tuple(lines))


def gates_table(comparison: Comparison) -> Table:
    """Gates with outcome and estimate per run."""
    return Table("Gates", tuple(_gate_line(gate) for gate in comparison.gates))


def _gate_line(gate: ComparedGate) -> Line:
    limits = dict.fromkeys(limit for limit in gate.limits if limit)
    cells = []
    for state, waived, estimate in zip(gate.states, gate.waived, gate.estimates, strict=True):
        word = MISSING if state is None else OUTCOMES[state]
        word = ACCEPTED if waived and state is GateState.FAILS else word
        shown = estimate_text(estimate, kind_of(gate.metric))
        cells.append(Cell(word if shown == MISSING else f"{word}: {shown}", state=state))
    return Line(f"{gate.id}, {' or '.join(limits)}", tuple(cells), gate.note)


def leading_sentences(comparison: Comparison) -> tuple[str, ...]:
    """Say what became of the artefact that moves the first model most, by class and run."""
    return tuple(
        sentence for class_name in artefact_classes(comparison) for sentence in _leading(comparison, class_name)
    )


def _leading(comparison: Comparison, class_name: str) -> list[str]:
    rows = [(one, effect_row(one)) for one in comparison.artefacts if one.class_name == class_name]
    known = [(one, row) for one, row in rows if row is not None and _size(row) is not None]
    if not known:
        return []
    artefact, row = max(known, key=lambda pair: _size(pair[1]) or 0.0)
    first = estimate_text(row.values[0].estimate, "signed")
    sentences = [
        f"{comparison.runs[0].name}: the artefact that moves P({class_name}) most is {artefact.label}, by {first} "
        f"{PART_WORDS[row.part]}."
    ]
    for run, value in zip(comparison.runs[1:], row.values[1:], strict=True):
        change = difference_text(value.difference, "signed")
        said = f"; difference {change}" if change else ""
        sentences.append(f"{run.name}: {artefact.label} moves it by {estimate_text(value.estimate, 'signed')}{said}.")
    return sentences


def _size(row: ComparedRow) -> float | None:
    first = row.values[0].estimate
    return None if first is None or first.value is None else abs(first.value)
