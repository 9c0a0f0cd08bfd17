"""Every component's state and label for one class: by crops for those that matter, by whole images for the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from auditlens.examine.weights import ExampleWeights, example_weights
from auditlens.findings.alignment import AlignmentTable
from auditlens.spec.model import AuditSpec
from auditlens.spec.selection import roles_of
from auditlens.stages.evidence import ComponentExamples, Floats, LayerExamples, SemanticSpace
from auditlens.stages.findings import ConceptFinding
from auditlens.stages.states import ComponentState, ConceptState

LARGEST_POOL = 2_000
"""Whole images that random sets are drawn from."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What each component of a layer is judged to encode, by component index.

    Attributes
    ----------
    states : tuple of ComponentState, (components,)
    labels : tuple of str or None, (components,)
        The concept that the state rests on. For `unexpected` a contested concept, or one that the class does not name.
    """

    states: tuple[ComponentState, ...]
    labels: tuple[str | None, ...]

    def where(self, *states: ComponentState) -> list[int]:
        """Components in any of these states."""
        return [index for index, state in enumerate(self.states) if state in states]

    def labelled(self, concept: str) -> list[int]:
        """Components that carry a label."""
        return [index for index, label in enumerate(self.labels) if label == concept]


@dataclass(frozen=True, slots=True)
class Families:
    """The concepts of one class by what they count for; only those that have a probe."""

    valid: tuple[str, ...]
    spurious: tuple[str, ...]
    uncounted: tuple[str, ...]
    """Valid or spurious, but nothing shows that the foundation model sees them: nobody's evidence."""
    others: tuple[str, ...]
    """Contested, or of no role for this class, and seen."""

    @classmethod
    def of(
        cls, spec: AuditSpec, class_name: str, concepts: Mapping[str, ConceptFinding], names: Sequence[str]
    ) -> Families:
        """Sort the concepts that have a probe."""
        roles = roles_of(spec, class_name)
        seen = [name for name in names if concepts[name].state is ConceptState.OBSERVABLE]
        named = ("valid", "spurious")
        return cls(
            valid=tuple(name for name in seen if roles.get(name) == "valid"),
            spurious=tuple(name for name in seen if roles.get(name) == "spurious"),
            uncounted=tuple(name for name in names if name not in seen and roles.get(name) in named),
            others=tuple(name for name in seen if roles.get(name) not in named),
        )


def label_components(table: AlignmentTable | None, families: Families, threshold: float, n_components: int) -> Labels:
    """Judge all components of a table.

    A family passes where its best z, and that z's stand among random sets' best z over the same family, both exceed
    the threshold. Without a table (no foundation model) everything is unverified.
    """
    if table is None:
        return Labels((ComponentState.UNVERIFIED,) * n_components, (None,) * n_components)
    valid, spurious, uncounted, others = (
        _best(table, family, threshold)
        for family in (families.valid, families.spurious, families.uncounted, families.others)
    )
    judged = [_judge(*found) for found in zip(valid, spurious, uncounted, others, strict=True)]
    return Labels(tuple(state for state, _ in judged), tuple(label for _, label in judged))


Best = tuple[str, float] | None
"""A concept that passes and its z; None where none does."""


def _best(table: AlignmentTable, family: Sequence[str], threshold: float) -> list[Best]:
    if not family:
        return [None] * len(table.z)
    columns = [table.concepts.index(name) for name in family]
    scores = table.eligible_z()[:, columns]
    best = scores.argmax(axis=1)
    height = scores.max(axis=1)
    passes = (height > threshold) & (table.family_z(family) > threshold)
    return [
        (family[place], float(z)) if passed else None for place, z, passed in zip(best, height, passes, strict=True)
    ]


def _judge(valid: Best, spurious: Best, uncounted: Best, others: Best) -> tuple[ComponentState, str | None]:
    if valid and spurious:
        return ComponentState.BOTH, max((valid, spurious), key=lambda found: found[1])[0]
    if valid:
        return ComponentState.VALID, valid[0]
    if spurious:
        return ComponentState.SPURIOUS, spurious[0]
    if uncounted:
        return ComponentState.UNVERIFIED, uncounted[0]
    return ComponentState.UNEXPECTED, others[0] if others else None


def combine(screened: Labels, examined: Labels, components: np.ndarray) -> Labels:
    """Take the examined components' labels from their crops, all others' from whole images.

    Parameters
    ----------
    screened : Labels
        All components of the layer.
    examined : Labels
        By position in `components`.
    components : (examined,)
        Indices in the layer.
    """
    states, labels = list(screened.states), list(screened.labels)
    for position, component in enumerate(components):
        states[int(component)] = examined.states[position]
        labels[int(component)] = examined.labels[position]
    return Labels(tuple(states), tuple(labels))


def drop_irrelevant(labels: Labels, relevance: Floats) -> Labels:
    """Call a component irrelevant, and take its label away, where it has no relevance on any image.

    Parameters
    ----------
    relevance : (images, components)
    """
    silent = ~np.any(relevance, axis=0)
    states = (ComponentState.IRRELEVANT if off else state for state, off in zip(labels.states, silent, strict=True))
    names = (None if off else label for label, off in zip(labels.labels, silent, strict=True))
    return Labels(tuple(states), tuple(names))


def whole_image_examples(
    examples: LayerExamples, space: SemanticSpace, m: int, weights: ExampleWeights = "equal"
) -> ComponentExamples:
    """Concept examples of all components of a layer as whole images, whose embeddings are already there."""
    rows = examples.image_indices[:, :m]
    pictures = space.example_embeddings
    embeddings = np.where((rows >= 0)[..., None], pictures[rows], np.nan)
    n_images = len(pictures)
    pool = np.unique(np.linspace(0, n_images - 1, min(n_images, LARGEST_POOL)).astype(np.int64))
    return ComponentExamples(
        layer=examples.layer,
        components=np.arange(len(rows)),
        image_indices=rows,
        boxes=np.zeros((*rows.shape, 4), dtype=np.int64),
        embeddings=embeddings,
        null_embeddings=pictures[pool],
        null_images=pool,
        weights=example_weights(examples.activations[:, :m], weights),
    )
