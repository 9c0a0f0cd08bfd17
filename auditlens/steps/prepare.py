"""From what was loaded to what is measured: pictures of artefacts, the released file's twin, the plan."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from auditlens.challenge.rendering import ArtefactSource
from auditlens.examine.attribution.attributor import Attributor
from auditlens.gather.context import Context
from auditlens.gather.equivalence import Equivalence, planned_released, settle
from auditlens.gather.evidence import planned_crops
from auditlens.gather.regions import with_regions
from auditlens.gather.released import attribution, outside_alone
from auditlens.gather.resolve import methods, planned_data, planned_foundation, planned_model, planned_opinions
from auditlens.gather.separability import spurious_folders
from auditlens.gather.strata import found_strata
from auditlens.gather.transplants import NO_TRANSPLANT, Transplanted, with_transplants
from auditlens.gather.trials import artefact_sources
from auditlens.gather.user_code import code_that_runs
from auditlens.plan.baselines import CHANGE
from auditlens.plan.build import build_plan
from auditlens.plan.selection import Chosen
from auditlens.preview.run import foreseen_context
from auditlens.protocol.state import protocol_state
from auditlens.stages.plan import AuditPlan, Method, PlannedModel
from auditlens.subject import check_references


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that the measurements start from.

    Attributes
    ----------
    context : Context
    plan : AuditPlan
    attributor : Attributor
    sources : dict of artefact to ArtefactSource
        Without transplants.
    transplanted : Transplanted
    """

    context: Context
    plan: AuditPlan
    attributor: Attributor
    sources: dict[str, ArtefactSource]
    transplanted: Transplanted = NO_TRANSPLANT


def prepare(chosen: Chosen, context: Context) -> Prepared:
    """Make the pictures of the artefacts, run what the plan has to know of the models, and plan.

    Raises
    ------
    AuditLensError
        An artefact that cannot be made, or reference predictions that the model does not give.
    """
    sources = artefact_sources(context)
    references = check_references(
        context.behaving, context.spec.model, context.base, context.index.root, context.spec.data.window
    )
    context, equivalence = settle(_as_read(chosen, context))
    context, transplanted = with_transplants(with_regions(context))
    plan, attributor = _planned(chosen, context, references, equivalence)
    context.store.laps.end("loading", len(context.index))
    return Prepared(context, plan, attributor, sources, transplanted)


def foresee(chosen: Chosen, context: Context) -> Prepared:
    """Prepare as far as it goes without an image through a model: what the store knows of a run is taken from there.

    Raises
    ------
    AuditLensError
        An artefact that cannot be made.
    """
    sources = artefact_sources(context)
    spurious_folders(context)
    context, equivalence = foreseen_context(_as_read(chosen, context))
    plan, attributor = _planned(chosen, context, (None, 0), equivalence)
    context.store.laps.end("loading", len(context.index))
    return Prepared(context, plan, attributor, sources)


def _as_read(chosen: Chosen, context: Context) -> Context:
    return context if chosen.reads_inside else outside_alone(context)


def _planned(
    chosen: Chosen, context: Context, references: tuple[float | None, int], equivalence: Equivalence | None
) -> tuple[AuditPlan, Attributor]:
    """Describe the model as it was found, and plan; `references`: largest gap to the predictions, and their number."""
    released = planned_released(context, equivalence)
    attributor, why = attribution(context)
    model = planned_model(context.spec, context.subject, *references, released)
    how = methods(context.subject, attributor.name, why, planned_crops(context, attributor), context.index.notes)
    return _plan(chosen, context, model, how), attributor


def _plan(chosen: Chosen, context: Context, model: PlannedModel, how: tuple[Method, ...]) -> AuditPlan:
    loaded, spec = chosen.loaded, chosen.loaded.spec
    strata = found_strata(spec.data.strata, context.index, loaded.locate)
    data = planned_data(context.index, strata, context.sets)
    whole = replace(loaded, spec=chosen.whole)
    return build_plan(
        spec,
        spec_sha256=loaded.sha256,
        model=model,
        data=data,
        foundation=planned_foundation(spec, context.foundation),
        methods=how,
        batch_size=context.batch_size,
        n_threads=torch.get_num_threads(),
        device=str(context.subject.device),
        locate=lambda name: loaded.cite(("change", "must_equal") if name == CHANGE else ("gates", name)),
        opinions=planned_opinions(spec, context.opinions),
        user_code=code_that_runs(loaded),
        tier=chosen.tier,
        selection=chosen.selection,
        protocol=protocol_state(whole, model.identity_sha256, data.sha256, sealed=data.sets.sealed),
    )
