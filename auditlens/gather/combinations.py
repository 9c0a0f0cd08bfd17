"""Combinations of artefacts: pairs and all together, and each alone on the same images, in stored chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain

import numpy as np

from auditlens.challenge.combinations import (
    Member,
    combined_picture,
    instances_in_test,
    laying_order,
    planned_combinations,
)
from auditlens.challenge.insertion import insert_chunk
from auditlens.challenge.rendering import ArtefactSource
from auditlens.challenge.trials import Picture, Trial, choose_rows
from auditlens.gather.context import Context
from auditlens.gather.trials import ARRAYS, described, eligible_images, pictures_digest, trial_rows
from auditlens.stages.combinations import CombinationEvidence, CombinationTrials
from auditlens.stages.evidence import ArtefactTrials, Skipped

Members = tuple[str, ...]
"""Artefacts of a combination, in the order in which they are laid."""


def combinations(
    context: Context, sources: Mapping[str, ArtefactSource]
) -> tuple[CombinationEvidence | None, list[Skipped]]:
    """Run what `challenge.combinations` asks for; None where it asks for nothing.

    A combination uses images that are clean of all its artefacts; each artefact alone is run on the images of all
    combinations that it is part of.
    """
    wanted = context.spec.challenge.combinations
    if wanted is None:
        return None, []
    planned, rows, single = planned_rows(context, sources)
    trials = {
        members: combined_trials(context, sources, members, chosen)
        for members, chosen in (single | rows).items()
        if chosen
    }
    skipped = [_skipped(members, sources) for members in planned if not rows[members]]
    return CombinationEvidence(planned, trials), skipped


def planned_rows(
    context: Context, sources: Mapping[str, ArtefactSource]
) -> tuple[tuple[Members, ...], dict[Members, tuple[int, ...]], dict[Members, tuple[int, ...]]]:
    """Combinations that the spec asks for, the images of each, and the images of each of their artefacts alone."""
    wanted = context.spec.challenge.combinations
    assert wanted is not None  # only asked where there are combinations
    planned = planned_combinations(combined_names(context), pairs=wanted.pairs, all_together=wanted.all_together)
    rows = {members: combination_rows(context, members) if set(members) <= set(sources) else () for members in planned}
    single: dict[Members, tuple[int, ...]] = {
        (name,): tuple(sorted(set(chain.from_iterable(rows[members] for members in planned if name in members))))
        for name in dict.fromkeys(chain.from_iterable(planned))
    }
    return planned, rows, single


def combined_names(context: Context) -> tuple[str, ...]:
    """Artefacts to combine, in the order in which they are laid."""
    wanted, artefacts = context.spec.challenge.combinations, context.spec.artefacts
    assert wanted is not None  # only asked where there are combinations
    chosen = artefacts if wanted.artefacts == "all" else [name for name in artefacts if name in wanted.artefacts]
    return laying_order({name: artefacts[name].kind for name in chosen})


def combination_rows(context: Context, members: Sequence[str]) -> tuple[int, ...]:
    """Images that are clean of all artefacts of a combination, at most so many per class, drawn by image hash."""
    wanted = context.spec.challenge.combinations
    assert wanted is not None  # only asked where there are combinations
    clean = [set(eligible_images(context, context.spec.artefacts[name]).rows) for name in members]
    rows = sorted(set.intersection(*clean))
    return choose_rows(rows, context.samples.labels.tolist(), wanted.images, context.index.digests)


def members_of(
    context: Context, sources: Mapping[str, ArtefactSource], names: Sequence[str], rows: Sequence[int]
) -> tuple[Member, ...]:
    """Each artefact of a combination with its instance in every image."""
    seed, repeats = context.spec.seed, context.spec.challenge.instances_per_image
    return tuple(
        Member(
            name,
            sources[name],
            instances_in_test(
                context.index,
                name,
                sources[name],
                trial_rows(context, context.spec.artefacts[name]),
                rows,
                seed,
                repeats,
            ),
        )
        for name in names
    )


def combined_trials(
    context: Context, sources: Mapping[str, ArtefactSource], names: tuple[str, ...], rows: tuple[int, ...]
) -> CombinationTrials:
    """Run one combination, or one artefact alone, on some images."""
    title = " + ".join(names)
    members = members_of(context, sources, names, rows)
    instances = np.array([[member.instances[row] for member in members] for row in rows], dtype=np.int64)
    fewest = min(range(len(names)), key=lambda place: len(np.unique(instances[:, place])))
    planned = [Trial(row, 0, int(instances[place, fewest])) for place, row in enumerate(rows)]
    context.progress.stage(f"Combination: {title}" if len(names) > 1 else f"Combination: {title} alone", len(rows))

    def compute(start: int, stop: int) -> dict[str, np.ndarray]:
        found, _ = insert_chunk(
            context.behaving,
            context.index,
            title,
            sources[_without_sham_first(names, sources)],
            planned[start:stop],
            seed=context.spec.seed,
            batch_size=context.batch_size,
            show=partial(_shown, context, members),
        )
        return {field: getattr(found, field) for field in ARRAYS}

    key = context.behaviour_key(
        combination=list(names),
        described=[described(context.spec.artefacts[name]) for name in names],
        pictures=[pictures_digest(context, name) for name in names],
        trials=[list(rows), instances.tolist()],
    )
    arrays = context.store.chunked("combinations", key, len(rows), context.chunk_size, compute, context.told())
    context.progress.done()
    found = ArtefactTrials(artefact=title, instance_names=sources[names[fewest]].names, **arrays)
    return CombinationTrials(names, found, instances)


def _without_sham_first(names: Sequence[str], sources: Mapping[str, ArtefactSource]) -> str:
    """An artefact that has no sham, if any: then the combination has none either."""
    return min(names, key=lambda name: sources[name].artefact.sham != "none")


def _shown(context: Context, members: Sequence[Member], trial: Trial) -> Picture:
    return combined_picture(context.index, members, trial, context.spec.seed)


def _skipped(members: Sequence[str], sources: Mapping[str, ArtefactSource]) -> Skipped:
    what, absent = f"combination {' + '.join(members)}", [name for name in members if name not in sources]
    if absent:  # a transplant that could not be made; its own entry says why
        return Skipped(what, f"{' and '.join(absent)} could not be made", "see what is said of the artefact itself")
    return Skipped(
        what=what,
        why="no image is clean of all of them",
        remedy="add images without these artefacts, or leave one out of challenge.combinations",
    )
