"""Drawn tubes and lines of X-ray images: catheters, drains and leads, brighter than what lies behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auditlens.challenge.placement import Room
from auditlens.challenge.rendering import Layer, Plane
from auditlens.challenge.strokes import Points, Sheet, bezier
from auditlens.spec.artefacts import Tube

N_TRIES = 24


@dataclass(frozen=True, slots=True)
class TubeDesign:
    """One set of tubes of a kind; lengths are shares of the image's shorter side."""

    n_tubes: int
    width: float
    hollow: bool
    """Two bright walls with a dim inside, instead of a solid line."""
    brightness: float
    """Grey levels added where the tube is densest."""
    reach: float
    """How far into the image a tube goes."""
    bend: float
    electrode: bool
    """A disc at the end, as of an ECG lead."""


def design(rng: np.random.Generator, artefact: Tube) -> TubeDesign:
    """Draw one set: hollow tubes, solid lines, or leads with an electrode."""
    low, high = artefact.n_tubes
    hollow = bool(rng.random() < 0.5)
    return TubeDesign(
        n_tubes=int(rng.integers(low, high + 1)),
        width=rng.uniform(0.018, 0.034) if hollow else rng.uniform(0.006, 0.014),
        hollow=hollow,
        brightness=rng.uniform(45, 100),
        reach=rng.uniform(0.45, 0.95),
        bend=rng.uniform(0.05, 0.3),
        electrode=bool(not hollow and rng.random() < 0.5),
    )


def draw(tubes: TubeDesign, room: Room, rng: np.random.Generator) -> tuple[Layer, ...]:
    """Lead tubes from the border into the image, around what is to be avoided as far as it goes.

    The placement of the spec has no say: every tube comes from outside. Brightness is added, as density is on film, so
    what lies behind stays visible and a grey image stays grey.

    Returns
    -------
    tuple of Layer
        One per tube.
    """
    return tuple(_tube(tubes, room, rng) for _ in range(tubes.n_tubes))


def _tube(tubes: TubeDesign, room: Room, rng: np.random.Generator) -> Layer:
    """The first of some paths that is free of what is to be avoided, else the one that crosses least of it."""
    best, least = None, np.inf
    for attempt in range(N_TRIES):
        path = _path(tubes, room, rng, attempt / N_TRIES)
        shade = _shade(tubes, room, path)
        over = 0.0 if room.avoid is None else float(shade[room.avoid].sum())
        if over < least:
            best, least = shade, over
        if over == 0.0:
            break
    assert best is not None  # N_TRIES is positive
    added = np.repeat(best[:, :, None] * np.float32(tubes.brightness), 3, axis=2)
    return Layer(0, 0, best, added, "add")


def _path(tubes: TubeDesign, room: Room, rng: np.random.Generator, caution: float) -> Points:
    """A curve from a border inwards; with more caution it starts nearer to a corner and bends along the border."""
    across = rng.uniform(0.05, 0.95) * (1 - caution) + caution * float(rng.choice([0.08, 0.92]))
    reach = tubes.reach * room.scale
    drift = rng.normal(0, tubes.bend, 3) * (1 - caution)
    steps = [(across, -0.05), *((across + drift[i], share * reach) for i, share in enumerate((0.35, 0.7, 1.0)))]
    x, y = np.array(steps).T
    if rng.integers(2):
        y = 1 - y
    points = np.stack([x, y] if rng.integers(2) else [y, x], axis=1) * (room.width, room.height)
    return bezier(list(points), 48)


def _shade(tubes: TubeDesign, room: Room, path: Points) -> Plane:
    """Density of a tube: its walls are seen edge-on, so they are brightest."""
    width = max(tubes.width * room.side * room.scale, 1.0)
    outer = _stroke(room, path, width)
    shade: Plane = outer
    if tubes.hollow:
        lumen = np.minimum(_stroke(room, path, max(0.55 * width, 0.5)), outer)
        shade = (outer - np.float32(0.65) * lumen).astype(np.float32)
    if tubes.electrode:
        sheet = Sheet(room.height, room.width)
        sheet.disc((float(path[-1, 0]), float(path[-1, 1])), max(2.2 * width, 2.0))
        shade = np.maximum(shade, sheet.cover())
    return shade


def _stroke(room: Room, path: Points, width: float) -> Plane:
    sheet = Sheet(room.height, room.width)
    sheet.stroke(path, np.full(len(path), width))
    return sheet.cover()
