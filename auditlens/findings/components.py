"""Components judged for a class: relevant or not, and valid, spurious, both, unexpected or unverified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from auditlens.findings.alignment import AlignmentTable
from auditlens.findings.labels import Labels
from auditlens.findings.statistics import mean_share, quantile
from auditlens.spec.model import AuditSpec
from auditlens.spec.selection import roles_of
from auditlens.stages.evidence import ComponentExamples, Evidence, LayerRelevance
from auditlens.stages.findings import (
    Alignment,
    ClassFinding,
    ComponentFinding,
    ConceptFinding,
    Estimate,
    Example,
    Sided,
)
from auditlens.stages.plan import PlannedModel
from auditlens.stages.states import ComponentState, ConceptState

N_ALIGNMENTS = 5
QUANTILE = 0.9


@dataclass(frozen=True, slots=True)
class Interpretability:
    """Clarity, polysemanticity and the most similar other component, by position in a layer's examined components."""

    clarity: np.ndarray
    polysemanticity: np.ndarray
    nearest: np.ndarray
    similarity: np.ndarray


@dataclass(frozen=True, slots=True)
class Judge:
    """What is needed to judge the components of one layer for one class."""

    spec: AuditSpec
    class_name: str
    model: PlannedModel
    concepts: Mapping[str, ConceptFinding]
    evidence: Evidence
    relevance: LayerRelevance
    examples: ComponentExamples
    table: AlignmentTable | None
    """None without a foundation model: then nothing inside has a name."""
    interpretability: Interpretability
    labels: Labels
    """Of all components of the layer."""

    def counts(self, concept: str) -> bool:
        """Only what the foundation model is shown (or by a recorded assumption taken) to see is evidence."""
        return self.concepts[concept].state is ConceptState.OBSERVABLE

    def family(self, role: str) -> tuple[str, ...]:
        """Concepts in a role that have a probe: those that count, or where none does, the others (marked so)."""
        if self.table is None:
            return ()
        roles = roles_of(self.spec, self.class_name)
        named = tuple(name for name in self.table.concepts if roles.get(name) == role)
        return tuple(name for name in named if self.counts(name)) or named


def component_findings(judge: Judge, selected: np.ndarray) -> tuple[ComponentFinding, ...]:
    """Judge the selected components (indices into the layer), strongest relevance first."""
    shares = np.abs(judge.relevance.relevance[:, selected])
    means = mean_share(shares, judge.evidence.samples.units, confidence=0.95, sided="two")
    positions = {int(component): row for row, component in enumerate(judge.examples.components)}
    return tuple(
        _component(judge, int(component), positions[int(component)], shares[:, row], means[row])
        for row, component in enumerate(selected)
    )


def _component(judge: Judge, component: int, position: int, share: np.ndarray, mean: Estimate) -> ComponentFinding:
    listed = _alignments(judge, position)
    inside = judge.interpretability
    nearest = int(inside.nearest[position])
    layer = judge.relevance.layer
    return ComponentFinding(
        id=judge.model.component_id(layer, component),
        layer=layer,
        index=component,
        class_name=judge.class_name,
        state=judge.labels.states[component],
        label=judge.labels.labels[component],
        relevance=mean,
        relevance_quantile=quantile(share, judge.evidence.samples.units, QUANTILE, bounds=(0.0, 1.0)),
        relevance_max=float(share.max()),
        direction=float(judge.relevance.relevance[:, component].mean()),
        best_valid=_best(judge, position, "valid"),
        best_spurious=_best(judge, position, "spurious"),
        alignments=listed,
        clarity=_number(inside.clarity[position]),
        polysemanticity=_number(inside.polysemanticity[position]),
        nearest_component=_nearest_id(judge, nearest),
        similarity=_number(inside.similarity[position]),
        examples=_examples(judge, component, position),
    )


def _nearest_id(judge: Judge, nearest: int) -> str | None:
    if nearest < 0:
        return None
    return judge.model.component_id(judge.relevance.layer, int(judge.examples.components[nearest]))


def _alignments(judge: Judge, position: int) -> tuple[Alignment, ...]:
    if judge.table is None:
        return ()
    order = np.argsort(-judge.table.z[position], kind="stable")[:N_ALIGNMENTS]
    return tuple(_alignment(judge, judge.table, position, judge.table.concepts[column]) for column in order)


def _best(judge: Judge, position: int, role: str) -> Alignment | None:
    """Best concept of a role by z."""
    family = judge.family(role)
    table = judge.table
    if not family or table is None:
        return None
    best = max(family, key=lambda name: float(table.z[position, table.concepts.index(name)]))
    return _alignment(judge, table, position, best)


def _alignment(judge: Judge, table: AlignmentTable, position: int, concept: str) -> Alignment:
    column = table.concepts.index(concept)
    return Alignment(
        concept=concept,
        raw=float(table.raw[position, column]),
        z=float(table.z[position, column]),
        z_low=float(table.z_low[position, column]),
        z_high=float(table.z_high[position, column]),
        passes=bool(table.eligible_z()[position, column] > judge.spec.examine.z_threshold),
        counted=judge.counts(concept),
        flagged_share=_flagged(judge, position, concept),
    )


def _flagged(judge: Judge, position: int, concept: str) -> float | None:
    column = judge.spec.concepts[concept].flag
    flags = judge.evidence.example_samples.columns.get(column) if column else None
    if flags is None:
        return None
    rows = judge.examples.image_indices[position]
    values = flags[rows[rows >= 0]]
    known = values[~np.isnan(values)]
    return float(np.mean(known > 0.5)) if known.size else None


def _examples(judge: Judge, component: int, position: int) -> tuple[Example, ...]:
    samples = judge.evidence.example_samples
    activations = judge.evidence.examples[judge.relevance.layer].activations[component]
    rows = judge.examples.image_indices[position]
    return tuple(
        Example(
            image_id=samples.ids[row],
            box=tuple(int(edge) for edge in judge.examples.boxes[position, place]),
            file=None,
            label=judge.model.classes[samples.labels[row]],
            activation=float(activations[place]),
        )
        for place, row in enumerate(rows)
        if row >= 0
    )


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def class_finding(
    evidence: Evidence, relevance: LayerRelevance, labels: Labels, examined: Sequence[int], n_relevant: int
) -> ClassFinding:
    """Add up relevance by state and by label over all components of a layer.

    Parameters
    ----------
    labels : Labels
        Of all components of the layer.
    examined : sequence of int
        Components whose examples were cropped; the others are judged by whole images.
    n_relevant : int
        Components that reach the relevance floor.
    """

    def share(components: Sequence[int]) -> Estimate:
        return share_of(evidence, relevance, components)

    n_components = relevance.relevance.shape[1]
    rest = sorted(set(range(n_components)) - set(examined))
    names = sorted({label for label in labels.labels if label is not None})
    return ClassFinding(
        class_name=relevance.class_name,
        layer=relevance.layer,
        attributor=relevance.attributor,
        n_components=n_components,
        n_relevant=n_relevant,
        n_examined=len(examined),
        share_by_state={state: share(labels.where(state)) for state in ComponentState if labels.where(state)},
        share_by_concept={name: share(labels.labelled(name)) for name in names},
        components_by_concept={name: len(labels.labelled(name)) for name in names},
        unexamined_share=share(rest),
    )


def share_of(
    evidence: Evidence,
    relevance: LayerRelevance,
    components: Sequence[int],
    *,
    confidence: float = 0.95,
    sided: Sided = "two",
) -> Estimate:
    """Share of |relevance| of a set of components, averaged over the images; 0 to 1."""
    total = np.abs(relevance.relevance[:, list(components)]).sum(axis=1)
    return mean_share(total[:, None], evidence.samples.units, confidence=confidence, sided=sided)[0]
