"""`tables/words.parquet` and `tables/faithfulness.parquet`: what components are called, and how faithful labels are."""

from __future__ import annotations

from typing import Any

from auditlens.stages.record import AuditRecord


def word_rows(record: AuditRecord) -> list[dict[str, Any]]:
    """One row per component of every described layer, with its labels by both rules."""
    return [row.model_dump(mode="json") for layer in record.findings.vocabulary for row in layer.components]


WORD_COLUMNS = {
    "id": "string",
    "layer": "string",
    "index": "int64",
    "by": "string",
    "nearest": "string",
    "raw": "float64",
    "paper_label": "string",
    "word": "string",
    "z": "float64",
    "family_z": "float64",
    "label": "string",
}


def faithfulness_rows(record: AuditRecord) -> list[dict[str, Any]]:
    """One row per labelled component whose label the data know."""
    return [row.model_dump(mode="json") for row in record.findings.faithfulness]


FAITHFULNESS_COLUMNS = {
    "id": "string",
    "layer": "string",
    "index": "int64",
    "label": "string",
    "column": "string",
    "phi": "float64",
    "strongest": "string",
    "n_labels": "int64",
    "n_images": "int64",
}
