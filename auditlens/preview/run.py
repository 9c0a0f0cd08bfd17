"""Put the PlannedRun together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

import numpy as np

from auditlens.baselines.compared import why_again
from auditlens.baselines.read import read_earlier
from auditlens.challenge.rendering import ArtefactSource
from auditlens.examine.attribution.attributor import Attributor
from auditlens.gather.behaviour import eager_pass, released_pass
from auditlens.gather.carriers import scored_concepts
from auditlens.gather.context import Context
from auditlens.gather.equivalence import REMEDY, Equivalence, compare, difference_words
from auditlens.gather.regions import with_regions
from auditlens.gather.released import without_inside
from auditlens.gather.space import assessable
from auditlens.preview.artefacts import planned_artefacts
from auditlens.preview.costs import Pricing
from auditlens.preview.hashes import found_hashes
from auditlens.preview.power import foreseen_gates
from auditlens.preview.steps import asked_steps
from auditlens.semantics.probes import resolve_templates, uses_images
from auditlens.spec.model import AuditSpec
from auditlens.spec.paths import resolve
from auditlens.stages.carriers import Carriers
from auditlens.stages.plan import AuditPlan
from auditlens.stages.planned_run import PlannedRun
from auditlens.store.looking import LookingStore, NotStoredError


def foreseen_context(context: Context) -> tuple[Context, Equivalence | None]:
    """The context as the run would have it, as far as the store knows: twin told apart, places, carriers.

    Returns
    -------
    Context
        With its own store, for whoever asks next.
    Equivalence or None
        Of the released file and its twin, where both have been run.
    """
    store = context.store
    looking = replace(context, store=LookingStore(store.root))
    found = None
    if looking.released is not None and looking.no_inside is None:
        with suppress(NotStoredError):
            found = compare(looking, released_pass(looking, looking.released), eager_pass(looking)[0])
        if found is not None and not found.holds:
            looking = without_inside(looking, difference_words(found), REMEDY)
    with suppress(NotStoredError):
        looking = with_regions(looking)
    return replace(looking, store=store, carriers=_no_carriers(context)), found


def _no_carriers(context: Context) -> dict[str, Carriers]:
    """As if no image carried an artefact by its score, since the scores are not known before the run."""
    none = np.zeros(len(context.index), dtype=bool)
    return {name: Carriers(name, none) for name in scored_concepts(context.spec)}


def planned_run(
    declared: AuditSpec,
    context: Context,
    plan: AuditPlan,
    attributor: Attributor,
    sources: Mapping[str, ArtefactSource],
) -> PlannedRun:
    """Say what a run would do.

    Parameters
    ----------
    declared : AuditSpec
        The spec as it is written.
    context : Context
        Of `foreseen_context`.
    plan : AuditPlan
    attributor : Attributor
    sources : mapping of str to ArtefactSource
    """
    again = tuple(_baselines(context, plan))
    pricing = Pricing(context, len(again))
    steps = pricing.steps(asked_steps(context, attributor, sources, plan.audited_classes, plan.selection))
    return PlannedRun(
        audit_id=context.spec.audit.id,
        plan=plan,
        n_references=len(context.spec.model.reference_predictions),
        artefacts=tuple(planned_artefacts(context, sources)),
        steps=steps,
        cost=pricing.cost(steps),
        gates=foreseen_gates(context, plan, sources),
        hashes=tuple(found_hashes(declared, context)),
        notes=tuple(_notes(context, again)),
    )


def _notes(context: Context, again: tuple[str, ...]) -> Iterator[str]:
    yield "no image goes through a model for this; loading tries the audited model on one noise image"
    yield from again
    scored = scored_concepts(context.spec)
    if scored:
        names = ", ".join(scored)
        yield f"the scores of {names} decide which images are clean; until they are known, counts are the most possible"
    if context.foundation is not None and context.spec.foundation is not None:
        texts = sum(len(concept.texts) for concept in assessable(context).values()) + len(
            context.spec.controls.unrelated
        )
        pictures = [name for name, concept in assessable(context).items() if concept.images and uses_images(concept)]
        if context.foundation.reads_text:
            n_prompts = (texts + 1) * len(resolve_templates(context.spec.foundation.templates))
            yield f"about {n_prompts} texts go through the foundation model in every run; they are not stored"
        if pictures:
            yield f"so do the example images of {', '.join(pictures)}"


def _baselines(context: Context, plan: AuditPlan) -> Iterator[str]:
    """Say which baselines' models would be run again, and why."""
    for name, baseline in context.spec.baselines.items():
        if baseline.record is None:
            continue
        earlier = read_earlier(resolve(baseline.record, context.base), baseline.sha256)
        why = why_again(context.spec, plan, earlier)
        if why:
            yield f"the model of the baseline {name} is run again, since {why}; its passes are not in the table"
