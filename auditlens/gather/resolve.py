"""From what was loaded to the plan's entries: the model, the images and the foundation model as they were found."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NoReturn

from auditlens.data.sample import DataIndex
from auditlens.errors import InputError, nearest
from auditlens.findings.decision import UNDECLARED
from auditlens.plan.build import decision_class
from auditlens.semantics.foundation import FoundationModel
from auditlens.semantics.probes import resolve_templates
from auditlens.spec.model import AuditSpec, is_multi_label
from auditlens.stages.plan import Method, PlannedData, PlannedFoundation, PlannedModel, PlannedReleased
from auditlens.stages.sets import PlannedSets
from auditlens.stages.subgroups import PlannedStrata
from auditlens.subject import LayerInfo, Subject

SHOWN_VALUES: Final = 8


def demand_columns(spec: AuditSpec, index: DataIndex, further: DataIndex | None = None) -> None:
    """Refuse a concept whose declared column the data lacks, before it passes for one that nobody labelled.

    Parameters
    ----------
    spec : AuditSpec
    index : DataIndex
        The audited images.
    further : DataIndex, optional
        The set for observability: a column needs to be in one of the two, and fit wherever it is.

    Raises
    ------
    InputError
        No such column, no such value in it, text where no value is named, or numbers outside 0 to 1.
    """
    for name, concept in spec.concepts.items():
        if concept.column is None:
            continue
        given = [index] if further is None else [further, index]
        holding = [one for one in given if concept.column in one.columns]
        if not holding:
            _no_column(name, concept.column, given[0])
        for one in holding[:1] if concept.value is not None else holding:
            if concept.value is not None:
                _demand_value(name, concept.column, concept.value, one)
            else:
                _demand_flags(name, concept.column, one)


def flagged_values(spec: AuditSpec, columns: Collection[str] | None = None) -> tuple[tuple[str, str], ...]:
    """The (column, value) pairs that concepts name; each becomes a 0/1 column of the samples.

    Parameters
    ----------
    columns : collection of str, optional
        Only those of these columns: what a set has.
    """
    pairs = ((concept.column, concept.value) for concept in spec.concepts.values())
    known = [(column, value) for column, value in pairs if column is not None and value is not None]
    return tuple(dict.fromkeys(pair for pair in known if columns is None or pair[0] in columns))


def _no_column(name: str, column: str, index: DataIndex) -> NoReturn:
    valid = ", ".join(index.numeric_columns) or "none: the data has no numeric columns"
    raise InputError(
        f"concepts.{name}.column: the data has no 0/1 column {column!r}; valid are {valid}"
        f"{nearest(column, index.columns)}"
    )


def _demand_value(name: str, column: str, value: str, index: DataIndex) -> None:
    found = index.values_of(column)
    if value not in found:
        shown = ", ".join(found[:SHOWN_VALUES]) + (", ..." if len(found) > SHOWN_VALUES else "")
        raise InputError(
            f"concepts.{name}.value: no cell of the column {column!r} is {value!r}; found are {shown}"
            f"{nearest(value, found)}"
        )


def _demand_flags(name: str, column: str, index: DataIndex) -> None:
    if column not in index.numeric_columns:
        raise InputError(
            f"concepts.{name}.column: {column!r} holds text, so it is no 0/1 column",
            hint=f"name the value that means present, such as `value: {index.values_of(column)[0]}`",
        )
    cells = [sample.columns[column] for sample in index.samples]
    strange = next((cell for cell in cells if isinstance(cell, int | float) and not 0 <= cell <= 1), None)
    if strange is not None:
        raise InputError(f"concepts.{name}.column: {column!r} is no 0/1 column; it holds {strange:g}")


def planned_model(
    spec: AuditSpec,
    subject: Subject,
    reference_gap: float | None,
    n_references: int,
    released: PlannedReleased | None = None,
) -> PlannedModel:
    """Describe the audited model.

    Parameters
    ----------
    reference_gap : float or None
        Largest gap over the reference predictions, which have all been met.
    released : PlannedReleased, optional
        The file that ships.
    """
    point = spec.operating_point
    by_itself = is_multi_label(subject.output) and point is None
    return PlannedModel(
        architecture=subject.architecture,
        weights_sha256=subject.weights_sha256,
        classes=subject.classes,
        layers=tuple(layer.name for layer in subject.layers),
        n_components={layer.name: layer.n_components for layer in subject.layers},
        n_channels={layer.name: layer.n_channels for layer in subject.layers if layer.n_sides == 2},
        preprocessing=subject.preprocessing,
        output=subject.output,
        decision_class=decision_class(spec, subject.classes),
        threshold=point.threshold if point is not None else UNDECLARED if by_itself else None,
        decision_source=point.source if point is not None else "even odds: none is declared" if by_itself else "",
        n_parameters=subject.n_parameters,
        reference_gap=reference_gap,
        n_references=n_references,
        random_weights=subject.random_weights,
        released=released,
        silenced=subject.silenced,
    )


def planned_data(index: DataIndex, strata: PlannedStrata | None = None, sets: PlannedSets | None = None) -> PlannedData:
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
        strata=strata,
        sets=sets or PlannedSets(),
    )


def planned_foundation(spec: AuditSpec, foundation: FoundationModel | None) -> PlannedFoundation | None:
    """Describe the foundation model."""
    if foundation is None or spec.foundation is None:
        return None
    return PlannedFoundation(
        model=foundation.name,
        sha256=foundation.sha256,
        dimension=foundation.dimension,
        templates=resolve_templates(spec.foundation.templates) if foundation.reads_text else (),
        training_overlap=spec.foundation.training_overlap,
        training_note=spec.foundation.training_note,
        reads_text=foundation.reads_text,
    )


def planned_opinions(spec: AuditSpec, models: Sequence[FoundationModel]) -> tuple[PlannedFoundation, ...]:
    """Describe the further foundation models, in the order of the spec."""
    found = (
        planned_foundation(spec.model_copy(update={"foundation": part}), model)
        for part, model in zip(spec.opinions, models, strict=True)
    )
    return tuple(planned for planned in found if planned is not None)


def methods(subject: Subject, attributor: str, why: str, crops: str, notes: Sequence[str]) -> tuple[Method, ...]:
    """Choices that were made for this model, with their reasons, and notes on the data."""
    found = tuple(Method(name="data", value=note, reason="found while reading the images") for note in notes)
    if not subject.layers:
        return (Method(name="inside", value="not evaluated", reason=why), *found)
    layers = ", ".join(f"{layer.name} ({_size(layer)})" for layer in subject.layers)
    return (
        Method(name="layers", value=layers, reason="as the spec says; auto is the last layer before global pooling"),
        Method(name="relevance", value=attributor, reason=why),
        Method(name="crops", value=crops, reason="each concept example is cropped to what drives the component (3.1)"),
        *_silenced(subject),
        *(
            Method(name="model", value=note, reason="derived from the spec, not written in it")
            for note in subject.notes
        ),
        *found,
    )


def _silenced(subject: Subject) -> tuple[Method, ...]:
    if not subject.silenced:
        return ()
    reason = "their output is set to zero in every pass, as the spec says: a pruned model"
    return (Method(name="silenced components", value=", ".join(subject.silenced), reason=reason),)


def _size(layer: LayerInfo) -> str:
    if layer.n_sides == 1:
        return f"{layer.n_components} components"
    return f"{layer.n_components} components: both sides of {layer.n_channels} channels, which are not rectified"
