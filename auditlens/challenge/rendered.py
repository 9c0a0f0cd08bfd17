"""Artefacts that the tool draws itself: a fixed set of designs from the seed, drawn anew into each image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from auditlens.challenge import (
    band_aids,
    dark_corners,
    frames,
    gels,
    hairs,
    inks,
    inscriptions,
    logos,
    reflections,
    rulers,
    tubes,
)
from auditlens.challenge.draws import between, drawn_designs
from auditlens.challenge.placement import Room
from auditlens.challenge.rendering import Image8, Layer, Mask, Rendering, as_grey, compose, is_grey
from auditlens.spec.artefacts import Drawn

Design = Callable[[np.random.Generator, Any], Any]
Draw = Callable[[Any, Room, np.random.Generator], Sequence[Layer]]


@dataclass(frozen=True, slots=True)
class Family:
    """How one kind is drawn: a design from a generator and the spec's parameters, and layers from a design."""

    design: Design
    draw: Draw


def _plain(design: Callable[[np.random.Generator], Any]) -> Design:
    """Turn a design without parameters of its own into one that is handed the spec."""
    return lambda rng, artefact: design(rng)


_WRITING = Family(inscriptions.design, inscriptions.draw)

FAMILIES: dict[str, Family] = {
    "ruler": Family(_plain(rulers.design), rulers.draw),
    "band_aid": Family(_plain(band_aids.design), band_aids.draw),
    "hair": Family(_plain(hairs.design), hairs.draw),
    "ink": Family(_plain(inks.design), inks.draw),
    "dark_corner": Family(_plain(dark_corners.design), dark_corners.draw),
    "gel_bubble": Family(gels.design_bubbles, gels.draw_bubbles),
    "gel_border": Family(_plain(gels.design_border), gels.draw_border),
    "reflection": Family(reflections.design, reflections.draw),
    "tube": Family(tubes.design, tubes.draw),
    "collimator": Family(frames.design_collimator, frames.draw_collimator),
    "frame": Family(frames.design_frame, frames.draw_frame),
    "logo": Family(_plain(logos.design), logos.draw),
    "text": _WRITING,
    "watermark": _WRITING,
    "timestamp": _WRITING,
    "side_marker": _WRITING,
}


@dataclass(frozen=True, slots=True)
class RenderedSource:
    """Drawn variants of one kind; what an instance fixes is its design, not its place."""

    artefact: Drawn
    designs: tuple[Any, ...]
    position: float | None = None
    """How far in it lies, as a dose says; None: as the placement of the spec says."""

    @property
    def n_instances(self) -> int:
        """Number of designs."""
        return len(self.designs)

    @property
    def names(self) -> tuple[str, ...]:
        """Such as `ruler 3`."""
        return tuple(f"{self.artefact.kind} {number}" for number in range(1, self.n_instances + 1))

    def render(self, image: Image8, instance: int, rng: np.random.Generator, avoid_mask: Mask | None) -> Rendering:
        """Draw one design into the image; into a grey image, in grey."""
        artefact = self.artefact
        height, width = image.shape[:2]
        placement = artefact.placement if self.position is None else self.position
        room = Room(height, width, placement, avoid_mask, between(rng, artefact.scale))
        layers = FAMILIES[artefact.kind].draw(self.designs[instance], room, rng)
        rendering = compose(image, layers, between(rng, artefact.opacity))
        return Rendering(as_grey(rendering.inserted), rendering.alpha) if is_grey(image) else rendering


def load_rendered(artefact: Drawn, base: Path, seed: int) -> RenderedSource:
    """Draw the designs of a kind from the seed.

    Parameters
    ----------
    artefact : Drawn
    base : Path
        Not used: nothing is read.
    seed : int

    Returns
    -------
    RenderedSource
        With `n_instances` designs; the first n are the same for every larger number.
    """
    return RenderedSource(artefact, drawn_designs(artefact, seed, FAMILIES[artefact.kind].design))
