"""Artefacts that the tool draws itself: a fixed set of designs from the seed, drawn anew into each image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from auditlens.challenge import band_aids, dark_corners, hairs, inks, rulers
from auditlens.challenge.draws import between, stream
from auditlens.challenge.placement import Room
from auditlens.challenge.rendering import Image8, Layer, Mask, Rendering, compose
from auditlens.spec.artefacts import Rendered

Draw = Callable[[Any, Room, np.random.Generator], Sequence[Layer]]


@dataclass(frozen=True, slots=True)
class Family:
    """How one kind is drawn: a design from a generator, and layers from a design."""

    design: Callable[[np.random.Generator], Any]
    draw: Draw


FAMILIES: dict[str, Family] = {
    "ruler": Family(rulers.design, rulers.draw),
    "band_aid": Family(band_aids.design, band_aids.draw),
    "hair": Family(hairs.design, hairs.draw),
    "ink": Family(inks.design, inks.draw),
    "dark_corner": Family(dark_corners.design, dark_corners.draw),
}


@dataclass(frozen=True, slots=True)
class RenderedSource:
    """Drawn variants of one kind; what an instance fixes is its design, not its place."""

    artefact: Rendered
    designs: tuple[Any, ...]

    @property
    def n_instances(self) -> int:
        """Number of designs."""
        return len(self.designs)

    @property
    def names(self) -> tuple[str, ...]:
        """Such as `ruler 3`."""
        return tuple(f"{self.artefact.kind} {number}" for number in range(1, self.n_instances + 1))

    def render(self, image: Image8, instance: int, rng: np.random.Generator, avoid_mask: Mask | None) -> Rendering:
        """Draw one design into the image."""
        artefact = self.artefact
        height, width = image.shape[:2]
        room = Room(height, width, artefact.placement, avoid_mask, between(rng, artefact.scale))
        layers = FAMILIES[artefact.kind].draw(self.designs[instance], room, rng)
        return compose(image, layers, between(rng, artefact.opacity))


def load_rendered(artefact: Rendered, base: Path, seed: int) -> RenderedSource:
    """Draw the designs of a kind from the seed.

    Parameters
    ----------
    artefact : Rendered
    base : Path
        Not used: nothing is read.
    seed : int

    Returns
    -------
    RenderedSource
        With `n_instances` designs; the first n are the same for every larger number.
    """
    design = FAMILIES[artefact.kind].design
    return RenderedSource(
        artefact, tuple(design(stream("design", artefact.kind, number, seed)) for number in range(artefact.n_instances))
    )
