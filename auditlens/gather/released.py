"""An audit of the file that ships: with its eager twin behind it, or of its behaviour alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NoReturn

import torch

from auditlens.errors import ModelError
from auditlens.examine.attribution.attributor import Attributor
from auditlens.examine.attribution.choice import choose
from auditlens.gather.context import Context
from auditlens.spec.model import Model
from auditlens.stages.evidence import INSIDE, Skipped
from auditlens.subject import Subject, load_subject
from auditlens.subject.released import ReleasedModel, load_released, opaque_subject

NO_TWIN: Final = Skipped(
    what=INSIDE,
    why="the spec names no architecture, so the released file has no eager twin to look into",
    remedy="add `model.architecture` and `model.weights` of the same network",
)


@dataclass(frozen=True, slots=True)
class Models:
    """What the spec's `model` describes, loaded.

    Attributes
    ----------
    subject : Subject
        The eager model; of a file alone one without layers.
    released : ReleasedModel or None
        The file that ships, on which behaviour is measured.
    no_inside : Skipped or None
        Why the inside cannot be looked at.
    """

    subject: Subject
    released: ReleasedModel | None
    no_inside: Skipped | None


def load_models(model: Model, base: Path, device: str) -> Models:
    """Load the eager model, the file that ships, or both.

    Raises
    ------
    ModelError, IntegrityError
        As `load_subject` and `load_released` do.
    """
    released = load_released(model, base, device) if model.released is not None else None
    if model.architecture is None and released is not None:
        return Models(opaque_subject(released), released, NO_TWIN)
    return Models(load_subject(model, base, device), released, None)


def without_inside(context: Context, why: str, remedy: str) -> Context:
    """Leave an eager twin aside that is not the released model: what follows finds no layer to examine."""
    assert context.released is not None  # only a released file has a twin
    subject = opaque_subject(context.released)
    return replace(
        context.without_examples(),
        subject=subject,
        model_key={**context.model_key, "subject": subject.digest},
        no_inside=Skipped(INSIDE, why, remedy),
    )


def outside_alone(context: Context) -> Context:
    """Leave the inside of the model aside, since nothing that runs reads it."""
    closed = context.no_inside or Skipped(
        "the inside of the model", "no gate that was selected reads it", "run all gates"
    )
    return replace(
        context.without_examples(),
        subject=replace(context.subject, layers=()),
        foundation=None,
        no_inside=closed,
        left_aside=context.layer_names(),
    )


@dataclass(frozen=True, slots=True)
class NothingInside:
    """The attributor of a model without layers: it is never asked, and refuses if it is."""

    why: str
    name: str = "none"

    def relevance(self, batch: torch.Tensor, class_index: int, layer: str) -> NoReturn:
        """Refuse."""
        raise ModelError(f"no relevance at {layer!r}: {self.why}")

    def heatmaps(self, batch: torch.Tensor, layer: str, components: torch.Tensor) -> NoReturn:
        """Refuse."""
        raise ModelError(f"no heatmaps at {layer!r}: {self.why}")


def attribution(context: Context) -> tuple[Attributor, str]:
    """Choose the attributor and say why; one that is never asked where there is no inside."""
    if context.no_inside is not None:
        return NothingInside(context.no_inside.why), context.no_inside.why
    return choose(context.subject, context.spec.examine.attributor)
