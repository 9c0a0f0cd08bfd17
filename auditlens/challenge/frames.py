"""Drawn margins: the frame of a mounted or exported picture, and the collimator's edges of an X-ray image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auditlens.challenge.draws import between
from auditlens.challenge.placement import Room
from auditlens.challenge.rendering import Layer, Plane
from auditlens.spec.artefacts import Collimator, Frame

N_TRIES = 12
COLOURS: tuple[tuple[int, int, int], ...] = (
    (8, 8, 8), (250, 250, 250), (128, 128, 128), (235, 225, 200), (30, 60, 120), (120, 20, 30),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FrameDesign:
    """One frame; lengths are shares of the image's shorter side."""

    width: float
    colour: tuple[float, float, float]
    rounding: float
    """Radius of the corners."""
    line: float
    """Width of a second line inside, 0 for none."""
    line_level: float


@dataclass(frozen=True, slots=True)
class CollimatorDesign:
    """One set of blades; widths are shares of the image's shorter side, in the order left, top, right, bottom."""

    widths: tuple[float, float, float, float]
    """0 where a side has no blade."""
    tilt: float
    softness: float
    level: float


def design_frame(rng: np.random.Generator, artefact: Frame) -> FrameDesign:
    """Draw one frame: its colour, its width, round or square corners, one line or two."""
    red, green, blue = np.clip(np.asarray(COLOURS[int(rng.integers(len(COLOURS)))]) + rng.normal(0, 4), 0, 255)
    return FrameDesign(
        width=between(rng, artefact.width),
        colour=(float(red), float(green), float(blue)),
        rounding=rng.uniform(0.04, 0.12) if rng.random() < 0.4 else 0.0,
        line=rng.uniform(0.004, 0.01) if rng.random() < 0.4 else 0.0,
        line_level=float(rng.choice([15.0, 245.0])),
    )


def draw_frame(frame: FrameDesign, room: Room, rng: np.random.Generator) -> tuple[Layer, ...]:
    """Frame the image on all four sides; narrower where it would cover what is to be avoided.

    The placement of the spec has no say.

    Returns
    -------
    tuple of Layer
        The frame, and its inner line where there is one.
    """
    width = max(frame.width * room.side * room.scale, 1.0)
    line = frame.line * room.side
    for _ in range(N_TRIES):
        cover, whole = _margin(frame, room, width), _margin(frame, room, width + 2 * line)
        if room.avoid is None or not whole[room.avoid].any():
            break
        width *= 0.75
    layers = [Layer(0, 0, cover, np.asarray(frame.colour, dtype=np.float32))]
    if line:
        inner = np.clip(whole - _margin(frame, room, width + line), 0, 1)
        layers.append(Layer(0, 0, inner, np.full(3, frame.line_level, dtype=np.float32)))
    return tuple(layers)


def _margin(frame: FrameDesign, room: Room, width: float) -> Plane:
    """Cover of a frame of one width, its opening with round corners."""
    radius = max(frame.rounding * room.side, 0.0)
    half = np.array([room.height, room.width]) / 2 - width - radius
    y = np.abs(np.arange(room.height) + 0.5 - room.height / 2)[:, None] - half[0]
    x = np.abs(np.arange(room.width) + 0.5 - room.width / 2)[None, :] - half[1]
    corner = np.hypot(np.maximum(x, 0), np.maximum(y, 0))
    outside = np.where((x > 0) & (y > 0), corner, np.maximum(x, y)) - radius
    cover: Plane = np.clip(outside + 0.5, 0, 1).astype(np.float32)
    return cover


def design_collimator(rng: np.random.Generator, artefact: Collimator) -> CollimatorDesign:
    """Draw one set of blades: on some of the sides, slightly turned, with a soft edge."""
    low, high = artefact.n_sides
    sides = rng.permutation(4)[: int(rng.integers(low, high + 1))]
    widths = [between(rng, artefact.width) if side in sides else 0.0 for side in range(4)]
    return CollimatorDesign(
        widths=(widths[0], widths[1], widths[2], widths[3]),
        tilt=rng.normal(0, 0.025),
        softness=rng.uniform(0.004, 0.02),
        level=rng.uniform(0, 18),
    )


def draw_collimator(blades: CollimatorDesign, room: Room, rng: np.random.Generator) -> tuple[Layer, ...]:
    """Darken what the blades cover; less where they would cover what is to be avoided.

    The placement of the spec has no say.

    Returns
    -------
    tuple of Layer
        One layer of the image's size, in one grey.
    """
    turned = blades.tilt + rng.normal(0, 0.008)
    for attempt in range(N_TRIES):
        cover = _blades(blades, room, turned, 0.75**attempt)
        if room.avoid is None or not cover[room.avoid].any():
            break
    return (Layer(0, 0, cover, np.full(3, blades.level, dtype=np.float32)),)


def _blades(blades: CollimatorDesign, room: Room, turned: float, narrower: float) -> Plane:
    """Cover of all blades; a turned blade is widest at one end."""
    y = (np.arange(room.height, dtype=np.float32) + 0.5)[:, None]
    x = (np.arange(room.width, dtype=np.float32) + 0.5)[None, :]
    soft = max(blades.softness * room.side, 1.0)
    cover = np.zeros(room.size, dtype=np.float32)
    depths = (
        x + turned * (y - room.height / 2),
        y - turned * (x - room.width / 2),
        room.width - x - turned * (y - room.height / 2),
        room.height - y + turned * (x - room.width / 2),
    )
    for width, depth in zip(blades.widths, depths, strict=True):
        if width > 0:
            reach = max(width * room.scale * narrower * room.side, 1.0)
            cover = np.maximum(cover, np.clip((reach - depth) / soft + 0.5, 0, 1).astype(np.float32))
    return cover
