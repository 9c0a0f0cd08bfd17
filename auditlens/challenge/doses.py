"""An artefact at one level of a dose: the same source with one thing fixed, or laid several times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from auditlens.challenge.rendering import ArtefactSource, Image8, Mask, Rendering
from auditlens.errors import ArtefactError
from auditlens.spec.artefacts import ArtefactBase
from auditlens.spec.doses import Dimension


@dataclass(frozen=True, slots=True)
class RepeatedSource:
    """Several copies of an artefact in one image, each a further instance at a place of its own.

    The first copy is the one of the test with a single copy, and fewer copies are the first of more. Copies may
    overlap.
    """

    inner: ArtefactSource
    n_copies: int

    @property
    def artefact(self) -> ArtefactBase:
        """What the spec says of it."""
        return self.inner.artefact

    @property
    def n_instances(self) -> int:
        """How many different ones there are to begin with."""
        return self.inner.n_instances

    @property
    def names(self) -> tuple[str, ...]:
        """Of the first copy."""
        return self.inner.names

    def render(self, image: Image8, instance: int, rng: np.random.Generator, avoid_mask: Mask | None) -> Rendering:
        """Lay the copies one after another; those after the first draw from streams that are spawned from `rng`."""
        after, bare = image, np.ones(image.shape[:2], dtype=np.float32)
        for number, own in enumerate([rng, *rng.spawn(self.n_copies - 1)]):
            found = self.inner.render(after, (instance + number) % self.n_instances, own, avoid_mask)
            after, bare = found.inserted, bare * (1.0 - found.alpha)
        return Rendering(after, 1.0 - bare, found.full_field, found.of_detail)


def demand_doses(source: ArtefactSource) -> None:
    """Refuse a dose that a source would not follow, which the spec alone cannot know.

    Raises
    ------
    ArtefactError
        For sizes of a Python function without a parameter `scale`.
    """
    dose = source.artefact.dose
    if dose is not None and dose.scale is not None and not getattr(source, "takes_scale", True):
        raise ArtefactError(
            "dose.scale: the function has no parameter `scale`, so all sizes would be the same",
            hint="give the function a parameter `scale`, or leave `scale` out of the dose",
        )


def dosed(source: Any, dimension: Dimension, level: float) -> ArtefactSource:
    """Give the source of one level; rendered with the same stream, only the dose differs.

    Parameters
    ----------
    source : ArtefactSource
        A frozen dataclass; for `position` one that has a field of that name.
    dimension : {"scale", "opacity", "count", "position"}
    level : float
        A size factor or an opacity in place of the drawn one, a number of copies, or how far in (0 to 1).

    Returns
    -------
    ArtefactSource
    """
    if dimension == "count":
        return RepeatedSource(source, int(level))
    changes: dict[str, Any] = {"position": float(level)}
    if dimension != "position":
        changes = {"artefact": source.artefact.model_copy(update={dimension: (level, level)})}
    found: ArtefactSource = replace(source, **changes)
    return found
