"""What the report shows of the artefacts that were put in, by class and on one scale."""

from __future__ import annotations

from dataclasses import dataclass

from auditlens.report import bars
from auditlens.stages.findings import ArtefactFinding, Estimate
from auditlens.stages.record import AuditRecord

FOREST_WIDTH = 212


@dataclass(frozen=True, slots=True)
class ArtefactsView:
    """What the report shows of the artefacts put in for one class, on one scale."""

    class_name: str
    artefacts: tuple[ArtefactFinding, ...]
    axis: bars.Axis


def artefacts_views(record: AuditRecord) -> tuple[ArtefactsView, ...]:
    """Group the artefact findings by class, in the order of the findings."""
    names = dict.fromkeys(row.class_name for row in record.findings.artefacts)
    views = []
    for name in names:
        rows = tuple(row for row in record.findings.artefacts if row.class_name == name)
        axis = bars.effects_axis([estimate for row in rows for estimate in effect_estimates(row)], FOREST_WIDTH)
        views.append(ArtefactsView(name, rows, axis))
    return tuple(views)


def effect_estimates(finding: ArtefactFinding) -> list[Estimate | None]:
    """All estimates on the probability scale."""
    rows = [effect for effect in finding.effects if effect.scale == "probability"]
    return [estimate for row in rows for estimate in (row.raw, row.sham, row.beyond)]
