"""The stages that show images to the model whose behaviour is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial

from auditlens.challenge.combinations import laying_order
from auditlens.challenge.rendering import ArtefactSource
from auditlens.gather.behaviour import released_pass, shard_of, spans
from auditlens.gather.combinations import combined_trials, planned_rows
from auditlens.gather.context import Context
from auditlens.gather.doses import dose_level
from auditlens.gather.erasure import erasures
from auditlens.gather.regions import region_maps, region_rows, that_ask
from auditlens.gather.removal import mask_files, removal_of
from auditlens.gather.separability import background_images, combined_images, folder_images, spurious_folders
from auditlens.gather.trials import artefact_trials, trial_rows
from auditlens.preview.looks import Asked, Asking, exactly
from auditlens.stages.planned_run import NOTHING, Runs, Span
from auditlens.store.looking import NotStoredError

ONE, TWO = exactly(1), exactly(2)
BY_MODEL = "its pictures are made by the audited model during the run"


def behaving(context: Context) -> Runs:
    """Which model answers: the file that ships, where there is one."""
    return "audited" if context.released is None else "released"


def clean_passes(asking: Asking) -> Iterator[Asked]:
    """The passes over all images: of the eager model, and of the file that ships."""
    context = asking.context
    if context.no_inside is None or context.released is None:
        yield _eager(asking)
    if context.examples is not None:
        title = f"Clean pass: concept examples of {context.examples.name}"
        yield replace(_eager(asking, lambda context: context.on_examples), title=title)
    if context.released is not None:
        released = context.released
        found = asking.ask(lambda context: released_pass(context, released), "released", (ONE, NOTHING))
        assert found is not None  # there are images
        yield replace(found, title="Clean pass: the released file")


def _eager(asking: Asking, images: Callable[[Context], Context] = lambda context: context) -> Asked:
    """All chunks of the clean pass over a set; its value is True where every one is there."""

    def question(context: Context, start: int, stop: int) -> object:
        return shard_of(images(context), start, stop)

    parts = [
        asking.ask(partial(question, start=start, stop=stop), "audited", (ONE, NOTHING))
        for start, stop in spans(images(asking.context))
    ]
    found = [part for part in parts if part is not None]
    n_images = len(images(asking.context).index)
    return Asked(
        title="Clean pass: scores and concept examples",
        stage="clean-pass",
        model="audited",
        items=exactly(n_images),
        n_stored=sum(part.n_stored for part in found),
        forward=exactly(n_images),
        value=all(part.value is not None for part in found) or None,
    )


def regions(asking: Asking) -> Iterator[Asked]:
    """Where the model looks, for artefacts that must not lie there."""
    context = asking.context
    rows = region_rows(context, that_ask(context))
    if rows and context.no_inside is None:
        found = asking.ask(lambda context: region_maps(context, rows), "audited", (ONE, ONE))
        if found is not None:
            yield found


def artefact_tests(asking: Asking, sources: Mapping[str, ArtefactSource]) -> Iterator[Asked]:
    """Every artefact put into clean images, with its sham."""
    for name, artefact in asking.context.spec.artefacts.items():
        if name in sources:
            found = asking.ask(
                partial(artefact_trials, sources={name: sources[name]}),
                behaving(asking.context),
                (_with_sham([sources[name]]), NOTHING),
            )
            if found is not None:
                yield found
        elif artefact.kind == "transplant" and asking.context.no_inside is None:
            yield _transplant(asking.context, name)


def _with_sham(sources: list[ArtefactSource]) -> Span:
    return TWO if all(source.artefact.sham != "none" for source in sources) else ONE


def _transplant(context: Context, name: str) -> Asked:
    """Counted from the images alone: whether it can be made, and of what, the run finds out."""
    artefact = context.spec.artefacts[name]
    n_trials = len(trial_rows(context, artefact)) * context.spec.challenge.instances_per_image
    each = 1 if artefact.sham == "none" else 2
    return Asked(
        title=f"Artefact test: {name}",
        stage="artefact-trials",
        model=behaving(context),
        items=Span(low=0, high=n_trials),
        n_stored=0,
        forward=Span(low=0, high=n_trials * each),
        note=BY_MODEL,
    )


def dose_tests(asking: Asking, sources: Mapping[str, ArtefactSource]) -> Iterator[Asked]:
    """Every level of every dose."""
    for name, source in sources.items():
        dose = asking.context.spec.artefacts[name].dose
        for dimension, levels in (dose.levels() if dose is not None else {}).items():
            for level in levels:
                found = asking.ask(
                    partial(dose_level, name=name, source=source, dimension=dimension, level=level),
                    behaving(asking.context),
                    (_with_sham([source]), NOTHING),
                )
                if found is not None:
                    yield found


def combination_tests(asking: Asking, sources: Mapping[str, ArtefactSource]) -> Iterator[Asked]:
    """Artefacts together, and each alone on the same images."""
    if asking.context.spec.challenge.combinations is None:
        return
    _, rows, single = planned_rows(asking.context, sources)
    for members, chosen in (single | rows).items():
        if not chosen:
            continue
        found = asking.ask(
            partial(combined_trials, sources=sources, names=members, rows=chosen),
            behaving(asking.context),
            (_with_sham([sources[name] for name in members]), NOTHING),
        )
        if found is not None:
            yield found


def removal_tests(asking: Asking) -> Iterator[Asked]:
    """Artefacts taken out of the images that have them."""
    for name, masks in mask_files(asking.context).items():
        artefact = asking.context.spec.artefacts[name]
        found = asking.ask(
            partial(removal_of, name=name, artefact=artefact, masks=masks),
            behaving(asking.context),
            (Span(low=0, high=2), NOTHING),
            note="images whose mask cannot be used take no pass",
        )
        if found is not None:
            yield found


def erased_lesions(asking: Asking) -> Iterator[Asked]:
    """The positive control."""
    found = asking.ask(erasures, behaving(asking.context), (ONE, NOTHING))
    if found is not None:
        yield found


def spurious_only(asking: Asking, sources: Mapping[str, ArtefactSource]) -> Iterator[Asked]:
    """Images with spurious features only."""
    context = asking.context
    asked, model = context.spec.challenge.separability, behaving(context)
    three = (Span(low=2, high=3), NOTHING)
    if asked.combined:
        named = context.spec.artefacts if asked.combined == "all" else dict.fromkeys(asked.combined)
        kinds: dict[str, str] = {name: context.spec.artefacts[name].kind for name in named if name in sources}
        together = {name: sources[name] for name in laying_order(kinds)}
        yield from _some(asking.ask(partial(combined_images, sources=together), model, three))
    for name, source in sources.items() if asked.backgrounds else ():
        ask = partial(background_images, name=name, source=source)
        yield from _some(asking.ask(ask, model, (Span(low=0, high=3), NOTHING)))
    for name, folder in spurious_folders(context).items():
        yield from _some(asking.ask(partial(folder_images, name=name, folder=folder), model, (ONE, NOTHING)))


def _some(found: Asked | None) -> Iterator[Asked]:
    if found is not None:
        yield found


def stored_trials(asking: Asking, sources: Mapping[str, ArtefactSource]) -> dict[str, object]:
    """Trials that are in the store, by artefact."""
    found: dict[str, object] = {}
    for name, source in sources.items():
        with suppress(NotStoredError):
            found |= artefact_trials(asking.context, {name: source})[0]
    return found
