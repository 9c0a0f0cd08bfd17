"""An estimate spread over columns of a table."""

from __future__ import annotations

from typing import Any

from auditlens.stages.estimate import Estimate

Row = dict[str, Any]
ESTIMATE = {
    "value": "float64",
    "low": "float64",
    "high": "float64",
    "confidence": "float64",
    "sided": "string",
    "n": "int64",
    "n_units": "int64",
    "n_instances": "int64",
    "n_events": "int64",
    "method": "string",
    "note": "string",
}
"""Fields of an estimate and their column types."""


def estimate_columns(prefix: str) -> dict[str, str]:
    """Columns that one estimate fills."""
    return {f"{prefix}_{field}": kind for field, kind in ESTIMATE.items()}


def flat(prefix: str, estimate: Estimate | None) -> Row:
    """Spread an estimate over columns named `prefix_field`; empty cells where there is none."""
    return {f"{prefix}_{field}": getattr(estimate, field, None) for field in ESTIMATE}
