"""Artefacts and their shams go into clean images, and the model's answers come out (definition 9; F.2.3)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from auditlens.challenge.rendering import ArtefactSource, Box, Image8, bounding_box, changed
from auditlens.challenge.trials import Picture, Trial, picture, plan_trials
from auditlens.data.sample import DataIndex
from auditlens.errors import ModelError
from auditlens.spec.model import Output
from auditlens.stages.evidence import ArtefactTrials, Floats
from auditlens.subject.outputs import to_probabilities

N_RENDERERS = 2
"""Threads that render ahead of the model."""

Observe = Callable[[Tensor], NDArray[np.floating]]
Progress = Callable[[int], object]
Show = Callable[[Trial], Picture]


class Model(Protocol):
    """What is needed of the audited model."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the outputs."""
        ...

    @property
    def prepare(self) -> Callable[[Any], Tensor]:
        """Pixels, uint8 (height, width, 3), to the model's input."""
        ...

    def logits(self, batch: Tensor) -> Tensor:
        """Log-odds scale, (batch, classes)."""
        ...

    @property
    def output(self) -> Output:
        """What the model returns."""
        ...


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


@dataclass(frozen=True, slots=True)
class _Ready:
    """One trial rendered and prepared; the sham is None where it is switched off."""

    inserted: Tensor
    sham: Tensor | None
    area: float
    energy_ratio: float
    box: Box


@dataclass(frozen=True, slots=True)
class _Answers:
    """What the model said of a list of inputs."""

    logits: Floats
    probabilities: Floats
    observed: Floats | None


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
    ready: list[_Ready] = []
    inserted: list[_Answers] = []
    sham: list[_Answers] = []
    for group in _groups(_rendered(subject, shown, trials, 2 * width), width):
        answers = _ask(subject, group, observe)
        inserted.append(answers[0])
        sham.append(answers[1])
        ready += [_measured(one) for one in group]
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


def _rendered(subject: Model, show: Show, trials: Sequence[Trial], ahead: int) -> Iterator[_Ready]:
    """Render in threads, at most `ahead` trials before the model needs them, and hand over in order."""

    def ready(trial: Trial) -> _Ready:
        return _ready(subject, show(trial))

    with ThreadPoolExecutor(N_RENDERERS) as pool:
        pending: deque[Future[_Ready]] = deque()
        try:
            for trial in trials:
                pending.append(pool.submit(ready, trial))
                if len(pending) > ahead:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def _ready(subject: Model, shown: Picture) -> _Ready:
    touched = changed(shown.before, shown.rendering.inserted)
    return _Ready(
        inserted=_prepared(subject, shown.rendering.inserted),
        sham=_prepared(subject, shown.sham.image) if shown.sham is not None else None,
        area=float(touched.mean()),
        energy_ratio=shown.sham.energy_ratio if shown.sham is not None else float("nan"),
        box=bounding_box(touched),
    )


def _prepared(subject: Model, image: Image8) -> Tensor:
    with torch.inference_mode():
        return subject.prepare(image)


def _groups(ready: Iterator[_Ready], width: int) -> Iterator[list[_Ready]]:
    group: list[_Ready] = []
    for one in ready:
        group.append(one)
        if len(group) == width:
            yield group
            group = []
    if group:
        yield group


def _ask(subject: Model, group: Sequence[_Ready], observe: Observe | None) -> tuple[_Answers, _Answers]:
    """Run the inserted images and their shams as one batch."""
    shams = [one.sham for one in group if one.sham is not None]
    answers = _forward(subject, torch.stack([one.inserted for one in group] + shams), observe)
    n = len(group)
    return _cut(answers, slice(n)), _cut(answers, slice(n, None)) if shams else _absent(answers, n)


def _forward(subject: Model, batch: Tensor, observe: Observe | None) -> _Answers:
    with torch.inference_mode():
        logits = subject.logits(batch)
        if not bool(logits.isfinite().all()):
            raise ModelError("the model gives values that are not finite for an image with an artefact or its sham")
        observed = observe(batch) if observe is not None else None
    return _Answers(logits.cpu().numpy(), to_probabilities(logits, subject.output).cpu().numpy(), observed)


def _cut(answers: _Answers, part: slice) -> _Answers:
    observed = answers.observed[part] if answers.observed is not None else None
    return _Answers(answers.logits[part], answers.probabilities[part], observed)


def _absent(answers: _Answers, n: int) -> _Answers:
    """NaN rows in place of shams."""

    def missing(like: Floats) -> Floats:
        return np.full((n, *like.shape[1:]), np.nan, dtype=like.dtype)

    observed = missing(answers.observed) if answers.observed is not None else None
    return _Answers(missing(answers.logits), missing(answers.probabilities), observed)


def _measured(one: _Ready) -> _Ready:
    """Forget the tensors, keep the measures."""
    empty = torch.empty(0)
    return _Ready(empty, None, one.area, one.energy_ratio, one.box)


def _as_trials(
    name: str,
    source: ArtefactSource,
    trials: Sequence[Trial],
    ready: Sequence[_Ready],
    inserted: Sequence[_Answers],
    sham: Sequence[_Answers],
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


def _as_observed(inserted: Sequence[_Answers], sham: Sequence[_Answers]) -> Observed:
    def rows(answers: Sequence[_Answers]) -> Floats:
        return np.concatenate([one.observed for one in answers if one.observed is not None])

    return Observed(rows(inserted), rows(sham))
