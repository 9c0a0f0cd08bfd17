"""Responses by component: the first trials of each artefact test again, with the inside of the model in view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from auditlens.challenge.asking import N_RENDERERS
from auditlens.challenge.rendering import ArtefactSource
from auditlens.challenge.trials import Trial, choose_rows, picture, plan_trials
from auditlens.data.loader import batches
from auditlens.examine.response import moved, paired_response, pooled
from auditlens.gather.context import Context
from auditlens.gather.trials import described, pictures_digest, trial_rows
from auditlens.stages.evidence import ArtefactTrials
from auditlens.stages.response import Responses

Inputs = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Clean, with the artefact, and the reference: the sham, or the clean image where there is none."""


def responses(
    context: Context,
    sources: Mapping[str, ArtefactSource],
    tested: Mapping[str, ArtefactTrials],
    classes: Sequence[str],
) -> dict[tuple[str, str], Responses]:
    """Measure what every tested artefact does to every component of the examined layers, by (artefact, layer).

    Nothing where `challenge.response_images` is 0 or no layer can be examined. The trials are those of the artefact
    test on the first so many images of each class, with the same pixels; the model is the eager one, whose inside is
    examined, also where behaviour was measured on a released file.
    """
    if not context.spec.challenge.response_images or not context.layer_names() or not tested:
        return {}
    usual = clean_activations(context)
    found: dict[tuple[str, str], Responses] = {}
    for name in tested:
        found |= artefact_responses(context, name, sources[name], classes, usual)
    return found


def clean_activations(context: Context) -> dict[str, np.ndarray]:
    """Pooled activations of images of the data as they are, layer to (images, components): what is usual."""
    rows = np.asarray(_first(context, range(len(context.index))))
    context.progress.stage("Usual activations of components", len(rows))
    layers = context.layer_names()

    def compute(start: int, stop: int) -> dict[str, np.ndarray]:
        parts = [
            pooled(context.subject, layers, inputs, context.spec.examine.pooling)
            for _, inputs in batches(context.index, rows[start:stop], context.subject.prepare, context.batch_size)
        ]
        return {f"layer{n}": np.concatenate([part[name] for part in parts]) for n, name in enumerate(layers)}

    key = context.key(rows=rows.tolist(), layers=list(layers), pool=context.spec.examine.pooling)
    arrays = context.store.chunked("usual", key, len(rows), context.chunk_size, compute, context.told())
    context.progress.done()
    return {name: arrays[f"layer{n}"] for n, name in enumerate(layers)}


def _first(context: Context, rows: Sequence[int]) -> tuple[int, ...]:
    """So many of these images per class, the ones that a smaller artefact test would take."""
    limit = context.spec.challenge.response_images
    return choose_rows(rows, context.samples.labels.tolist(), limit, context.index.digests)


def response_trials(context: Context, name: str, source: ArtefactSource) -> list[Trial]:
    """Trials of the artefact test on the first images of each class; places and instances are those of the test."""
    return first_trials(context, name, source, context.spec.challenge.response_images)


def first_trials(context: Context, name: str, source: ArtefactSource, limit: int) -> list[Trial]:
    """Trials of the artefact test on its first `limit` images of each class."""
    challenge, rows = context.spec.challenge, trial_rows(context, context.spec.artefacts[name])
    planned = plan_trials(
        context.index, name, source, rows, seed=context.spec.seed, repeats=challenge.instances_per_image
    )
    kept = set(choose_rows(rows, context.samples.labels.tolist(), limit, context.index.digests))
    return [trial for trial in planned if trial.row in kept]


def artefact_responses(
    context: Context, name: str, source: ArtefactSource, classes: Sequence[str], usual: Mapping[str, np.ndarray]
) -> dict[tuple[str, str], Responses]:
    """Responses to one artefact, by layer."""
    trials, layers, artefact = (
        response_trials(context, name, source),
        context.layer_names(),
        context.spec.artefacts[name],
    )
    context.progress.stage(f"Responses of components: {name}", len(trials))

    def compute(start: int, stop: int) -> dict[str, np.ndarray]:
        step = max(context.batch_size // 2, 1)
        parts = [
            _batch(context, name, source, trials[begin : min(begin + step, stop)], classes)
            for begin in range(start, stop, step)
        ]
        return {array: np.concatenate([part[array] for part in parts]) for array in parts[0]}

    key = context.key(
        artefact=name,
        described=described(artefact),
        pictures=pictures_digest(context, name),
        trials=[[trial.row, trial.repetition, trial.instance] for trial in trials],
        layers=list(layers),
        classes=list(classes),
        pool=context.spec.examine.pooling,
    )
    arrays = context.store.chunked("responses", key, len(trials), context.chunk_size, compute, context.told())
    context.progress.done()
    return {
        (name, layer): _as_responses(name, source, layer, trials, classes, _layer_arrays(arrays, n), usual[layer])
        for n, layer in enumerate(layers)
    }


def _batch(
    context: Context, name: str, source: ArtefactSource, trials: Sequence[Trial], classes: Sequence[str]
) -> dict[str, np.ndarray]:
    clean, inserted, reference = trial_inputs(context, name, source, trials)
    subject, layers, pooling = context.subject, context.layer_names(), context.spec.examine.pooling
    indices = [subject.classes.index(class_name) for class_name in classes]
    before = pooled(subject, layers, clean, pooling)
    found, change = moved(subject, layers, indices, inserted, reference, pooling)
    arrays = {"change": change}
    for n, layer in enumerate(layers):
        own = found[layer]
        arrays |= {f"clean{n}": before[layer], f"inserted{n}": own.inserted}
        arrays |= {f"reference{n}": own.reference, f"contributions{n}": own.contributions}
    return arrays


def trial_inputs(
    context: Context, name: str, source: ArtefactSource, trials: Sequence[Trial], *, with_sham: bool = True
) -> Inputs:
    """Render and prepare some trials, with the pixels of the artefact test; without a sham the reference is clean."""

    def ready(trial: Trial) -> Inputs:
        shown = picture(context.index, name, source, trial, context.spec.seed, with_sham=with_sham)
        with torch.no_grad():
            clean, inserted = context.subject.prepare(shown.before), context.subject.prepare(shown.rendering.inserted)
            return clean, inserted, clean if shown.sham is None else context.subject.prepare(shown.sham.image)

    with ThreadPoolExecutor(N_RENDERERS) as pool:
        made = list(pool.map(ready, trials))
    clean, inserted, reference = (torch.stack(column) for column in zip(*made, strict=True))
    return clean, inserted, reference


def _layer_arrays(arrays: Mapping[str, np.ndarray], n: int) -> dict[str, np.ndarray]:
    names = ("clean", "inserted", "reference", "contributions")
    return {"change": arrays["change"]} | {name: arrays[f"{name}{n}"] for name in names}


def _as_responses(
    name: str,
    source: ArtefactSource,
    layer: str,
    trials: Sequence[Trial],
    classes: Sequence[str],
    own: Mapping[str, np.ndarray],
    usual: np.ndarray,
) -> Responses:
    spread = spread_of(usual, own["clean"], own["inserted"], own["reference"])
    return Responses(
        artefact=name,
        layer=layer,
        image_indices=np.array([trial.row for trial in trials], dtype=np.int64),
        instances=np.array([trial.instance for trial in trials], dtype=np.int64),
        has_sham=source.artefact.sham != "none",
        response=_response(own["clean"], own["inserted"], own["reference"], spread),
        raw=_response(own["clean"], own["inserted"], None, spread),
        contributions={cls: own["contributions"][:, place] for place, cls in enumerate(classes)},
        change={cls: own["change"][:, place] for place, cls in enumerate(classes)},
    )


def _response(clean: np.ndarray, inserted: np.ndarray, sham: np.ndarray | None, spread: np.ndarray) -> np.ndarray:
    """Paired response; 0 for components that neither the data nor the artefact ever moves."""
    found: np.ndarray = np.where(spread > 0, paired_response(clean, inserted, sham, spread), 0.0)
    return found


def spread_of(usual: np.ndarray, *moved_to: np.ndarray) -> np.ndarray:
    """Standard deviation over the data, (components,); over the trials for components that are silent on the data.

    Parameters
    ----------
    usual : (images, components)
    *moved_to : (trials, components)
        Clean, with the artefact, with the sham.
    """
    own, among_trials = (rows.astype(np.float64).std(axis=0) for rows in (usual, np.concatenate(moved_to)))
    spread: np.ndarray = np.where(np.ptp(usual, axis=0) > 0, own, among_trials)
    return spread
