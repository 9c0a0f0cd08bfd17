"""Which components of a record are pruned: named ones, what it calls spurious, or what responds to an artefact."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from auditlens.errors import InputError, nearest
from auditlens.spec.model import AuditSpec
from auditlens.stages.component_names import read_name
from auditlens.stages.findings import ClassFinding
from auditlens.stages.plan import PlannedModel
from auditlens.stages.pruning import Judged
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import ComponentState

SPURIOUS: Final = (ComponentState.SPURIOUS, ComponentState.BOTH)
RESPONDS: Final = ("responds", "without label")
SMALL_SHARE: Final = 0.005
"""Share of relevance below which what is left is not worth a word."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A component to silence.

    Attributes
    ----------
    id, layer : str
    index : int
        Row in the layer's components.
    judged : tuple of Judged
        What the record says of it, by class.
    """

    id: str
    layer: str
    index: int
    judged: tuple[Judged, ...]


def named_choices(record: AuditRecord, names: Iterable[str]) -> tuple[Choice, ...]:
    """Find the components that are named, as the report writes them.

    Raises
    ------
    InputError
        No name at all, one of another form, or a component that the audited layers do not have.
    """
    model = record.plan.model
    _demand_inside(model)
    found = {(model.layers.index(layer), index) for layer, index in (_component(model, name) for name in names)}
    if not found:
        raise InputError("no component is named; write for example --components layer4.1:3,layer4.1:7-")
    return tuple(_choice(record, model.layers[place], index) for place, index in sorted(found))


def spurious_choices(
    record: AuditRecord, class_name: str, states: Collection[ComponentState], layer: str | None = None
) -> tuple[Choice, ...]:
    """Find the components that a record calls spurious for a class.

    These are the examined ones (`record.components`): of the others the record holds only their total.

    Parameters
    ----------
    record : AuditRecord
    class_name : str
        An audited class.
    states : collection of ComponentState
    layer : str, optional
        The last examined one by default.

    Raises
    ------
    InputError
        Another class or layer, or none of its components is in these states.
    """
    model, audited = record.plan.model, record.plan.audited_classes
    _demand_inside(model)
    if class_name not in audited:
        valid = ", ".join(audited) or "none"
        raise InputError(
            f"{class_name!r} is no audited class of the run; valid are {valid}{nearest(class_name, audited)}"
        )
    place = layer if layer is not None else model.layers[-1]
    _demand_layer(model, place)
    rows = [row for row in record.findings.components if (row.layer, row.class_name) == (place, class_name)]
    found = sorted(row.index for row in rows if row.state in states)
    if not found:
        _none_in(states, class_name, place, [row.state for row in rows])
    return tuple(_choice(record, place, index) for index in found)


def responding_choices(record: AuditRecord, artefact: str, layer: str | None = None) -> tuple[Choice, ...]:
    """Find the components that respond to an artefact beyond its sham, with its label or without (decision rule 16).

    Parameters
    ----------
    record : AuditRecord
    artefact : str
        One whose responses were measured.
    layer : str, optional
        The last examined one by default.

    Raises
    ------
    InputError
        No responses to such an artefact, another layer, or no component responds.
    """
    model = record.plan.model
    _demand_inside(model)
    place = layer if layer is not None else model.layers[-1]
    _demand_layer(model, place)
    measured = tuple(dict.fromkeys(row.artefact for row in record.findings.responses))
    if artefact not in measured:
        valid = ", ".join(measured) or "none (`challenge.response_images` was 0, or no artefact was put in)"
        raise InputError(
            f"the run measured no responses to {artefact!r}; valid are {valid}{nearest(artefact, measured)}"
        )
    own = (row for row in record.findings.responses if (row.artefact, row.layer) == (artefact, place))
    found = sorted({one.index for row in own for one in row.components if one.kind in RESPONDS})
    if not found:
        raise InputError(
            f"no relevant component of {place} responds to {artefact}", hint="name components with --components"
        )
    return tuple(_choice(record, place, index) for index in found)


def _demand_inside(model: PlannedModel) -> None:
    if not model.layers:
        raise InputError("the run did not examine the inside of the model, so it names no component to silence")


def _demand_layer(model: PlannedModel, layer: str) -> None:
    if layer not in model.layers:
        valid = ", ".join(model.layers)
        raise InputError(f"the run examined no layer {layer!r}; valid are {valid}{nearest(layer, model.layers)}")


def _component(model: PlannedModel, text: str) -> tuple[str, int]:
    try:
        name = read_name(text)
    except ValueError as error:
        raise InputError(str(error)) from error
    _demand_layer(model, name.layer)
    n_channels = model.n_channels.get(name.layer, model.n_components[name.layer])
    two_sided = n_channels < model.n_components[name.layer]
    if name.channel >= n_channels:
        raise InputError(f"there is no component {text!r}; valid are {name.layer}:0 to {name.layer}:{n_channels - 1}")
    if name.negative and not two_sided:
        raise InputError(
            f"{name.layer!r} is rectified: {text!r} has no negative side; write {name.layer}:{name.channel}"
        )
    return name.layer, name.channel + (n_channels if name.negative else 0)


def _choice(record: AuditRecord, layer: str, index: int) -> Choice:
    judged = tuple(
        Judged(
            class_name=row.class_name,
            state=row.state,
            label=row.label,
            relevance=row.relevance,
            direction=row.direction,
        )
        for row in record.findings.components
        if (row.layer, row.index) == (layer, index)
    )
    return Choice(record.plan.model.component_id(layer, index), layer, index, judged)


def _none_in(
    states: Collection[ComponentState], class_name: str, layer: str, found: Sequence[ComponentState]
) -> NoReturn:
    counted = ", ".join(f"{found.count(state)} {state.value}" for state in ComponentState if state in found)
    wanted = " or ".join(state.value for state in ComponentState if state in states)
    raise InputError(
        f"no examined component of {layer} is {wanted} for {class_name}; found are {counted or 'none'}",
        hint="name components with --components, or another layer with --layer",
    )


def pruning_warnings(record: AuditRecord, spec: AuditSpec, choices: Sequence[Choice]) -> tuple[str, ...]:
    """Say what a reader of a pruned model might take for granted."""
    found = []
    if spec.model.released is not None:
        found.append(
            f"The file that ships ({spec.model.released.file}) is not changed. Its components cannot be reached, so "
            "its eager twin was pruned and is audited alone: the new audit says nothing of the file. Export the pruned "
            "twin again, and audit that file as `released`."
        )
    if spec.operating_point is not None:
        found.append("The operating point is that of the model before; pruning moves scores: set it anew.")
    found += [
        sentence for layer in dict.fromkeys(row.layer for row in choices) for sentence in _left(record, choices, layer)
    ]
    if any(not choice.judged for choice in choices):
        found.append("Some components were not examined in the record: what they encode is not known.")
    if spec.waivers:
        found.append("Waivers were given for the model before, and are left out of the new spec.")
    return tuple(found)


def _left(record: AuditRecord, choices: Sequence[Choice], layer: str) -> Iterator[str]:
    """Say what remains of a layer: nothing at all, or spurious components that the record does not name."""
    chosen = {choice.index for choice in choices if choice.layer == layer}
    if len(chosen) == record.plan.model.n_components[layer]:
        yield f"All components of {layer} are silenced: what follows it sees nothing of the image."
        return
    for finding in _classes(record, layer):
        total = sum(finding.share_by_state[state].value or 0.0 for state in SPURIOUS if state in finding.share_by_state)
        gone = sum(_spurious_share(choice, finding.class_name) for choice in choices if choice.layer == layer)
        if total - gone >= SMALL_SHARE:
            yield (
                f"For {finding.class_name}, spurious components carry {100 * total:.1f} % of the relevance of {layer}, "
                f"and the silenced ones among them {100 * gone:.1f} %. What is left was not chosen, or lies on "
                "components that the record does not name one by one, since their examples were not cropped "
                "(`examine.max_components`, `examine.relevance_floor`)."
            )


def _classes(record: AuditRecord, layer: str) -> tuple[ClassFinding, ...]:
    findings = record.findings.classes_by_layer or record.findings.classes
    last = record.plan.model.layers[-1]  # what old records mean, which do not name the layer
    return tuple(row for row in findings if (row.layer or last) == layer)


def _spurious_share(choice: Choice, class_name: str) -> float:
    rows = (row for row in choice.judged if row.class_name == class_name and row.state in SPURIOUS)
    return sum(row.relevance.value or 0.0 for row in rows)
