"""All stages of a run in their order, each looked up in the store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from auditlens.challenge.rendering import ArtefactSource
from auditlens.examine.attribution.attributor import Attributor
from auditlens.gather.context import Context
from auditlens.gather.opinions import as_if_first
from auditlens.gather.traces import Trace, find_trace
from auditlens.preview import behaviour, inside
from auditlens.preview.looks import FOLLOWS, Asked, Asking, exactly
from auditlens.stages.evidence import LayerRelevance


def asked_steps(
    context: Context,
    attributor: Attributor,
    sources: Mapping[str, ArtefactSource],
    audited: Sequence[str],
    selection: Sequence[str] = (),
) -> tuple[Asked, ...]:
    """Look up every stage.

    Parameters
    ----------
    context : Context
        With everything loaded; its store is not written to.
    attributor : Attributor
    sources : mapping of str to ArtefactSource
    audited : sequence of str
        Classes.
    selection : sequence of str
        What `--select` and `--exclude` left.
    """
    asking = Asking(context)
    found = list(_behaviour(asking, sources))
    found += _inside(asking, attributor, sources, audited)
    for spec, model in zip(context.spec.opinions, context.opinions, strict=True):
        asking.change(as_if_first(asking.context, spec, model))
        found += [step for step in _inside(asking, attributor, sources, audited) if step.model == "foundation"]
    return tuple(_told_by_trace(context, found, find_trace(context, selection)))


def _behaviour(asking: Asking, sources: Mapping[str, ArtefactSource]) -> Iterator[Asked]:
    yield from behaviour.regions(asking)
    yield from behaviour.clean_passes(asking)
    yield from behaviour.artefact_tests(asking, sources)
    yield from behaviour.combination_tests(asking, sources)
    yield from behaviour.removal_tests(asking)
    yield from behaviour.erased_lesions(asking)
    yield from behaviour.spurious_only(asking, sources)
    yield from behaviour.dose_tests(asking, sources)


def _inside(
    asking: Asking, attributor: Attributor, sources: Mapping[str, ArtefactSource], audited: Sequence[str]
) -> Iterator[Asked]:
    if asking.context.no_inside is not None:
        yield from inside.embedding_steps(asking, sources)
        return
    relevance = tuple(inside.relevance_steps(asking, attributor, audited))
    yield from relevance
    stored = {(row.value.layer, row.value.class_name): row.value for row in relevance if _is_relevance(row.value)}
    yield from inside.crop_steps(asking, attributor, stored, audited)
    yield from inside.embedding_steps(asking, sources)
    yield from inside.response_steps(asking, sources, audited)
    yield from inside.ablation_steps(asking, audited)
    yield from inside.mediation_steps(asking, sources, audited)


def _is_relevance(value: object) -> bool:
    return isinstance(value, LayerRelevance)


def _told_by_trace(context: Context, steps: Sequence[Asked], trace: Trace | None) -> Iterator[Asked]:
    """Fill in the stages that follow from what is found, from what an earlier run used."""
    if trace is None:
        yield from steps
        return
    items, stored = _by_stage(context, trace)
    for step in steps:
        if step.stage not in FOLLOWS:
            yield step
            continue
        own, there = (min(found[step.stage], int(step.items.high)) for found in (items, stored))
        items[step.stage] -= own
        stored[step.stage] -= there
        yield _known(step, own, there)


def _by_stage(context: Context, trace: Trace) -> tuple[dict[str, int], dict[str, int]]:
    items, stored = defaultdict[str, int](int), defaultdict[str, int](int)
    for stage, place, n_items in trace:
        items[stage] += n_items
        stored[stage] += n_items if (context.store.root / place).exists() else 0
    return items, stored


def _known(step: Asked, n_items: int, n_stored: int) -> Asked:
    forward, note = (step.forward, step.note) if n_items else (exactly(0), "no group of components was found")
    return replace(step, items=exactly(n_items), n_stored=n_stored, forward=forward, note=note)
