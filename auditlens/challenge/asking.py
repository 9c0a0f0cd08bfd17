"""Rendered pairs of images wait for the model, and it is asked about the artefact and its sham in one batch."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from auditlens.challenge.rendering import Box, Image8, bounding_box, changed
from auditlens.challenge.trials import Picture, Trial
from auditlens.errors import ModelError
from auditlens.spec.model import Output
from auditlens.stages.evidence import Floats
from auditlens.subject.outputs import to_probabilities

N_RENDERERS = 2
"""Threads that render ahead of the model."""

Observe = Callable[[Tensor], NDArray[np.floating]]
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
class Ready:
    """One trial rendered and prepared; the sham is None where it is switched off."""

    inserted: Tensor
    sham: Tensor | None
    area: float
    energy_ratio: float
    box: Box


@dataclass(frozen=True, slots=True)
class Answers:
    """What the model said of a list of inputs."""

    logits: Floats
    probabilities: Floats
    observed: Floats | None


def rendered_ahead(subject: Model, show: Show, trials: Sequence[Trial], ahead: int) -> Iterator[Ready]:
    """Render in threads, at most `ahead` trials before the model needs them, and hand over in order."""

    def ready(trial: Trial) -> Ready:
        return _ready(subject, show(trial))

    with ThreadPoolExecutor(N_RENDERERS) as pool:
        pending: deque[Future[Ready]] = deque()
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


def _ready(subject: Model, shown: Picture) -> Ready:
    touched = changed(shown.before, shown.rendering.inserted)
    return Ready(
        inserted=_prepared(subject, shown.rendering.inserted),
        sham=_prepared(subject, shown.sham.image) if shown.sham is not None else None,
        area=float(touched.mean()),
        energy_ratio=shown.sham.energy_ratio if shown.sham is not None else float("nan"),
        box=bounding_box(touched),
    )


def _prepared(subject: Model, image: Image8) -> Tensor:
    with torch.inference_mode():
        return subject.prepare(image)


def in_groups(ready: Iterator[Ready], width: int) -> Iterator[list[Ready]]:
    """Hand trials over `width` at a time; the last group may be smaller."""
    group: list[Ready] = []
    for one in ready:
        group.append(one)
        if len(group) == width:
            yield group
            group = []
    if group:
        yield group


def ask(subject: Model, group: Sequence[Ready], observe: Observe | None) -> tuple[Answers, Answers]:
    """Run the inserted images and their shams as one batch."""
    shams = [one.sham for one in group if one.sham is not None]
    answers = _forward(subject, torch.stack([one.inserted for one in group] + shams), observe)
    n = len(group)
    return _cut(answers, slice(n)), _cut(answers, slice(n, None)) if shams else _absent(answers, n)


def _forward(subject: Model, batch: Tensor, observe: Observe | None) -> Answers:
    with torch.inference_mode():
        logits = subject.logits(batch)
        if not bool(logits.isfinite().all()):
            raise ModelError("the model gives values that are not finite for an image with an artefact or its sham")
        observed = observe(batch) if observe is not None else None
    return Answers(logits.cpu().numpy(), to_probabilities(logits, subject.output).cpu().numpy(), observed)


def _cut(answers: Answers, part: slice) -> Answers:
    observed = answers.observed[part] if answers.observed is not None else None
    return Answers(answers.logits[part], answers.probabilities[part], observed)


def _absent(answers: Answers, n: int) -> Answers:
    """NaN rows in place of shams."""

    def missing(like: Floats) -> Floats:
        return np.full((n, *like.shape[1:]), np.nan, dtype=like.dtype)

    observed = missing(answers.observed) if answers.observed is not None else None
    return Answers(missing(answers.logits), missing(answers.probabilities), observed)


def measures_of(one: Ready) -> Ready:
    """Forget the tensors, keep the measures."""
    empty = torch.empty(0)
    return Ready(empty, None, one.area, one.energy_ratio, one.box)
