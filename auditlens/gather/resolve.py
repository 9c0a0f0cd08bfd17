"""From what was loaded to the plan's entries: the model, the images and the foundation model as they were found."""

from __future__ import annotations

from collections.abc import Sequence

from auditlens.data.sample import DataIndex
from auditlens.errors import InputError, nearest
from auditlens.plan.build import decision_class
from auditlens.semantics.foundation import FoundationModel
from auditlens.semantics.probes import resolve_templates
from auditlens.spec.model import AuditSpec
from auditlens.stages.plan import Method, PlannedData, PlannedFoundation, PlannedModel
from auditlens.subject import Subject


def demand_columns(spec: AuditSpec, index: DataIndex) -> None:
    """Refuse a concept whose declared column the data lacks, before it passes for one that nobody labelled.

    Raises
    ------
    InputError
        No such column, text in it, or numbers outside 0 to 1.
    """
    for name, concept in spec.concepts.items():
        column = concept.column
        if column is None:
            continue
        known = index.numeric_columns
        if column not in known:
            valid = ", ".join(known) or "none: the data has no numeric columns"
            raise InputError(
                f"concepts.{name}.column: the data has no 0/1 column {column!r}; valid are {valid}"
                f"{nearest(column, known)}"
            )
        cells = [sample.columns[column] for sample in index.samples]
        strange = next((cell for cell in cells if isinstance(cell, int | float) and not 0 <= cell <= 1), None)
        if strange is not None:
            raise InputError(f"concepts.{name}.column: {column!r} is no 0/1 column; it holds {strange:g}")


def planned_model(spec: AuditSpec, subject: Subject, reference_gap: float | None, n_references: int) -> PlannedModel:
    """Describe the audited model.

    Parameters
    ----------
    reference_gap : float or None
        Largest gap over the reference predictions, which have all been met.
    """
    point = spec.operating_point
    return PlannedModel(
        architecture=subject.architecture,
        weights_sha256=subject.weights_sha256,
        classes=subject.classes,
        layers=tuple(layer.name for layer in subject.layers),
        n_components={layer.name: layer.n_components for layer in subject.layers},
        preprocessing=subject.preprocessing,
        output=subject.output,
        decision_class=decision_class(spec, subject.classes),
        threshold=point.threshold if point is not None else None,
        decision_source=point.source if point is not None else "",
        n_parameters=subject.n_parameters,
        reference_gap=reference_gap,
        n_references=n_references,
        random_weights=subject.random_weights,
    )


def planned_data(index: DataIndex) -> PlannedData:
    """Describe the images."""
    counts = {name: count for name, count in index.class_counts.items() if count}
    return PlannedData(
        source=index.source,
        sha256=index.digest,
        n_images=len(index),
        n_units=index.n_units,
        unit_column=index.unit_column,
        class_counts=counts,
        columns=index.columns,
        n_left_out=index.n_left_out,
    )


def planned_foundation(spec: AuditSpec, foundation: FoundationModel | None) -> PlannedFoundation | None:
    """Describe the foundation model."""
    if foundation is None or spec.foundation is None:
        return None
    return PlannedFoundation(
        model=foundation.name,
        sha256=foundation.sha256,
        dimension=foundation.dimension,
        templates=resolve_templates(spec.foundation.templates),
        training_overlap=spec.foundation.training_overlap,
        training_note=spec.foundation.training_note,
    )


def methods(subject: Subject, attributor: str, why: str, crops: str, notes: Sequence[str]) -> tuple[Method, ...]:
    """Choices that were made for this model, with their reasons, and notes on the data."""
    layers = ", ".join(f"{layer.name} ({layer.n_components} components)" for layer in subject.layers)
    return (
        Method(name="layers", value=layers, reason="as the spec says; auto is the last layer before global pooling"),
        Method(name="relevance", value=attributor, reason=why),
        Method(name="crops", value=crops, reason="each concept example is cropped to what drives the component (3.1)"),
        *(Method(name="data", value=note, reason="found while reading the images") for note in notes),
    )
