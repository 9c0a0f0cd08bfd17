"""Whether the shortcut is in the data, as the report and the table show it."""

from __future__ import annotations

from typing import Any

from auditlens.report.columns import estimate_columns, flat
from auditlens.stages.prevalence import PrevalenceFinding
from auditlens.stages.record import AuditRecord


def prevalences_of(record: AuditRecord, class_name: str) -> tuple[PrevalenceFinding, ...]:
    """What the data says of each artefact and one class: what is in the data first, the largest difference first."""
    order = ("in the data", "undecided", "as frequent", "too few")
    rows = [row for row in record.findings.prevalences if row.class_name == class_name]
    rows.sort(key=lambda row: (order.index(row.conclusion), row.source, -abs(row.difference.value or 0.0)))
    return tuple(rows)


def prevalence_rows(record: AuditRecord) -> list[dict[str, Any]]:
    """One row per artefact and class."""
    return [
        {
            **row.model_dump(include={"artefact", "class_name", "source", "by", "class_overall", "n_unknown"}),
            **row.model_dump(include={"conclusion", "sentence"}),
            **flat("inside", row.inside),
            **flat("outside", row.outside),
            **flat("difference", row.difference),
            **flat("class_given", row.class_given),
        }
        for row in record.findings.prevalences
    ]


PREVALENCE_COLUMNS = (
    {"artefact": "string", "class_name": "string", "source": "string", "by": "string", "class_overall": "float64"}
    | {"n_unknown": "int64", "conclusion": "string", "sentence": "string"}
    | estimate_columns("inside")
    | estimate_columns("outside")
    | estimate_columns("difference")
    | estimate_columns("class_given")
)
