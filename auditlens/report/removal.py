"""The artefact taken out, as the report and its table show it."""

from __future__ import annotations

from typing import Any

from auditlens.report.columns import estimate_columns, flat
from auditlens.stages.record import AuditRecord
from auditlens.stages.removal import RemovalFinding

PARTS = ("removed", "control", "beyond")
REMOVAL_COLUMNS = {
    "artefact": "string",
    "class_name": "string",
    "measure": "string",
    "true_class": "string",
    "to_class": "string",
    "mean_area": "float64",
    "agreement": "string",
} | {name: kind for part in PARTS for name, kind in estimate_columns(part).items()}


def removal_left_out(row: RemovalFinding) -> str:
    """Say which images with a mask could not take part; empty where all could."""
    counts = (
        (row.n_unflagged, "not flagged as having it"),
        (row.n_no_mask, "with an empty or too large mask"),
        (row.n_over_lesion, "with the artefact over the lesion"),
        (row.n_no_room, "without room for the control"),
    )
    return ", ".join(f"{n} {why}" for n, why in counts if n)


def removal_rows(record: AuditRecord) -> list[dict[str, Any]]:
    """One row per artefact, class and measure: `tables/removals.parquet`."""
    rows: list[dict[str, Any]] = []
    for finding in record.findings.removals:
        head = finding.model_dump(include={"artefact", "class_name", "mean_area", "agreement"})
        for change in finding.changes:
            rows.append(head | {"measure": change.scale, "true_class": change.true_class} | _numbers(change))
        for flip in finding.flips:
            named = {"measure": "flips", "true_class": flip.from_class, "to_class": flip.to_class}
            rows.append(head | named | _numbers(flip))
    return rows


def _numbers(row: object) -> dict[str, Any]:
    return {name: cell for part in PARTS for name, cell in flat(part, getattr(row, part)).items()}
