"""Evidence -> Findings: the order in which everything is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from auditlens.findings.ablation import ablation_agreements, ablation_changes, ablation_findings
from auditlens.findings.against import NO_BASELINES, Against
from auditlens.findings.artefacts import Trials, artefact_finding
from auditlens.findings.baselines import baseline_findings
from auditlens.findings.change import altered
from auditlens.findings.cleaning import cleaning_sentence
from auditlens.findings.combinations import combination_findings
from auditlens.findings.confrontation import confront
from auditlens.findings.controls import controls
from auditlens.findings.decision import OperatingPoint
from auditlens.findings.doses import dose_findings
from auditlens.findings.erasure import erasure_findings
from auditlens.findings.faithfulness import faithfulness_findings
from auditlens.findings.gates import GateInputs, gate_estimate
from auditlens.findings.inside import (
    Inside,
    component_labels,
    judged_inside,
    judged_responses,
    redundancy_by_layer,
    tables_of,
)
from auditlens.findings.mediation import mediation_findings, with_mediations
from auditlens.findings.observability import concept_findings
from auditlens.findings.observational import disagreement, observational_contrast
from auditlens.findings.opinions import opinion_findings
from auditlens.findings.performance import performance
from auditlens.findings.prevalence import prevalence_findings, with_prevalences
from auditlens.findings.relevance_rows import relevance_answers
from auditlens.findings.removal import removal_findings
from auditlens.findings.response import with_responses
from auditlens.findings.scope import not_evaluated
from auditlens.findings.separability import separability_findings
from auditlens.findings.similarity import layer_similarities
from auditlens.findings.subgroups import subgroup_findings
from auditlens.findings.transplant import transplant_findings
from auditlens.findings.unexpected import Inventory, unexpected_components, unlisted_shares
from auditlens.findings.vocabulary import vocabulary_findings
from auditlens.spec.model import AuditSpec
from auditlens.stages.answers import Answers
from auditlens.stages.evidence import Evidence
from auditlens.stages.findings import (
    ArtefactFinding,
    ClassFinding,
    ConceptFinding,
    Confrontation,
    Findings,
)
from auditlens.stages.plan import AuditPlan


def judge(
    spec: AuditSpec, plan: AuditPlan, evidence: Evidence, against: Against = NO_BASELINES
) -> tuple[Findings, Answers]:
    """Judge everything that was measured against the spec, and against the baselines where there are any.

    Returns
    -------
    tuple of Findings and Answers
        The answers are those of `against`, with the shares of relevance image by image that the labels give.
    """
    point = OperatingPoint.of(plan.model)
    concepts = concept_findings(spec, plan, evidence.samples, evidence.space)
    trials = {name: _trials(spec, plan, evidence, point, name) for name in evidence.trials}
    artefacts = _artefacts(spec, plan, evidence, trials)
    by_name = {finding.concept: finding for finding in concepts}
    tables = tables_of(spec, plan, evidence, by_name)
    inside = judged_inside(spec, plan, evidence, by_name, tables)
    responses = judged_responses(spec, plan, evidence, by_name, tables, inside)
    prevalences = prevalence_findings(spec, plan, evidence, by_name)
    mediations = mediation_findings(spec, plan, evidence, by_name)
    confrontations = _confrontations(spec, concepts, inside.classes, artefacts)
    confrontations = with_responses(confrontations, responses, plan.model.layers)
    confrontations = with_mediations(with_prevalences(confrontations, prevalences), mediations)
    answers = replace(against.answers, relevance=relevance_answers(evidence, inside.labels, by_name))
    against = replace(against, answers=answers)
    inputs = GateInputs(
        spec=spec,
        evidence=evidence,
        point=point,
        trials=trials,
        layers=plan.model.layers,
        labels=inside.labels,
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
        confrontations=confrontations,
        prevalences=prevalences,
        subgroups=subgroup_findings(plan, evidence, point, trials),
        responses=responses,
        erasures=erasure_findings(plan, evidence),
        transplants=transplant_findings(spec, evidence),
        doses=dose_findings(spec, plan, evidence, trials),
        combinations=combination_findings(spec, plan, evidence),
        separability=separability_findings(plan, evidence, trials, point),
        mediations=mediations,
        removals=removal_findings(spec, plan, evidence, artefacts),
        controls=controls(plan, {layer: found.cropped for layer, found in tables.items() if found.cropped}, artefacts),
        gate_estimates=estimates,
        baselines=baseline_findings(plan, against, estimates, evidence.samples, inputs.altered or ()),
        not_evaluated=not_evaluated(spec, plan, evidence, concepts),
        redundancy=redundancy_by_layer(evidence),
    )
    opinions = opinion_findings(spec, plan, evidence, concepts, inside.components, component_labels)
    return found.model_copy(update=_described(spec, plan, evidence, inside) | {"opinions": opinions}), answers


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


def _described(spec: AuditSpec, plan: AuditPlan, evidence: Evidence, inside: Inside) -> dict[str, object]:
    """What people look at and no gate reads: unexplained components, and where in the network things lie."""
    inventory = Inventory(evidence, plan.model.classes, inside.labels, spec.report.n_components)
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


def _confrontations(
    spec: AuditSpec,
    concepts: tuple[ConceptFinding, ...],
    classes: tuple[ClassFinding, ...],
    artefacts: tuple[ArtefactFinding, ...],
) -> tuple[Confrontation, ...]:
    return tuple(line for finding in classes for line in confront(spec, finding, concepts, artefacts))
