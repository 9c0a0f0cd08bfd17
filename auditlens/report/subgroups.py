"""Every result by subgroup, as the report and the table show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from auditlens.report import bars
from auditlens.report.columns import estimate_columns, flat
from auditlens.report.titles import artefact_labels
from auditlens.stages.findings import Flip
from auditlens.stages.record import AuditRecord
from auditlens.stages.subgroups import Stratum, SubgroupEffect, SubgroupFindings, SubgroupPerformance, SubgroupSummary

MOST_SHOWN = 5
"""Artefacts whose subgroups are drawn, per class; the others stand in the table."""
WIDTH = 150


@dataclass(frozen=True, slots=True)
class ArtefactSubgroups:
    """One artefact in every subgroup, for one class."""

    label: str
    summary: SubgroupSummary
    rows: tuple[SubgroupEffect, ...]

    def is_worst(self, row: SubgroupEffect) -> bool:
        """Whether the effect is largest in this subgroup."""
        return row.stratum == self.summary.worst

    @staticmethod
    def flip_of(row: SubgroupEffect, sides: tuple[str, str]) -> Flip | None:
        """Decisions that turn in one direction; None where the subgroup has no images to turn."""
        return next((flip for flip in row.flips if (flip.from_class, flip.to_class) == sides), None)


@dataclass(frozen=True, slots=True)
class SubgroupsView:
    """All artefacts in every subgroup for one class, on one scale."""

    class_name: str
    shown: tuple[ArtefactSubgroups, ...]
    others: tuple[ArtefactSubgroups, ...]
    sides: tuple[tuple[str, str], ...]
    """Directions of the decisions that turn."""
    axis: bars.Axis

    def bar(self, row: SubgroupEffect) -> Markup:
        """Draw the effect on the common scale."""
        return bars.change_bar(self.axis, row.effect)


def subgroup_views(record: AuditRecord) -> tuple[SubgroupsView, ...]:
    """Group the subgroups by class and artefact; artefacts with a subgroup that stands out come first."""
    found = record.findings.subgroups
    if found is None:
        return ()
    classes = dict.fromkeys(row.class_name for row in found.summaries)
    return tuple(_view(record, found, name) for name in classes)


def _view(record: AuditRecord, found: SubgroupFindings, class_name: str) -> SubgroupsView:
    labels = artefact_labels(record)
    lines = [
        ArtefactSubgroups(labels.get(summary.artefact, summary.artefact), summary, _rows(found, summary))
        for summary in found.summaries
        if summary.class_name == class_name
    ]
    lines.sort(key=lambda line: (not line.summary.standing_out, -_largest(line)))
    shown = tuple(lines[:MOST_SHOWN])
    return SubgroupsView(
        class_name=class_name,
        shown=shown,
        others=tuple(lines[MOST_SHOWN:]),
        sides=tuple(
            dict.fromkeys((f.from_class, f.to_class) for line in shown for row in line.rows for f in row.flips)
        ),
        axis=bars.effects_axis([row.effect for line in shown for row in line.rows], WIDTH),
    )


def _rows(found: SubgroupFindings, summary: SubgroupSummary) -> tuple[SubgroupEffect, ...]:
    key = (summary.artefact, summary.class_name)
    return tuple(row for row in found.effects if (row.artefact, row.class_name) == key)


def _largest(line: ArtefactSubgroups) -> float:
    return max((abs(row.effect.value or 0.0) for row in line.rows if not row.few), default=0.0)


def subgroup_rows(record: AuditRecord) -> list[dict[str, Any]]:
    """One row per subgroup and measure: clean performance, change of the probability, decisions that turn."""
    found = record.findings.subgroups
    if found is None:
        return []
    rows = [row for performance in found.performance for row in _performance_rows(performance)]
    for effect in found.effects:
        head = _head(effect.stratum) | {"artefact": effect.artefact, "class_name": effect.class_name}
        head |= {"n_images": effect.n_images, "n_units": effect.n_units, "few": effect.few}
        estimates = flat("raw", effect.raw) | flat("sham", effect.sham) | flat("beyond", effect.beyond)
        more = {"measure": "probability", "stands_out": effect.stands_out} | flat("contrast", effect.contrast)
        rows.append(head | more | estimates)
        rows += [head | _flip_row(flip) for flip in effect.flips]
    return rows


def _performance_rows(row: SubgroupPerformance) -> list[dict[str, Any]]:
    head = _head(row.stratum) | {"n_images": row.n_images, "n_units": row.n_units}
    return [
        head | {"measure": name} | flat("raw", estimate)
        for name, estimate in (("sensitivity", row.sensitivity), ("specificity", row.specificity))
    ]


def _flip_row(flip: Flip) -> dict[str, Any]:
    head = {"measure": "flips", "from_class": flip.from_class, "to_class": flip.to_class}
    return head | flat("raw", flip.rate) | flat("sham", flip.sham) | flat("beyond", flip.beyond)


def _head(stratum: Stratum) -> dict[str, Any]:
    within = [f"{column}={value}" for column, value in stratum.within.items()]
    return {"subgroup": stratum.name, "within": within, "true_class": stratum.true_class}


SUBGROUP_COLUMNS = (
    {"measure": "string", "artefact": "string", "class_name": "string", "subgroup": "string", "within": "list"}
    | {"true_class": "string", "from_class": "string", "to_class": "string", "n_images": "int64", "n_units": "int64"}
    | {"few": "bool", "stands_out": "bool"}
    | estimate_columns("raw")
    | estimate_columns("sham")
    | estimate_columns("beyond")
    | estimate_columns("contrast")
)
