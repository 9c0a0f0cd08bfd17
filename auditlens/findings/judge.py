"""Evidence -> Findings: the order in which everything is judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np

from auditlens.examine.interpretability import (
    clarity,
    component_embeddings,
    nearest_components,
    polysemanticity,
    redundancy,
)
from auditlens.findings.alignment import AlignmentTable, alignments
from auditlens.findings.artefacts import Trials, artefact_finding, observational_contrast
from auditlens.findings.components import Interpretability, Judge, class_finding, component_findings
from auditlens.findings.confrontation import confront
from auditlens.findings.controls import controls
from auditlens.findings.decision import OperatingPoint
from auditlens.findings.gates import GateInputs, gate_estimate
from auditlens.findings.observability import concept_findings
from auditlens.findings.performance import performance
from auditlens.findings.scope import not_evaluated
from auditlens.findings.selection import select_components
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
from auditlens.stages.states import ConceptState


def judge(spec: AuditSpec, plan: AuditPlan, evidence: Evidence) -> Findings:
    """Judge everything that was measured against the spec."""
    point = OperatingPoint.of(plan.model)
    concepts = concept_findings(spec, plan, evidence.samples, evidence.space)
    trials = {name: _trials(spec, plan, evidence, point, name) for name in evidence.trials}
    artefacts = _artefacts(spec, plan, evidence, trials)
    tables = _tables(spec, plan, evidence, concepts)
    components, classes = _inside(spec, plan, evidence, concepts, tables)
    inputs = GateInputs(
        spec=spec,
        evidence=evidence,
        point=point,
        trials=trials,
        relevance=_last_layer(plan, evidence),
        components=components,
        concepts={finding.concept: finding for finding in concepts},
    )
    return Findings(
        performance=performance(evidence.samples, evidence.predictions, point),
        concepts=concepts,
        components=components,
        classes=classes,
        artefacts=artefacts,
        confrontations=_confrontations(spec, plan, concepts, components, classes, artefacts),
        controls=controls(plan, tables, artefacts),
        gate_estimates={gate.id: gate_estimate(gate, inputs) for gate in plan.gates},
        not_evaluated=not_evaluated(spec, plan, evidence, concepts),
        redundancy=_redundancy(evidence),
    )


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
    column = spec.artefacts[name].column
    if column is None:
        return finding
    contrast = observational_contrast(
        evidence.samples,
        evidence.predictions,
        column,
        plan.model.classes.index(class_name),
        n_draws=spec.challenge.n_draws,
        seed=plan.seed,
    )
    return finding.model_copy(update={"observational": contrast, "note": _disagreement(finding, contrast)})


def _disagreement(finding: ArtefactFinding, contrast: object) -> str:
    """Warn where observation and intervention point in opposite directions, both clear of zero."""
    seen = getattr(contrast, "value", None)
    low, high = getattr(contrast, "low", None), getattr(contrast, "high", None)
    done = finding.effects[0].raw
    clear = low is not None and (low > 0 or high < 0)  # type: ignore[operator]  # high comes with low
    acts = done.low is not None and done.high is not None and (done.low > 0 or done.high < 0)
    if seen is None or done.value is None or not clear or not acts or seen * done.value > 0:
        return ""
    return (
        "In the data as it is, images with this artefact score the other way than inserting it does: "
        "the association comes from the data, the insertion shows what the model does."
    )


def _tables(
    spec: AuditSpec, plan: AuditPlan, evidence: Evidence, concepts: tuple[ConceptFinding, ...]
) -> dict[str, AlignmentTable]:
    if evidence.space is None or not evidence.space.probes:
        return {}
    seen = {finding.concept for finding in concepts if finding.state is ConceptState.OBSERVABLE}
    columns = {
        name: concept.column
        for name, concept in spec.concepts.items()
        if concept.column in evidence.samples.columns and name in seen
    }
    return {
        layer: alignments(
            examples,
            evidence.space,
            evidence.samples,
            cast(Mapping[str, str], columns),
            seed=plan.seed,
            threshold=spec.examine.z_threshold,
        )
        for layer, examples in evidence.components.items()
        if len(examples.components)
    }


def _inside(
    spec: AuditSpec,
    plan: AuditPlan,
    evidence: Evidence,
    concepts: tuple[ConceptFinding, ...],
    tables: Mapping[str, AlignmentTable],
) -> tuple[tuple[ComponentFinding, ...], tuple[ClassFinding, ...]]:
    components: list[ComponentFinding] = []
    classes: list[ClassFinding] = []
    for (layer, class_name), relevance in evidence.relevance.items():
        if layer not in evidence.components:
            continue
        examples = evidence.components[layer]
        chosen, n_relevant = select_components(relevance, spec.examine.relevance_floor, spec.examine.max_components)
        court = Judge(
            spec=spec,
            class_name=class_name,
            classes=plan.model.classes,
            concepts={finding.concept: finding for finding in concepts},
            evidence=evidence,
            relevance=relevance,
            examples=examples,
            table=tables.get(layer),
            interpretability=_interpretability(examples),
        )
        found = component_findings(court, chosen)
        components += found
        if layer == plan.model.layers[-1]:
            classes.append(class_finding(spec, evidence, relevance, found, n_relevant))
    return tuple(components), tuple(classes)


def _interpretability(examples: ComponentExamples) -> Interpretability:
    n_components = len(examples.components)
    if not n_components or not examples.embeddings.shape[-1]:
        empty = np.full(n_components, np.nan)
        return Interpretability(empty, empty, np.full(n_components, -1), empty)
    nearest, similarity = nearest_components(component_embeddings(examples.embeddings))
    return Interpretability(
        clarity=clarity(examples.embeddings),
        polysemanticity=polysemanticity(examples.embeddings),
        nearest=nearest,
        similarity=similarity,
    )


def _redundancy(evidence: Evidence) -> dict[str, float]:
    return {
        layer: redundancy(component_embeddings(examples.embeddings))
        for layer, examples in evidence.components.items()
        if len(examples.components) > 1 and examples.embeddings.shape[-1]
    }


def _last_layer(plan: AuditPlan, evidence: Evidence) -> dict[str, LayerRelevance]:
    last = plan.model.layers[-1]
    return {name: relevance for (layer, name), relevance in evidence.relevance.items() if layer == last}


def _confrontations(
    spec: AuditSpec,
    plan: AuditPlan,
    concepts: tuple[ConceptFinding, ...],
    components: tuple[ComponentFinding, ...],
    classes: tuple[ClassFinding, ...],
    artefacts: tuple[ArtefactFinding, ...],
) -> tuple[Confrontation, ...]:
    last = [row for row in components if row.layer == plan.model.layers[-1]]
    return tuple(
        line
        for finding in classes
        for line in confront(spec, finding.class_name, concepts, last, finding.share_by_concept, artefacts)
    )
