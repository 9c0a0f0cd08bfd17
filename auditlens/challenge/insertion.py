"""Artefacts and their shams go into clean images, and the model's answers come out (definition 9; F.2.3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditlens.challenge.asking import (
    Answers,
    Model,
    Observe,
    Ready,
    Show,
    ask,
    in_groups,
    measures_of,
    rendered_ahead,
)
from auditlens.challenge.rendering import ArtefactSource
from auditlens.challenge.trials import Picture, Trial, picture, plan_trials
from auditlens.data.sample import DataIndex
from auditlens.stages.evidence import ArtefactTrials, Floats

Progress = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Observed:
    """What `observe` returned for the images of the trials, in their order.

    Attributes
    ----------
    inserted, sham : Floats, (trials, ...)
        NaN rows for a sham that was switched off.
    """

    inserted: Floats
    sham: Floats


def insert(
    subject: Model,
    index: DataIndex,
    artefact_name: str,
    source: ArtefactSource,
    rows: Sequence[int],
    *,
    seed: int,
    repeats: int = 1,
    batch_size: int = 32,
    progress: Progress | None = None,
    observe: Observe | None = None,
) -> tuple[ArtefactTrials, Observed | None]:
    """Put an artefact into images and ask the model, with the artefact and with its sham.

    Parameters
    ----------
    subject : Model
    index : DataIndex
    artefact_name : str
    source : ArtefactSource
    rows : sequence of int
        Images, as `choose_rows` gives them.
    seed : int
    repeats : int
        Instances per image.
    batch_size : int
        Most inputs per forward pass.
    progress : callable, optional
        Called with the number of trials done since the last call.
    observe : callable, optional
        Called with each batch right after its forward pass, under `torch.inference_mode`; returns one row per input,
        such as pooled activations that a hook has just recorded.

    Returns
    -------
    ArtefactTrials, Observed or None
        One row per trial, in the order of `plan_trials`.
    """
    trials = plan_trials(index, artefact_name, source, rows, seed=seed, repeats=repeats)
    return insert_chunk(
        subject,
        index,
        artefact_name,
        source,
        trials,
        seed=seed,
        batch_size=batch_size,
        progress=progress,
        observe=observe,
    )


def insert_chunk(
    subject: Model,
    index: DataIndex,
    artefact_name: str,
    source: ArtefactSource,
    trials: Sequence[Trial],
    *,
    seed: int,
    batch_size: int = 32,
    progress: Progress | None = None,
    observe: Observe | None = None,
    show: Show | None = None,
) -> tuple[ArtefactTrials, Observed | None]:
    """Run some of the trials of `plan_trials`; a pure function of them, so that chunks can be stored and joined.

    Parameters and returns are those of `insert`; `show` renders a trial in place of `picture`.
    """
    shown = show or partial(_picture, index, artefact_name, source, seed)
    width = max(batch_size // 2, 1) if source.artefact.sham != "none" else batch_size
    ready: list[Ready] = []
    inserted: list[Answers] = []
    sham: list[Answers] = []
    for group in in_groups(rendered_ahead(subject, shown, trials, 2 * width), width):
        answers = ask(subject, group, observe)
        inserted.append(answers[0])
        sham.append(answers[1])
        ready += [measures_of(one) for one in group]
        if progress is not None:
            progress(len(group))
    n_classes = len(subject.classes)
    return (
        _as_trials(artefact_name, source, trials, ready, inserted, sham, n_classes),
        _as_observed(inserted, sham) if observe is not None and trials else None,
    )


def join(chunks: Sequence[ArtefactTrials]) -> ArtefactTrials:
    """Join the chunks of one artefact, in their order.

    Raises
    ------
    ValueError
        When there is no chunk.
    """
    if not chunks:
        raise ValueError("no chunks to join")

    def stacked(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(chunk, name) for chunk in chunks])

    return ArtefactTrials(
        artefact=chunks[0].artefact,
        image_indices=stacked("image_indices"),
        instances=stacked("instances"),
        instance_names=chunks[0].instance_names,
        logits=stacked("logits"),
        sham_logits=stacked("sham_logits"),
        probabilities=stacked("probabilities"),
        sham_probabilities=stacked("sham_probabilities"),
        area=stacked("area"),
        energy_ratio=stacked("energy_ratio"),
        boxes=stacked("boxes"),
    )


def join_observed(chunks: Sequence[Observed]) -> Observed:
    """Join what was observed in the chunks of one artefact."""
    return Observed(
        np.concatenate([chunk.inserted for chunk in chunks]), np.concatenate([chunk.sham for chunk in chunks])
    )


def _picture(index: DataIndex, artefact_name: str, source: ArtefactSource, seed: int, trial: Trial) -> Picture:
    return picture(index, artefact_name, source, trial, seed)


def _as_trials(
    name: str,
    source: ArtefactSource,
    trials: Sequence[Trial],
    ready: Sequence[Ready],
    inserted: Sequence[Answers],
    sham: Sequence[Answers],
    n_classes: int,
) -> ArtefactTrials:
    none = np.empty((0, n_classes), dtype=np.float32)
    return ArtefactTrials(
        artefact=name,
        image_indices=np.array([trial.row for trial in trials], dtype=np.int64),
        instances=np.array([trial.instance for trial in trials], dtype=np.int64),
        instance_names=source.names,
        logits=np.concatenate([none, *(answers.logits for answers in inserted)]),
        sham_logits=np.concatenate([none, *(answers.logits for answers in sham)]),
        probabilities=np.concatenate([none, *(answers.probabilities for answers in inserted)]),
        sham_probabilities=np.concatenate([none, *(answers.probabilities for answers in sham)]),
        area=np.array([one.area for one in ready], dtype=np.float64),
        energy_ratio=np.array([one.energy_ratio for one in ready], dtype=np.float64),
        boxes=np.array([one.box for one in ready], dtype=np.int64).reshape(-1, 4),
    )


def _as_observed(inserted: Sequence[Answers], sham: Sequence[Answers]) -> Observed:
    def rows(answers: Sequence[Answers]) -> Floats:
        return np.concatenate([one.observed for one in answers if one.observed is not None])

    return Observed(rows(inserted), rows(sham))
