"""The order in which everything is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from auditlens.challenge.rendering import ArtefactSource
from auditlens.examine.attribution.attributor import Attributor
from auditlens.examine.crops import choose_heatmaps
from auditlens.findings.inside import component_labels
from auditlens.gather.ablation import ablations
from auditlens.gather.behaviour import clean_pass
from auditlens.gather.carriers import carriers, scored_concepts
from auditlens.gather.combinations import combinations
from auditlens.gather.context import Context
from auditlens.gather.doses import doses
from auditlens.gather.erasure import erasures
from auditlens.gather.inside import chosen_components, component_examples, relevances
from auditlens.gather.mediation import mediations
from auditlens.gather.opinions import opinions
from auditlens.gather.regions import region_gaps
from auditlens.gather.removal import mask_files, removals
from auditlens.gather.responses import responses
from auditlens.gather.seen import inserted_concepts
from auditlens.gather.separability import spurious_folders, spurious_images
from auditlens.gather.space import semantic_space
from auditlens.gather.transplants import NO_TRANSPLANT, Transplanted
from auditlens.gather.trials import artefact_trials, images_left_out
from auditlens.stages.evidence import Evidence
from auditlens.stages.plan import AuditPlan


@dataclass(frozen=True, slots=True)
class Gathered:
    """The evidence, and the artefact sources that the report's pictures are rendered with."""

    evidence: Evidence
    sources: Mapping[str, ArtefactSource]


def gather(
    context: Context,
    plan: AuditPlan,
    attributor: Attributor,
    sources: Mapping[str, ArtefactSource],
    transplanted: Transplanted = NO_TRANSPLANT,
) -> Gathered:
    """Measure everything that the plan asks for: behaviour first, then the inside, then what can be seen."""
    sources = {**sources, **transplanted.sources}
    spurious_folders(context)  # a folder that is not there is told now, not after the clean pass
    mask_files(context)
    predictions, examples = clean_pass(context)
    space = semantic_space(context, {}) if scored_concepts(context.spec) else None
    context = replace(context, carriers=carriers(context, plan, space))
    trials, skipped = artefact_trials(context, sources)
    combined, not_combined = combinations(context, sources)
    removed, unfit = removals(context)
    relevance = relevances(context, attributor, plan.audited_classes)
    components = {
        layer: component_examples(
            context.on_examples, attributor, layer, chosen_components(context, relevance, layer), examples[layer]
        )
        for layer in context.layer_names()
    }
    evidence = Evidence(
        samples=context.samples,
        predictions=predictions,
        examples=examples,
        relevance=relevance,
        components=components,
        space=semantic_space(context, inserted_concepts(context, sources, trials)),
        trials=trials,
        responses=responses(context, sources, trials, plan.audited_classes),
        erasures=erasures(context),
        carriers=context.carriers,
        left_out=images_left_out(context),
        spurious=spurious_images(context, sources, trials),
        removals=removed,
        skipped=(
            *skipped,
            *not_combined,
            *unfit,
            *transplanted.skipped,
            *region_gaps(context),
            *([context.no_inside] if context.no_inside is not None else []),
        ),
        transplants=transplanted.separated,
        doses=doses(context, sources, trials),
        combinations=combined,
        drawn_from=context.examples.samples if context.examples is not None else None,
    )
    evidence = replace(evidence, opinions=opinions(context, attributor, sources, evidence))
    return Gathered(_with_interventions(context, plan, evidence, sources), sources)


def _with_interventions(
    context: Context, plan: AuditPlan, evidence: Evidence, sources: Mapping[str, ArtefactSource]
) -> Evidence:
    """Silence and patch what the evidence so far finds; the groups follow the labels, so labels come first."""
    if not (context.spec.examine.ablation_images or context.spec.challenge.mediation_images):
        return evidence
    labels = component_labels(context.spec, plan, evidence)
    evidence = replace(evidence, ablations=ablations(context, plan, evidence, labels))
    return replace(evidence, mediations=mediations(context, plan, evidence, labels, sources))


def planned_crops(context: Context, attributor: Attributor) -> str:
    """How concept examples will be cropped, in words."""
    if context.no_inside is not None:
        return "none"
    return choose_heatmaps(context.subject, context.spec.examine.crops, attributor)[1]
