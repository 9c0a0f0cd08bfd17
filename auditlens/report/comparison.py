"""`compare.html`, `compare.md` and `compare.json`: audits side by side, read from their run folders alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from auditlens.errors import InputError
from auditlens.findings.comparison import compare_runs
from auditlens.findings.side_by_side import Run
from auditlens.report import comparison_rows as rows
from auditlens.report.answers import read_answers
from auditlens.report.bars import Axis
from auditlens.report.comparison_charts import common_axis, model_mark, models_row, models_scale, state_bars
from auditlens.report.comparison_rows import Line, Table
from auditlens.report.markdown import cell
from auditlens.report.page import font_uri, make_environment
from auditlens.report.reading import read_record
from auditlens.report.wording import capitalise, plural, short_hash
from auditlens.stages.comparison import ComparedArtefact, ComparedClass, ComparedRow, Comparison
from auditlens.store.atomic import write_bytes_atomically
from auditlens.version import __version__


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One artefact in a forest plot."""

    title: str
    drawn: Markup


@dataclass(frozen=True, slots=True)
class Forest:
    """A forest plot: one row per artefact, one mark per model."""

    caption: str
    scale: Markup
    rows: tuple[ForestRow, ...]


@dataclass(frozen=True, slots=True)
class InsideView:
    """Shares of relevance of one class."""

    found: ComparedClass
    bars: tuple[Markup, ...]
    by_state: Table
    by_label: Table


def compare(
    runs: Sequence[str | Path], *, names: Sequence[str] | None = None, out: str | Path | None = None
) -> Comparison:
    """Set two or more run folders side by side, with intervals on the differences to the first.

    Parameters
    ----------
    runs : sequence of path
        Run folders; the first is what the others are compared with.
    names : sequence of str, optional
        One per run; the folders' names by default.
    out : path, optional
        Folder that gets `compare.html`, `compare.md` and `compare.json`; nothing is written without it.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        Fewer than two folders, one that is no run folder, or names that are not distinct.
    """
    folders = [Path(run) for run in runs]
    if len(folders) < 2:
        raise InputError("a comparison needs two or more run folders", hint="auditlens compare A B")
    called = _names(folders, names)
    comparison = compare_runs([_run(folder, name) for folder, name in zip(folders, called, strict=True)])
    if out is not None:
        write_comparison(Path(out), comparison)
    return comparison


def _names(folders: Sequence[Path], names: Sequence[str] | None) -> list[str]:
    called = [folder.resolve().name for folder in folders] if names is None else [name.strip() for name in names]
    if len(called) != len(folders):
        raise InputError(f"{plural(len(called), 'name')} for {plural(len(folders), 'run')}: give one per run")
    if not all(called):
        raise InputError("a name is empty", hint="--names vanilla,pruned,retrained")
    twice = sorted({name for name in called if called.count(name) > 1})
    if twice:
        raise InputError(
            f"several runs are called {', '.join(map(repr, twice))}", hint="give different names with --names"
        )
    return called


def _run(folder: Path, name: str) -> Run:
    if not folder.is_dir():
        raise InputError(f"there is no folder {str(folder)!r}", hint="name run folders, as `auditlens run` writes them")
    return Run(name, read_record(folder / "record.json"), read_answers(folder))


def write_comparison(out: Path, comparison: Comparison) -> dict[str, Path]:
    """Write the three files of a comparison, each whole or not at all; returns their paths by name."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; name a folder")
    contents = {
        "compare.json": comparison.to_json().encode(),
        "compare.md": markdown(comparison).encode(),
        "compare.html": html(comparison).encode(),
    }
    return {name: write_bytes_atomically(out / name, content) for name, content in contents.items()}


def tables(comparison: Comparison) -> list[Table]:
    """Give the tables that Markdown and terminal show, the most telling first."""
    found = []
    for class_name in rows.artefact_classes(comparison):
        found += [
            rows.effects_table(comparison, class_name),
            rows.accuracy_table(comparison, class_name),
            rows.flips_table(comparison, class_name),
        ]
    found.append(rows.separability_table(comparison))
    for inside in comparison.classes:
        found += [rows.shares_table(inside, inside.by_state, "state")]
        found += [rows.shares_table(inside, inside.by_label, "label")]
    found += [rows.gates_table(comparison), rows.performance_table(comparison)]
    return [table for table in found if table.lines]


def html(comparison: Comparison) -> str:
    """Render `compare.html`: one file, no network, no scripts."""
    environment = make_environment()
    environment.globals |= {"model_mark": model_mark, "is_clear": rows.is_clear}
    classes = rows.artefact_classes(comparison)
    context = {
        "comparison": comparison,
        "sentences": rows.leading_sentences(comparison),
        "classes": [
            {
                "name": name,
                "effect": _effect_forest(comparison, name),
                "accuracy": _accuracy_forest(comparison, name),
                "tables": [
                    rows.effects_table(comparison, name),
                    rows.accuracy_table(comparison, name),
                    rows.flips_table(comparison, name),
                ],
                "details": rows.details_table(comparison, name),
            }
            for name in classes
        ],
        "separability": rows.separability_table(comparison),
        "inside": [_inside(found) for found in comparison.classes],
        "gates": rows.gates_table(comparison),
        "performance": rows.performance_table(comparison),
        "version": __version__,
        "css": Markup(environment.get_template("report.css").render(target="html", font=font_uri)),
    }
    return environment.get_template("compare.html.j2").render(context)


def _inside(found: ComparedClass) -> InsideView:
    return InsideView(
        found,
        tuple(state_bars(found)),
        rows.shares_table(found, found.by_state, "state"),
        rows.shares_table(found, found.by_label, "label"),
    )


def _effect_forest(comparison: Comparison, class_name: str) -> Forest:
    found = [
        (capitalise(artefact.label), row)
        for artefact in comparison.artefacts
        if artefact.class_name == class_name and (row := rows.effect_row(artefact)) is not None
    ]
    parts = dict.fromkeys(rows.PART_WORDS[row.part] for _, row in found)
    return _forest(comparison, f"Change of P({class_name}) {' or '.join(parts)}", found, percent=False)


def _accuracy_forest(comparison: Comparison, class_name: str) -> Forest:
    found = [
        (f"{capitalise(artefact.label)}: {row.true_class or 'all'} images", row)
        for artefact in comparison.artefacts
        if artefact.class_name == class_name
        for row in _accuracy_rows(artefact)
    ]
    return _forest(comparison, "Change of accuracy when it is put in (percentage points)", found, percent=True)


def _accuracy_rows(artefact: ComparedArtefact) -> list[ComparedRow]:
    """Rows by true class, as in Fig. 4d; over all images where classes are not told apart."""
    found = [row for row in artefact.rows if row.measure == "accuracy change"]
    return [row for row in found if row.true_class] or found


def _forest(comparison: Comparison, caption: str, found: Sequence[tuple[str, ComparedRow]], percent: bool) -> Forest:
    estimates = [[one.estimate for one in row.values] for _, row in found]
    axis: Axis = common_axis(estimates)
    names = [run.name for run in comparison.runs]
    drawn = tuple(
        ForestRow(title, models_row(axis, one, names)) for (title, _), one in zip(found, estimates, strict=True)
    )
    return Forest(caption, models_scale(axis, percent), drawn)


def markdown(comparison: Comparison) -> str:
    """Render `compare.md`: the sentences and the tables, for a pull request."""
    names = [run.name for run in comparison.runs]
    lines = [f"# Audits side by side: {cell(', '.join(names))}", ""]
    lines += [f"- {cell(sentence)}" for sentence in rows.leading_sentences(comparison)] + [""]
    lines += ["| run | audit | model | verdict | operating point | images |", "| --- " * 6 + "|"]
    for run in comparison.runs:
        cells = [run.name, run.audit_id, short_hash(run.model_sha256), run.headline, run.decision, f"{run.n_images:,}"]
        lines.append(f"| {' | '.join(map(cell, cells))} |")
    lines += ["", *(f"- **Note:** {cell(warning)}" for warning in comparison.warnings), ""]
    for table in tables(comparison):
        lines += [f"## {cell(table.caption)}", "", *_markdown_table(table, names), ""]
    lines += [cell(READING), "", f"AuditLens {__version__}."]
    return "\n".join(lines) + "\n"


READING = (
    "Differences are to the first run, with two-sided 95 % intervals, each by itself; pp: percentage points. "
    "They are paired by image, artefact instance and patient where both models saw the same pictures. "
    "Shares of relevance are of different components and are compared as independent. Asterisk or bold: the interval "
    "lies on one side of zero. A comparison decides nothing."
)


def _markdown_table(table: Table, names: Sequence[str]) -> list[str]:
    lines = [f"|  | {' | '.join(map(cell, names))} |", "| --- " * (len(names) + 1) + "|"]
    for line in table.lines:
        lines.append(f"| {cell(line.title)} | {' | '.join(_markdown_cells(line))} |")
    notes = dict.fromkeys(line.note for line in table.lines if line.note)
    if table.note:
        notes = {table.note: None} | notes
    return [*lines, *([""] if notes else []), *(f"Not paired: {cell(note)}." for note in notes)]


def _markdown_cells(line: Line) -> list[str]:
    texts = []
    for one in line.cells:
        difference = f"<br>{cell(one.difference)}" if one.difference else ""
        texts.append(f"{cell(one.value)}{f'<br>**{cell(one.difference)}**' if one.clear else difference}")
    return texts
