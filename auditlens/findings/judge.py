"""Evidence -> Findings: the order in which everything is judged."""

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
from auditlens.findings.ablation import ablation_agreements, ablation_changes, ablation_findings
from auditlens.findings.against import NO_BASELINES, Against
from auditlens.findings.alignment import N_RESAMPLED, AlignmentTable, alignments
from auditlens.findings.artefacts import Trials, artefact_finding
from auditlens.findings.baselines import baseline_findings
from auditlens.findings.change import altered
from auditlens.findings.cleaning import cleaning_sentence
from auditlens.findings.combinations import combination_findings
from auditlens.findings.components import Interpretability, Judge, class_finding, component_findings
from auditlens.findings.confrontation import confront
from auditlens.findings.controls import controls
from auditlens.findings.decision import OperatingPoint
from auditlens.findings.doses import dose_findings
from auditlens.findings.erasure import erasure_findings
from auditlens.findings.faithfulness import faithfulness_findings
from auditlens.findings.gates import GateInputs, gate_estimate
from auditlens.findings.labels import Families, Labels, combine, drop_irrelevant, label_components, whole_image_examples
from auditlens.findings.mediation import mediation_findings, with_mediations
from auditlens.findings.observability import concept_findings, seen_columns
from auditlens.findings.observational import disagreement, observational_contrast
from auditlens.findings.opinions import opinion_findings
from auditlens.findings.performance import performance
from auditlens.findings.prevalence import prevalence_findings, with_prevalences
from auditlens.findings.removal import removal_findings
from auditlens.findings.response import alignment_scores, response_findings, with_responses
from auditlens.findings.scope import not_evaluated
from auditlens.findings.selection import select_components
from auditlens.findings.separability import separability_findings
from auditlens.findings.similarity import layer_similarities
from auditlens.findings.subgroups import subgroup_findings
from auditlens.findings.transplant import transplant_findings
from auditlens.findings.unexpected import Inventory, unexpected_components, unlisted_shares
from auditlens.findings.vocabulary import vocabulary_findings
from auditlens.spec.model import AuditSpec
from auditlens.stages.evidence import ComponentExamples, Evidence, LayerRelevance
from auditlens.stages.findings import (
    ArtefactFinding,
    ClassFinding,
    ComponentFinding,
    ConceptFinding,
    Confrontation,
    Findings,
)
from auditlens.stages.plan import AuditPlan
from auditlens.stages.response import ResponseFinding


def judge(spec: AuditSpec, plan: AuditPlan, evidence: Evidence, against: Against = NO_BASELINES) -> Findings:
    """Judge everything that was measured against the spec, and against the baselines where there are any."""
    point = OperatingPoint.of(plan.model)
    concepts = concept_findings(spec, plan, evidence.samples, evidence.space)
    trials = {name: _trials(spec, plan, evidence, point, name) for name in evidence.trials}
    artefacts = _artefacts(spec, plan, evidence, trials)
    by_name = {finding.concept: finding for finding in concepts}
    tables = _tables(spec, plan, evidence, by_name)
    inside = _inside(spec, plan, evidence, by_name, tables)
    responses = _responses(spec, plan, evidence, by_name, tables, inside)
    prevalences = prevalence_findings(spec, plan, evidence, by_name)
    inputs = GateInputs(
        spec=spec,
        evidence=evidence,
        point=point,
        trials=trials,
        layers=plan.model.layers,
        labels={place: found for place, (_, found) in inside.by_layer.items()},
        concepts=by_name,
        against=against,
        altered=altered(spec, plan, against),
        tables={layer: found.cropped for layer, found in tables.items()},
        readings=spec.review.read(plan.model.identity_sha256) if spec.review is not None else {},
        name_of=plan.model.component_id,
    )
    estimates = {gate.id: gate_estimate(gate, inputs) for gate in plan.gates}
    found = Findings(
        performance=performance(evidence.samples, evidence.predictions, point),
        concepts=concepts,
        components=inside.components,
        classes=inside.classes,
        artefacts=artefacts,
        confrontations=with_prevalences(
            with_responses(_confrontations(spec, concepts, inside.classes, artefacts), responses, plan.model.layers),
            prevalences,
        ),
        prevalences=prevalences,
        subgroups=subgroup_findings(plan, evidence, point, trials),
        responses=responses,
        erasures=erasure_findings(plan, evidence),
        transplants=transplant_findings(spec, evidence),
        doses=dose_findings(spec, plan, evidence, trials),
        combinations=combination_findings(spec, plan, evidence),
        separability=separability_findings(plan, evidence, trials, point),
        removals=removal_findings(spec, plan, evidence, artefacts),
        controls=controls(plan, {layer: found.cropped for layer, found in tables.items() if found.cropped}, artefacts),
        gate_estimates=estimates,
        baselines=baseline_findings(plan, against, estimates, evidence.samples, inputs.altered or ()),
        not_evaluated=not_evaluated(spec, plan, evidence, concepts),
        redundancy=_redundancy(evidence),
    )
    mediated = mediation_findings(spec, plan, evidence, by_name)
    found = found.model_copy(
        update={"mediations": mediated, "confrontations": with_mediations(found.confrontations, mediated)}
    )
    opinions = opinion_findings(spec, plan, evidence, concepts, inside.components, component_labels)
    return found.model_copy(update=_described(spec, plan, evidence, inside) | {"opinions": opinions})


def component_labels(spec: AuditSpec, plan: AuditPlan, evidence: Evidence) -> dict[tuple[str, str], Labels]:
    """Labels of all components by layer and class, without their intervals: what groups for ablation are made of."""
    concepts = {row.concept: row for row in concept_findings(spec, plan, evidence.samples, evidence.space)}
    tables = _tables(spec, plan, evidence, concepts, n_resampled=0)
    return {
        (layer, class_name): _labels(spec, evidence, concepts, tables[layer], relevance)
        for (layer, class_name), relevance in evidence.relevance.items()
    }


def _trials(spec: AuditSpec, plan: AuditPlan, evidence: Evidence, point: OperatingPoint, name: str) -> Trials:
    return Trials(
        raw=evidence.trials[name],
        samples=evidence.samples,
        predictions=evidence.predictions,
        point=point,
        n_draws=spec.challenge.n_draws,
        seed=plan.seed,
    )


def _artefacts(
    spec: AuditSpec, plan: AuditPlan, evidence: Evidence, trials: Mapping[str, Trials]
) -> tuple[ArtefactFinding, ...]:
    return tuple(
        _artefact(spec, plan, evidence, found, class_name)
        for found in trials.values()
        for class_name in plan.audited_classes
    )


def _artefact(spec: AuditSpec, plan: AuditPlan, evidence: Evidence, trials: Trials, class_name: str) -> ArtefactFinding:
    name = trials.raw.artefact
    finding = artefact_finding(trials, class_name, spec.artefacts[name].label or name.replace("_", " "))
    finding = finding.model_copy(update={"cleaning": cleaning_sentence(spec.artefacts[name], evidence)})
    finding = finding.model_copy(update={"left_out": evidence.left_out.get(name, ())})
    column = spec.artefacts[name].column
    if column is None:
        return finding
    class_index = plan.model.classes.index(class_name)
    contrast = observational_contrast(evidence.samples, evidence.predictions, column, class_index)
    return finding.model_copy(update={"observational": contrast, "note": disagreement(finding, contrast)})


@dataclass(frozen=True, slots=True)
class Tables:
    """Alignments of one layer: of the examined components' crops, and of all components' whole images."""

    cropped: AlignmentTable | None
    whole: AlignmentTable | None


def _tables(
    spec: AuditSpec,
    plan: AuditPlan,
    evidence: Evidence,
    concepts: Mapping[str, ConceptFinding],
    n_resampled: int = N_RESAMPLED,
) -> dict[str, Tables]:
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


def _inside(
    spec: AuditSpec,
    plan: AuditPlan,
    evidence: Evidence,
    concepts: Mapping[str, ConceptFinding],
    tables: Mapping[str, Tables],
) -> Inside:
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


def _responses(
    spec: AuditSpec,
    plan: AuditPlan,
    evidence: Evidence,
    concepts: Mapping[str, ConceptFinding],
    tables: Mapping[str, Tables],
    inside: Inside,
) -> tuple[ResponseFinding, ...]:
    labels = {place: found for place, (_, found) in inside.by_layer.items()}
    scores = {
        layer: alignment_scores(found.cropped, found.whole, evidence.components[layer].components)
        for layer, found in tables.items()
    }
    return response_findings(spec, plan, evidence, concepts, labels, scores)


def _described(spec: AuditSpec, plan: AuditPlan, evidence: Evidence, inside: Inside) -> dict[str, object]:
    """What people look at and no gate reads: unexplained components, and where in the network things lie."""
    labels = {place: found for place, (_, found) in inside.by_layer.items()}
    inventory = Inventory(evidence, plan.model.classes, labels, spec.report.n_components)
    unexpected = unexpected_components(inventory, inside.components)
    vocabulary = vocabulary_findings(spec, plan.model, evidence, plan.seed)
    ablated = ablation_changes(plan, evidence)
    several = len(plan.model.layers) > 1
    return {
        "unexpected": unexpected,
        "unlisted": unlisted_shares(inventory, unexpected),
        "vocabulary": vocabulary,
        "faithfulness": faithfulness_findings(spec, evidence, plan.model.classes, inside.components, vocabulary),
        "set_similarity": layer_similarities(evidence, n_draws=spec.challenge.n_draws, seed=plan.seed),
        "ablations": ablation_findings(evidence, ablated),
        "ablation_agreement": ablation_agreements(evidence, ablated),
        "classes_by_layer": tuple(finding for finding, _ in inside.by_layer.values()) if several else (),
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


def _redundancy(evidence: Evidence) -> dict[str, float]:
    return {
        layer: redundancy(component_embeddings(examples.embeddings, examples.weights))
        for layer, examples in evidence.components.items()
        if len(examples.components) > 1 and examples.embeddings.shape[-1]
    }


def _confrontations(
    spec: AuditSpec,
    concepts: tuple[ConceptFinding, ...],
    classes: tuple[ClassFinding, ...],
    artefacts: tuple[ArtefactFinding, ...],
) -> tuple[Confrontation, ...]:
    return tuple(line for finding in classes for line in confront(spec, finding, concepts, artefacts))
