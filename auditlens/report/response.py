"""How components respond to artefacts, beside their labels, as the report and the table show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from auditlens.report import bars
from auditlens.report.titles import artefact_labels
from auditlens.stages.findings import ComponentFinding
from auditlens.stages.record import AuditRecord
from auditlens.stages.response import ComponentResponse, ResponseFinding

N_LABELLED = 4
N_UNLABELLED = 6
"""Components listed per artefact; the others stand in the table."""
N_PICTURED = 2
"""Components without the label whose crops are shown, per artefact."""
WIDTH = 150
LARGEST_GAP, SMALLEST_GAP = 0.1, 0.05
"""Share of the change of the margin, and log-odds, up to which what contributions miss is not worth a word."""


@dataclass(frozen=True, slots=True)
class ArtefactResponses:
    """One artefact at one layer, for one class."""

    finding: ResponseFinding
    label: str
    """Plain words of the artefact."""
    labelled: tuple[ComponentResponse, ...]
    unlabelled: tuple[ComponentResponse, ...]
    pictured: tuple[ComponentFinding, ...]
    """Of those without the label, those that have crops."""

    @property
    def n_left_out(self) -> int:
        """Components that stand in the table only."""
        return len(self.finding.components) - len(self.labelled) - len(self.unlabelled)

    @property
    def left_over(self) -> float | None:
        """Part of the change of the margin that the contributions miss, where it is not small."""
        whole, *parts = (
            row.value or 0.0 for row in (self.finding.change, self.finding.by_labelled, self.finding.by_others)
        )
        gap = whole - sum(parts)
        return gap if abs(gap) > max(LARGEST_GAP * abs(whole), SMALLEST_GAP) else None

    def count(self, kind: str) -> int:
        """How many components are of a kind."""
        return sum(row.kind == kind for row in self.finding.components)


@dataclass(frozen=True, slots=True)
class ResponseView:
    """All artefacts at one layer for one class, on common scales."""

    class_name: str
    layer: str
    rows: tuple[ArtefactResponses, ...]
    detailed: bool
    """True for the last layer: its components are listed."""
    axis: bars.Axis

    def bar(self, row: ComponentResponse) -> Markup:
        """Draw the response with its interval, on the view's scale."""
        return bars.change_bar(self.axis, row.response)


def response_views(record: AuditRecord) -> tuple[ResponseView, ...]:
    """Collect the responses by class and layer, the last layer first; empty where they were not measured."""
    places = dict.fromkeys((row.class_name, row.layer) for row in record.findings.responses)
    order = {name: -place for place, name in enumerate(record.plan.model.layers)}
    classes = list(dict.fromkeys(name for name, _ in places))
    ordered = sorted(places, key=lambda place: (classes.index(place[0]), order.get(place[1], 0)))
    return tuple(_view(record, *place) for place in ordered)


def _view(record: AuditRecord, class_name: str, layer: str) -> ResponseView:
    labels = artefact_labels(record)
    rows = tuple(
        _artefact(record, row, labels[row.artefact])
        for row in record.findings.responses
        if (row.class_name, row.layer) == (class_name, layer)
    )
    drawn = [found.response for row in rows for found in (*row.labelled, *row.unlabelled)]
    return ResponseView(
        class_name=class_name,
        layer=layer,
        rows=rows,
        detailed=layer in record.plan.model.layers[-1:],
        axis=bars.effects_axis(drawn, WIDTH),
    )


def _artefact(record: AuditRecord, finding: ResponseFinding, label: str) -> ArtefactResponses:
    others = tuple(row for row in finding.components if row.kind == "without label")
    crops = {row.id: row for row in record.findings.components if row.class_name == finding.class_name and row.examples}
    return ArtefactResponses(
        finding=finding,
        label=label,
        labelled=tuple(row for row in finding.components if row.kind != "without label")[:N_LABELLED],
        unlabelled=others[:N_UNLABELLED],
        pictured=tuple(crops[row.id] for row in others if row.id in crops)[:N_PICTURED],
    )


def response_rows(record: AuditRecord) -> list[dict[str, Any]]:
    """One row per artefact, class and listed component: `tables/responses.parquet`."""
    return [
        {
            **finding.model_dump(include={"artefact", "class_name", "layer", "n_trials"}),
            **row.model_dump(include={"id", "index", "kind", "label", "relevance", "raw", "p_adjusted"}),
            "state": row.state.value,
            **_flat("response", row),
            **_flat("contribution", row),
        }
        for finding in record.findings.responses
        for row in finding.components
    ]


def _flat(name: str, row: ComponentResponse) -> dict[str, Any]:
    estimate = getattr(row, name)
    return {f"{name}_{field}": getattr(estimate, field) for field in NUMBERS}


NUMBERS = ("value", "low", "high", "confidence")
RESPONSE_COLUMNS = {
    "artefact": "string",
    "class_name": "string",
    "layer": "string",
    "n_trials": "int64",
    "id": "string",
    "index": "int64",
    "kind": "string",
    "label": "string",
    "state": "string",
    "relevance": "float64",
    "raw": "float64",
    "p_adjusted": "float64",
} | {f"{name}_{field}": "float64" for name in ("response", "contribution") for field in NUMBERS}
