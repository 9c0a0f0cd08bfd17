"""What the report shows of components that no concept of the spec explains, and of where in the network things lie."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from auditlens.report.wording import estimate_text, plural
from auditlens.stages.findings import ComponentFinding, Findings
from auditlens.stages.labelling import UnexpectedComponent, UnlistedShare
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import ComponentState


@dataclass(frozen=True, slots=True)
class UnexpectedRow:
    """One component of the list, with what was found of it elsewhere."""

    found: UnexpectedComponent
    component: ComponentFinding | None
    """Its finding for the class that it serves most: crops and clarity."""
    words: tuple[str, ...]
    """Its labels from the vocabulary, decided ones in plain words; empty without a vocabulary."""


@dataclass(frozen=True, slots=True)
class UnexpectedView:
    """The section on components that nothing explains."""

    unexpected: tuple[UnexpectedRow, ...]
    unverified: tuple[UnexpectedRow, ...]
    covered: tuple[str, ...]
    """Per layer and class: what the list of unexpected components covers, as a sentence."""
    covered_unverified: tuple[str, ...]


def unexpected_view(findings: Findings) -> UnexpectedView:
    """Collect the section's rows in the order of the findings."""
    rows = [_row(findings, found) for found in findings.unexpected]
    return UnexpectedView(
        unexpected=tuple(row for row in rows if row.found.state is ComponentState.UNEXPECTED),
        unverified=tuple(row for row in rows if row.found.state is not ComponentState.UNEXPECTED),
        covered=_covered(findings.unlisted, ComponentState.UNEXPECTED),
        covered_unverified=_covered(findings.unlisted, ComponentState.UNVERIFIED),
    )


def _row(findings: Findings, found: UnexpectedComponent) -> UnexpectedRow:
    class_name = found.uses[0].class_name
    own = (row for row in findings.components if row.id == found.id and row.class_name == class_name)
    words = (
        row
        for layer in findings.vocabulary
        if layer.layer == found.layer
        for row in layer.components
        if row.id == found.id
    )
    return UnexpectedRow(found, next(own, None), tuple(row.label for row in words if row.label))


def _covered(shares: Iterable[UnlistedShare], state: ComponentState) -> tuple[str, ...]:
    return tuple(covered_sentence(row) for row in shares if row.state is state)


def covered_sentence(row: UnlistedShare) -> str:
    """Say what the list covers for one class, and what it leaves out."""
    listed = f"{plural(row.n_listed, 'component')} listed, with {estimate_text(row.listed, 'percent')} of the relevance"
    rest = f"{row.n_unlisted:,} more, beyond the list or under the relevance floor"
    left = f"{rest}, with {estimate_text(row.unlisted, 'percent')}" if row.n_unlisted else "none left out"
    return f"Class {row.class_name}, {row.layer}: {listed}; {left}."


def relevant_image_rows(record: AuditRecord) -> list[dict[str, Any]]:
    """One row per listed component and image on which it matters most: `tables/unexpected_images.parquet`."""
    return [
        {
            "id": row.id,
            "layer": row.layer,
            "index": row.index,
            "state": row.state.value,
            "label": row.label,
            "image_id": image.image_id,
            "true_class": image.true_class,
            "class_name": image.class_name,
            "share": image.share,
            "probability": image.probability,
        }
        for row in record.findings.unexpected
        for image in row.images
    ]


RELEVANT_IMAGE_COLUMNS = {
    "id": "string",
    "layer": "string",
    "index": "int64",
    "state": "string",
    "label": "string",
    "image_id": "string",
    "true_class": "string",
    "class_name": "string",
    "share": "float64",
    "probability": "float64",
}
