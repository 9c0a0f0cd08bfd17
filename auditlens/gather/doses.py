"""Dose and response: the trials of an artefact test again, at every level that the spec names, in stored chunks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from auditlens.challenge.doses import dosed
from auditlens.challenge.insertion import insert_chunk
from auditlens.challenge.rendering import ArtefactSource
from auditlens.challenge.trials import Trial, choose_rows, plan_trials
from auditlens.gather.context import Context
from auditlens.gather.trials import ARRAYS, described, pictures_digest, trial_rows
from auditlens.spec.doses import Dimension
from auditlens.stages.doses import DoseTrials
from auditlens.stages.evidence import ArtefactTrials


def doses(
    context: Context, sources: Mapping[str, ArtefactSource], tested: Mapping[str, ArtefactTrials]
) -> tuple[DoseTrials, ...]:
    """Run every level of every dose of the tested artefacts; nothing where the spec names none.

    All levels of a dimension use the first `challenge.dose_images` images per class of the artefact test, with the
    instance and the stream of the test, so that only the dose differs.
    """
    return tuple(
        DoseTrials(
            artefact=name,
            dimension=dimension,
            levels=levels,
            trials=tuple(dose_level(context, name, sources[name], dimension, level) for level in levels),
        )
        for name in tested
        if (dose := context.spec.artefacts[name].dose) is not None
        for dimension, levels in dose.levels().items()
    )


def dose_trials(context: Context, name: str, source: ArtefactSource) -> tuple[Trial, ...]:
    """First repetition of the artefact test on the first images of each class."""
    challenge, rows = context.spec.challenge, trial_rows(context, context.spec.artefacts[name])
    planned = plan_trials(
        context.index, name, source, rows, seed=context.spec.seed, repeats=challenge.instances_per_image
    )
    kept = set(choose_rows(rows, context.samples.labels.tolist(), challenge.dose_images, context.index.digests))
    return tuple(trial for trial in planned if trial.row in kept and trial.repetition == 0)


def dose_level(
    context: Context, name: str, source: ArtefactSource, dimension: Dimension, level: float
) -> ArtefactTrials:
    """Run the trials of one level of one dimension."""
    trials, at_level = dose_trials(context, name, source), dosed(source, dimension, level)
    context.progress.stage(f"Dose: {name}, {dimension} {level:g}", len(trials))
    key = context.behaviour_key(
        artefact=name,
        described=described(context.spec.artefacts[name]),
        pictures=pictures_digest(context, name),
        dose=[dimension, level],
        trials=[[trial.row, trial.repetition, trial.instance] for trial in trials],
    )
    compute = _running(context, name, at_level, trials)
    arrays = context.store.chunked("dose-trials", key, len(trials), context.chunk_size, compute, context.told())
    context.progress.done()
    return ArtefactTrials(artefact=name, instance_names=source.names, **arrays)


def _running(
    context: Context, name: str, source: ArtefactSource, trials: Sequence[Trial]
) -> Callable[[int, int], dict[str, np.ndarray]]:
    def compute(start: int, stop: int) -> dict[str, np.ndarray]:
        found, _ = insert_chunk(
            context.behaving,
            context.index,
            name,
            source,
            trials[start:stop],
            seed=context.spec.seed,
            batch_size=context.batch_size,
        )
        return {field: getattr(found, field) for field in ARRAYS}

    return compute
