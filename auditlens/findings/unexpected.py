"""Relevant components that no concept of the spec explains: what they serve, what activates them, where they matter.

The paper asks for them to be examined closely (3.4), with the classes and the samples for which they are relevant (H.4,
step 5). Here they are put in order of relevance for a person to look at; nothing is decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from auditlens.findings.components import share_of
from auditlens.findings.labels import Labels
from auditlens.stages.evidence import Evidence
from auditlens.stages.findings import ComponentFinding
from auditlens.stages.labelling import ClassCount, ClassUse, RelevantImage, UnexpectedComponent, UnlistedShare
from auditlens.stages.states import ComponentState

OPEN = (ComponentState.UNEXPECTED, ComponentState.UNVERIFIED)
"""States without an explanation that counts, in the order of the list."""
N_IMAGES = 8
N_CLASSES = 5


@dataclass(frozen=True, slots=True)
class Inventory:
    """What the list is drawn up from.

    Attributes
    ----------
    evidence : Evidence
    classes : tuple of str
        Of the model, in the order of its outputs.
    labels : mapping of (layer, class) to Labels
        Of all components of the layer.
    cap : int
        Listed components per layer and state.
    """

    evidence: Evidence
    classes: tuple[str, ...]
    labels: Mapping[tuple[str, str], Labels]
    cap: int


def unexpected_components(
    inventory: Inventory, components: Sequence[ComponentFinding]
) -> tuple[UnexpectedComponent, ...]:
    """List the judged components that are unexpected, or unverified, for any audited class.

    Returns
    -------
    tuple of UnexpectedComponent
        Unexpected ones first; within a state the last layer first; within a layer by their largest share of relevance.
        At most `cap` per layer and state; `unlisted_shares` counts the rest.
    """
    by_id: dict[str, list[ComponentFinding]] = {}
    for row in components:
        by_id.setdefault(row.id, []).append(row)
    found = [_component(inventory, rows) for rows in by_id.values() if _state(rows) is not None]
    layers = list(inventory.evidence.examples)
    found.sort(key=lambda row: (OPEN.index(row.state), -layers.index(row.layer), -_largest(row), row.index))
    return tuple(_capped(found, inventory.cap))


def _state(rows: Sequence[ComponentFinding]) -> ComponentState | None:
    states = {row.state for row in rows}
    return next((state for state in OPEN if state in states), None)


def _largest(row: UnexpectedComponent) -> float:
    return max(use.relevance.value or 0.0 for use in row.uses)


def _capped(found: Sequence[UnexpectedComponent], cap: int) -> list[UnexpectedComponent]:
    taken: dict[tuple[str, ComponentState], int] = {}
    kept = []
    for row in found:
        group = (row.layer, row.state)
        taken[group] = taken.get(group, 0) + 1
        if taken[group] <= cap:
            kept.append(row)
    return kept


def _component(inventory: Inventory, rows: Sequence[ComponentFinding]) -> UnexpectedComponent:
    """Put together what is known of one component from its findings for each class."""
    state = _state(rows)
    assert state is not None  # the caller has looked
    first = next(row for row in rows if row.state is state)
    uses = [
        ClassUse(class_name=row.class_name, state=row.state, relevance=row.relevance, direction=row.direction)
        for row in rows
    ]
    return UnexpectedComponent(
        id=first.id,
        layer=first.layer,
        index=first.index,
        state=state,
        label=first.label,
        uses=tuple(sorted(uses, key=lambda use: (-(use.relevance.value or 0.0), use.class_name))),
        examples_by_class=_examples_by_class(inventory, first),
        nearest=first.alignments[0] if first.alignments else None,
        images=_images(inventory, first.layer, first.index),
    )


def _examples_by_class(inventory: Inventory, component: ComponentFinding) -> tuple[ClassCount, ...]:
    """Count the concept examples by true class, beside the class's share of all images that they come from."""
    labels = inventory.evidence.example_samples.labels
    names = [example.label for example in component.examples]
    counts = [
        ClassCount(true_class=name, n_examples=names.count(name), base_rate=float(np.mean(labels == place)))
        for place, name in enumerate(inventory.classes)
        if name in names
    ]
    return tuple(sorted(counts, key=lambda row: (-row.n_examples, row.true_class))[:N_CLASSES])


def _images(inventory: Inventory, layer: str, component: int) -> tuple[RelevantImage, ...]:
    """Find the images on which a component takes the largest share of |relevance| for any audited class."""
    evidence = inventory.evidence
    names = [name for where, name in evidence.relevance if where == layer]
    shares = np.stack([evidence.relevance[layer, name].relevance[:, component] for name in names], axis=1)
    largest = np.abs(shares).max(axis=1)
    rows = [int(row) for row in np.argsort(-largest, kind="stable")[:N_IMAGES] if largest[row] > 0]
    return tuple(_image(inventory, names, shares[row], row) for row in rows)


def _image(inventory: Inventory, names: Sequence[str], shares: np.ndarray, row: int) -> RelevantImage:
    samples, predictions = inventory.evidence.samples, inventory.evidence.predictions
    place = int(np.abs(shares).argmax())
    return RelevantImage(
        image_id=samples.ids[row],
        true_class=inventory.classes[samples.labels[row]],
        class_name=names[place],
        share=float(shares[place]),
        probability=float(predictions.probabilities[row, inventory.classes.index(names[place])]),
    )


def unlisted_shares(inventory: Inventory, listed: Sequence[UnexpectedComponent]) -> tuple[UnlistedShare, ...]:
    """Say per layer, class and state how much relevance the list covers, and how much it leaves out."""
    shares = [
        _unlisted(inventory, layer, class_name, state, {row.index for row in listed if row.layer == layer})
        for state in OPEN
        for layer, class_name in inventory.labels
    ]
    return tuple(row for row in shares if row.n_listed or row.n_unlisted)


def _unlisted(
    inventory: Inventory, layer: str, class_name: str, state: ComponentState, listed: set[int]
) -> UnlistedShare:
    components = inventory.labels[layer, class_name].where(state)
    shown = [component for component in components if component in listed]
    rest = [component for component in components if component not in listed]
    relevance = inventory.evidence.relevance[layer, class_name]
    return UnlistedShare(
        layer=layer,
        class_name=class_name,
        state=state,
        n_listed=len(shown),
        listed=share_of(inventory.evidence, relevance, shown),
        n_unlisted=len(rest),
        unlisted=share_of(inventory.evidence, relevance, rest),
    )
