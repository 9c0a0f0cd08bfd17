"""Drawn immersion gel of dermoscopy: bubbles under the glass, and the border where the gel ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditlens.challenge.placement import Room, place
from auditlens.challenge.rendering import Layer, Plane
from auditlens.challenge.strokes import smooth_noise
from auditlens.spec.artefacts import GelBubble

N_TRIES = 12
GLEAM_RUN = 0.2
"""How far the gleam of a gel's edge runs on before it fades, as a share of the shorter side."""
WHITE = np.asarray((255, 252, 248), dtype=np.float32)
SHADE = np.asarray((70, 55, 50), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class BubbleDesign:
    """Bubbles of one gel; lengths are shares of the image's shorter side."""

    n_bubbles: int
    radius: float
    rim: float
    """Width of the dark rim as a share of the radius."""
    darkness: float
    gleam: float
    light: float
    """Direction that the light comes from, in radians."""


@dataclass(frozen=True, slots=True)
class GelBorderDesign:
    """One edge of the gel; lengths are shares of the image's shorter side."""

    inset: float
    waves: tuple[tuple[float, float, float], ...]
    """Amplitude, cycles along the side, and phase of each wave of the edge."""
    tilt: float
    width: float
    darkness: float
    gleam: float
    dulling: float
    """How much darker the skin is that the gel does not reach."""


def design_bubbles(rng: np.random.Generator, artefact: GelBubble) -> BubbleDesign:
    """Draw the bubbles of one gel: how many, how large, how strong their rims."""
    low, high = artefact.n_bubbles
    return BubbleDesign(
        n_bubbles=int(rng.integers(low, high + 1)),
        radius=rng.uniform(0.035, 0.085),
        rim=rng.uniform(0.12, 0.3),
        darkness=rng.uniform(0.35, 0.7),
        gleam=rng.uniform(0.5, 0.95),
        light=rng.uniform(0, 2 * np.pi),
    )


def draw_bubbles(gel: BubbleDesign, room: Room, rng: np.random.Generator) -> tuple[Layer, ...]:
    """Lay each bubble at a place of its own, the first at its full size.

    Returns
    -------
    tuple of Layer
        Per bubble its brighter inside, its dark rim and its gleam.
    """
    layers: list[Layer] = []
    for number in range(gel.n_bubbles):
        size = 1.0 if number == 0 else rng.uniform(0.3, 1.0)
        layers += _bubble(gel, max(gel.radius * size * room.side * room.scale, 2.0), room, rng)
    return tuple(layers)


def _bubble(gel: BubbleDesign, radius: float, room: Room, rng: np.random.Generator) -> list[Layer]:
    reach = int(np.ceil(radius)) + 2
    axis = np.arange(-reach, reach + 1, dtype=np.float32)
    y, x = axis[:, None], axis[None, :]
    distance = np.hypot(x, y)
    inside = np.clip(radius - distance + 0.5, 0, 1).astype(np.float32)
    spot = place(inside, room.size, room.placement, rng, room.avoid, overhang=0.3, inset=0.12)
    towards = (x * np.cos(gel.light) + y * np.sin(gel.light)) / max(radius, 1.0)
    width = max(gel.rim * radius, 0.8)
    ring = _bell(distance - (radius - width), width) * inside
    crescent = _bell(distance - 0.62 * radius, 0.16 * radius) * np.clip(towards * 2.2 - 0.5, 0, 1)
    rim = (ring * gel.darkness * (0.75 - 0.25 * towards)).clip(0, 1).astype(np.float32)
    return [
        Layer(spot.left, spot.top, inside * np.float32(0.08), WHITE),
        Layer(spot.left, spot.top, rim, SHADE, "multiply"),
        Layer(spot.left, spot.top, (crescent * gel.gleam * inside).astype(np.float32), WHITE),
    ]


def design_border(rng: np.random.Generator) -> GelBorderDesign:
    """Draw one edge of the gel: a wavy line along a side, dark on one side and gleaming on the other."""
    waves = [
        (rng.uniform(0.004, 0.03) / (1 + i), rng.uniform(0.4, 1.4) * (1 + i), rng.uniform(0, 6.28)) for i in range(3)
    ]
    return GelBorderDesign(
        inset=rng.uniform(0.08, 0.2),
        waves=tuple((float(a), float(f), float(p)) for a, f, p in waves),
        tilt=rng.normal(0, 0.05),
        width=rng.uniform(0.003, 0.007),
        darkness=rng.uniform(0.2, 0.5),
        gleam=rng.uniform(0.2, 0.55),
        dulling=rng.uniform(0.03, 0.2),
    )


def draw_border(gel: GelBorderDesign, room: Room, rng: np.random.Generator) -> tuple[Layer, ...]:
    """End the gel along a side of the image; nearer to the side where it would cross what is to be avoided.

    The placement of the spec has no say. A larger scale moves the edge inwards.

    Returns
    -------
    tuple of Layer
        Duller skin outside, the dark edge and its gleam, which comes and goes along the edge.
    """
    for attempt in range(N_TRIES):
        depth = _depth(gel, room, int(rng.integers(4)), 0.85**attempt)
        width = np.float32(max(gel.width * room.side, 0.8))
        outside = np.clip(0.5 - depth, 0, 1).astype(np.float32)
        edge, gleam = _bell(depth, width), _bell(depth - 2 * width, width)
        if room.avoid is None or not ((outside + edge + gleam)[room.avoid] > 0).any():
            break
    lit = np.clip(0.5 + 0.6 * smooth_noise(rng, room.size, max(GLEAM_RUN * room.side, 2.0)), 0, 1)
    return (
        Layer(0, 0, outside * np.float32(gel.dulling), SHADE, "multiply"),
        Layer(0, 0, edge * np.float32(gel.darkness), SHADE, "multiply"),
        Layer(0, 0, gleam * (lit * gel.gleam).astype(np.float32), WHITE),
    )


def _depth(gel: GelBorderDesign, room: Room, side: int, nearer: float) -> Plane:
    """Distance in pixels from the edge, positive where the gel is; `side` 0 to 3 is left, top, right, bottom."""
    upright = side % 2 == 0
    length, across = (room.height, room.width) if upright else (room.width, room.height)
    along = (np.arange(length) + 0.5) / length
    bend = sum(a * np.sin(2 * np.pi * f * along + p) for a, f, p in gel.waves) + gel.tilt * (along - 0.5)
    edge = np.maximum((gel.inset * room.scale + bend) * nearer * room.side, 1.0)
    inwards = np.arange(across) + 0.5
    if side >= 2:
        inwards = inwards[::-1]
    depth = inwards[None, :] - edge[:, None] if upright else inwards[:, None] - edge[None, :]
    return np.ascontiguousarray(depth, dtype=np.float32)


def _bell(distance: NDArray[np.floating], width: float | np.float32) -> Plane:
    """A bell of unit height that ends at twice its width."""
    bell = np.exp(-((distance / width) ** 2)) * (np.abs(distance) < 2 * width)
    return np.asarray(bell, dtype=np.float32)
