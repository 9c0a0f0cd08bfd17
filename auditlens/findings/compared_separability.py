"""Separability (paper, 4.2) in two or more audits: a class against images with spurious features only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from auditlens.findings.side_by_side import Run, apart, values
from auditlens.stages.comparison import ComparedSeparability, ComparedValue
from auditlens.stages.findings import Estimate


def compared_separability(runs: Sequence[Run]) -> tuple[ComparedSeparability, ...]:
    """Set the separability tests of all runs side by side; a record from before they existed has none."""
    by_run = [{_key(row): row for row in getattr(run.record.findings, "separability", ())} for run in runs]
    return tuple(
        ComparedSeparability(
            name=name,
            class_name=class_name,
            source=source,
            auroc=_side_by_side(runs, [_part(rows.get(key), "with_artefact") for rows in by_run]),
            drop=_side_by_side(runs, [_part(rows.get(key), "drop") for rows in by_run]),
        )
        for key in dict.fromkeys(key for rows in by_run for key in rows)
        for name, class_name, source in (key,)
    )


def _key(row: Any) -> tuple[str, str, str]:
    return row.name, row.class_name, row.source


def _part(row: Any, part: str) -> Estimate | None:
    found: Estimate | None = None if row is None else getattr(row, part)
    return found


def _side_by_side(runs: Sequence[Run], estimates: Sequence[Estimate | None]) -> tuple[ComparedValue, ...]:
    """Scores by image of these tests are not kept: differences are of independent estimates."""
    return values(estimates, lambda place: apart(runs, place, estimates, (-2.0, 2.0)))
