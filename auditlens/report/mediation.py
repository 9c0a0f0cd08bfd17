"""How much of an effect runs through components, as the report and the table show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from auditlens.report import bars
from auditlens.report.titles import artefact_labels
from auditlens.stages.estimate import Estimate
from auditlens.stages.mediation import MediatedSet, MediationFinding
from auditlens.stages.record import AuditRecord

WIDTH = 190
KINDS = {
    "labelled": "labelled so",
    "responding": "that respond, whatever their label",
    "spurious": "with any spurious label",
}
NEAR = (-0.5, 1.5)
"""Shares outside of this are drawn at its edge: the interval of a small effect's share can be very wide."""


@dataclass(frozen=True, slots=True)
class ArtefactMediation:
    """One artefact for one class."""

    finding: MediationFinding
    label: str
    """Plain words of the artefact."""

    @property
    def reason(self) -> str:
        """Why no share is shown, where none is."""
        if not self.finding.sets:
            return "no component of the layer is labelled so, responds or carries a spurious label"
        return "" if any(row.share.value is not None for row in self.finding.sets) else self.finding.sets[0].share.note


@dataclass(frozen=True, slots=True)
class MediationView:
    """All artefacts for one class, on one scale."""

    class_name: str
    layer: str
    rows: tuple[ArtefactMediation, ...]
    axis: bars.Axis

    def bar(self, estimate: Estimate) -> Markup:
        """Draw a share with its interval, on the view's scale."""
        return bars.change_bar(self.axis, _near(estimate))

    @staticmethod
    def kind(row: MediatedSet) -> str:
        """Which components, in words."""
        return KINDS[row.kind]


def mediation_views(record: AuditRecord) -> tuple[MediationView, ...]:
    """Collect mediation by class; empty where it was not measured."""
    labels = artefact_labels(record)
    places = dict.fromkeys((row.class_name, row.layer) for row in record.findings.mediations)
    return tuple(_view(record, labels, *place) for place in places)


def _view(record: AuditRecord, labels: dict[str, str], class_name: str, layer: str) -> MediationView:
    rows = tuple(
        ArtefactMediation(row, labels[row.artefact])
        for row in record.findings.mediations
        if (row.class_name, row.layer) == (class_name, layer)
    )
    drawn = [_near(found.share) for row in rows for found in row.finding.sets]
    return MediationView(class_name, layer, rows, bars.effects_axis(drawn, WIDTH))


def _near(estimate: Estimate) -> Estimate:
    ends = {name: getattr(estimate, name) for name in ("value", "low", "high")}
    cut = {name: None if end is None else min(max(end, NEAR[0]), NEAR[1]) for name, end in ends.items()}
    return estimate.model_copy(update=cut)


def mediation_rows(record: AuditRecord) -> list[dict[str, Any]]:
    """One row per artefact, class and set of components: `tables/mediation.parquet`."""
    return [
        {
            **finding.model_dump(include={"artefact", "class_name", "layer"}),
            **row.model_dump(include={"kind", "relevance_share", "n_trials", "n_left_out", "n_controls", "matched"}),
            "components": list(row.components),
            "n_components": len(row.components),
            "control_relevance": row.control_relevance,
            **_flat("total", finding.total),
            **_flat("share", row.share),
            **_flat("probability", row.probability),
            **_flat("controls", row.controls),
            **_flat("beyond_controls", row.beyond_controls),
        }
        for finding in record.findings.mediations
        for row in finding.sets
    ]


def _flat(name: str, estimate: Estimate | None) -> dict[str, Any]:
    return {f"{name}_{field}": getattr(estimate, field, None) for field in NUMBERS}


NUMBERS = {"value": "float64", "low": "float64", "high": "float64", "confidence": "float64", "note": "string"}
MEDIATION_COLUMNS = {
    "artefact": "string",
    "class_name": "string",
    "layer": "string",
    "kind": "string",
    "components": "list",
    "n_components": "int64",
    "relevance_share": "float64",
    "n_trials": "int64",
    "n_left_out": "int64",
    "n_controls": "int64",
    "control_relevance": "float64",
    "matched": "bool",
} | {
    f"{name}_{field}": kind
    for name in ("total", "share", "probability", "controls", "beyond_controls")
    for field, kind in NUMBERS.items()
}
