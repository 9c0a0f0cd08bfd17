"""Combinations of artefacts as the report and the table show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from auditlens.report import bars
from auditlens.stages.combinations import CombinationFinding
from auditlens.stages.record import AuditRecord

WIDTH = 212


@dataclass(frozen=True, slots=True)
class CombinationsView:
    """All combinations for one class, on one scale of log-odds."""

    class_name: str
    rows: tuple[CombinationFinding, ...]
    axis: bars.Axis

    def bar(self, row: CombinationFinding) -> Markup:
        """Draw the combination, the sum of the single effects, and their difference."""
        marks = [
            ("together", row.margin, bars.BLUE, "circle"),
            ("sum of singles", row.sum_of_singles, bars.GREY, "ring"),
            ("together minus sum", row.interaction, bars.INK, "diamond"),
        ]
        return bars.compared_bars(self.axis, marks)


def combination_views(record: AuditRecord) -> tuple[CombinationsView, ...]:
    """Group the combinations by class; empty where the spec asks for none."""
    views = []
    for name in dict.fromkeys(row.class_name for row in record.findings.combinations):
        rows = tuple(row for row in record.findings.combinations if row.class_name == name)
        drawn = [estimate for row in rows for estimate in (row.margin, row.sum_of_singles, row.interaction)]
        views.append(CombinationsView(name, rows, bars.effects_axis(drawn, WIDTH)))
    return tuple(views)


def combination_name(row: CombinationFinding) -> str:
    """Such as `a ruler + ink`."""
    return " + ".join(row.labels)


def combination_rows(record: AuditRecord) -> list[dict[str, Any]]:
    """One row per combination, class and measure: `tables/combinations.parquet`."""
    return [
        {
            "artefacts": list(row.artefacts),
            **row.model_dump(include={"class_name", "n_images", "n_units", "state", "p_adjusted"}),
            "measure": measure,
            "to_class": target,
            **{field: getattr(estimate, field) for field in NUMBERS},
        }
        for row in record.findings.combinations
        for measure, target, estimate in _measures(row)
        if estimate is not None
    ]


def _measures(row: CombinationFinding) -> list[tuple[str, str | None, Any]]:
    rows: list[tuple[str, str | None, Any]] = [
        ("margin", None, row.margin),
        *((f"margin of {name} alone", None, one) for name, one in zip(row.artefacts, row.singles, strict=True)),
        ("margin, sum of singles", None, row.sum_of_singles),
        ("margin, interaction", None, row.interaction),
        ("margin, interaction without shams", None, row.interaction_raw),
        ("probability", None, row.raw),
        ("probability, shams", None, row.sham),
        ("probability, beyond shams", None, row.beyond),
        ("probability, sum of singles", None, row.probability_sum),
        ("probability, interaction", None, row.probability_interaction),
    ]
    for flip in row.flips:
        name = f"flip of {flip.from_class}"
        rows += [(name, flip.to_class, flip.rate), (f"{name}, shams", flip.to_class, flip.sham)]
        rows.append((f"{name}, beyond shams", flip.to_class, flip.beyond))
    return rows


NUMBERS = ("value", "low", "high", "confidence", "n", "n_events")
COMBINATION_COLUMNS = {
    "artefacts": "list",
    "class_name": "string",
    "n_images": "int64",
    "n_units": "int64",
    "state": "string",
    "p_adjusted": "float64",
    "measure": "string",
    "to_class": "string",
    "value": "float64",
    "low": "float64",
    "high": "float64",
    "confidence": "float64",
    "n": "int64",
    "n_events": "int64",
}
