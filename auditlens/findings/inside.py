"""The components judged: what each aligns with, layer by layer, what it is called for each class, and its state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from auditlens.examine.interpretability import (
    clarity,
    component_embeddings,
    nearest_components,
    polysemanticity,
    redundancy,
)
from auditlens.findings.alignment import N_RESAMPLED, AlignmentTable, alignments
from auditlens.findings.components import Interpretability, Judge, class_finding, component_findings
from auditlens.findings.labels import Families, Labels, combine, drop_irrelevant, label_components, whole_image_examples
from auditlens.findings.observability import concept_findings, seen_columns
from auditlens.findings.response import alignment_scores, response_findings
from auditlens.findings.selection import select_components
from auditlens.spec.model import AuditSpec
from auditlens.stages.evidence import ComponentExamples, Evidence, LayerRelevance
from auditlens.stages.findings import (
    ClassFinding,
    ComponentFinding,
    ConceptFinding,
)
from auditlens.stages.plan import AuditPlan
from auditlens.stages.response import ResponseFinding


@dataclass(frozen=True, slots=True)
class Tables:
    """Alignments of one layer: of the examined components' crops, and of all components' whole images."""

    cropped: AlignmentTable | None
    whole: AlignmentTable | None


def tables_of(
    spec: AuditSpec,
    plan: AuditPlan,
    evidence: Evidence,
    concepts: Mapping[str, ConceptFinding],
    n_resampled: int = N_RESAMPLED,
) -> dict[str, Tables]:
    """Alignments of every layer with components; without a foundation model there are none."""
    return {layer: _layer_tables(spec, plan, evidence, concepts, layer, n_resampled) for layer in evidence.components}


def _layer_tables(
    spec: AuditSpec,
    plan: AuditPlan,
    evidence: Evidence,
    concepts: Mapping[str, ConceptFinding],
    layer: str,
    n_resampled: int,
) -> Tables:
    space = evidence.space
    if space is None or not space.probes or not len(evidence.components[layer].components):
        return Tables(None, None)
    columns = seen_columns(spec, evidence.samples, concepts, space)
    examine = spec.examine
    whole = whole_image_examples(evidence.examples[layer], space, examine.n_examples, examine.example_weights)
    cropped, screened = (
        alignments(
            examples,
            space,
            evidence.samples,
            columns,
            seed=plan.seed,
            threshold=spec.examine.z_threshold,
            n_resampled=n_draws,
            drawn_from=evidence.drawn_from,
        )
        for examples, n_draws in ((evidence.components[layer], n_resampled), (whole, 0))
    )
    return Tables(cropped, screened)


@dataclass(frozen=True, slots=True)
class Inside:
    """What was judged of the components."""

    components: tuple[ComponentFinding, ...]
    classes: tuple[ClassFinding, ...]
    by_layer: Mapping[tuple[str, str], tuple[ClassFinding, Labels]]
    """By layer and class; gates that name no layer read the last."""

    @property
    def labels(self) -> dict[tuple[str, str], Labels]:
        """By layer and class, of all components of the layer."""
        return {place: labels for place, (_, labels) in self.by_layer.items()}


def judged_inside(
    spec: AuditSpec,
    plan: AuditPlan,
    evidence: Evidence,
    concepts: Mapping[str, ConceptFinding],
    tables: Mapping[str, Tables],
) -> Inside:
    """Judge the components of every layer for every audited class, and what each class rests on."""
    components: list[ComponentFinding] = []
    by_layer: dict[tuple[str, str], tuple[ClassFinding, Labels]] = {}
    for (layer, class_name), relevance in evidence.relevance.items():
        examine = spec.examine
        chosen, n_relevant = select_components(relevance, examine.relevance_floor, examine.max_components)
        court = _court(spec, plan, evidence, concepts, tables[layer], relevance)
        components += component_findings(court, chosen)
        finding = class_finding(evidence, relevance, court.labels, chosen.tolist(), n_relevant)
        by_layer[layer, class_name] = finding, court.labels
    last = {name: found for (layer, name), found in by_layer.items() if layer in plan.model.layers[-1:]}
    return Inside(
        components=tuple(components),
        classes=tuple(finding for finding, _ in last.values()),
        by_layer=by_layer,
    )


def judged_responses(
    spec: AuditSpec,
    plan: AuditPlan,
    evidence: Evidence,
    concepts: Mapping[str, ConceptFinding],
    tables: Mapping[str, Tables],
    inside: Inside,
) -> tuple[ResponseFinding, ...]:
    """Judge which components respond to artefacts that are put in, under the labels that they have."""
    scores = {
        layer: alignment_scores(found.cropped, found.whole, evidence.components[layer].components)
        for layer, found in tables.items()
    }
    return response_findings(spec, plan, evidence, concepts, inside.labels, scores)


def component_labels(spec: AuditSpec, plan: AuditPlan, evidence: Evidence) -> dict[tuple[str, str], Labels]:
    """Labels of all components by layer and class, without their intervals: what groups for ablation are made of."""
    concepts = {row.concept: row for row in concept_findings(spec, plan, evidence.samples, evidence.space)}
    tables = tables_of(spec, plan, evidence, concepts, n_resampled=0)
    return {
        (layer, class_name): _labels(spec, evidence, concepts, tables[layer], relevance)
        for (layer, class_name), relevance in evidence.relevance.items()
    }


def _court(
    spec: AuditSpec,
    plan: AuditPlan,
    evidence: Evidence,
    concepts: Mapping[str, ConceptFinding],
    tables: Tables,
    relevance: LayerRelevance,
) -> Judge:
    examples = evidence.components[relevance.layer]
    return Judge(
        spec=spec,
        class_name=relevance.class_name,
        model=plan.model,
        concepts=concepts,
        evidence=evidence,
        relevance=relevance,
        examples=examples,
        table=tables.cropped,
        interpretability=_interpretability(examples),
        labels=_labels(spec, evidence, concepts, tables, relevance),
    )


def _labels(
    spec: AuditSpec,
    evidence: Evidence,
    concepts: Mapping[str, ConceptFinding],
    tables: Tables,
    relevance: LayerRelevance,
) -> Labels:
    """Labels of all components of a layer for a class: by crops where there are some, else by whole images."""
    components = evidence.components[relevance.layer].components
    names = tables.cropped.concepts if tables.cropped is not None else ()
    families = Families.of(spec, relevance.class_name, concepts, names)
    threshold = spec.examine.z_threshold
    screened = label_components(tables.whole, families, threshold, relevance.relevance.shape[1])
    examined = label_components(tables.cropped, families, threshold, len(components))
    return drop_irrelevant(combine(screened, examined, components), relevance.relevance)


def _interpretability(examples: ComponentExamples) -> Interpretability:
    n_components = len(examples.components)
    if not n_components or not examples.embeddings.shape[-1]:
        empty = np.full(n_components, np.nan)
        return Interpretability(empty, empty, np.full(n_components, -1), empty)
    nearest, similarity = nearest_components(component_embeddings(examples.embeddings, examples.weights))
    return Interpretability(
        clarity=clarity(examples.embeddings),
        polysemanticity=polysemanticity(examples.embeddings),
        nearest=nearest,
        similarity=similarity,
    )


def redundancy_by_layer(evidence: Evidence) -> dict[str, float]:
    """How alike the components of each layer are: the mean over components of the highest cosine to another."""
    return {
        layer: redundancy(component_embeddings(examples.embeddings, examples.weights))
        for layer, examples in evidence.components.items()
        if len(examples.components) > 1 and examples.embeddings.shape[-1]
    }
