"""Drawn rulers: ticks of two or three lengths along a border, with or without a strip and numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auditlens.challenge.placement import SIDES, Room, place
from auditlens.challenge.rendering import Layer, Plane
from auditlens.challenge.strokes import Points, Sheet

DIGITS = {
    "0": "abcdef", "1": "bc", "2": "abged", "3": "abgcd", "4": "fgbc",
    "5": "afgcd", "6": "afedcg", "7": "abc", "8": "abcdefg", "9": "gfabcd",
}  # fmt: skip
SEGMENTS = {
    "a": ((0, 0), (1, 0)),
    "b": ((1, 0), (1, 1)),
    "c": ((1, 1), (1, 2)),
    "d": ((0, 2), (1, 2)),
    "e": ((0, 1), (0, 2)),
    "f": ((0, 0), (0, 1)),
    "g": ((0, 1), (1, 1)),
}
"""Segments of a digit as ends in a box one wide and two high."""


@dataclass(frozen=True, slots=True)
class RulerDesign:
    """One ruler; lengths are shares of the image's shorter side."""

    spacing: float
    minor: float
    major: float
    every: int
    """A major tick after so many."""
    width: float
    ink: tuple[float, float, float]
    strength: float
    strip: tuple[float, float, float] | None
    strip_cover: float
    numbers: bool
    length: float
    tilt: float
    """Radians against the border."""


def design(rng: np.random.Generator) -> RulerDesign:
    """Draw one ruler: dark ticks in most, light ticks on a dark strip in some."""
    light = rng.random() < 0.15
    has_strip = light or rng.random() < 0.35
    grey = rng.uniform(225, 250) if light else rng.uniform(10, 70)
    strip_grey = rng.uniform(25, 70) if light else rng.uniform(205, 245)
    minor = rng.uniform(0.025, 0.045)
    return RulerDesign(
        spacing=rng.uniform(0.02, 0.05),
        minor=minor,
        major=minor * rng.uniform(1.6, 2.2),
        every=int(rng.choice([5, 10])),
        width=rng.uniform(0.0035, 0.009),
        ink=_near_grey(rng, grey),
        strength=rng.uniform(0.75, 1.0),
        strip=_near_grey(rng, strip_grey) if has_strip else None,
        strip_cover=rng.uniform(0.25, 0.7),
        numbers=bool(rng.random() < 0.5),
        length=rng.uniform(0.55, 1.3),
        tilt=rng.normal(0.0, 0.03),
    )


def _near_grey(rng: np.random.Generator, grey: float) -> tuple[float, float, float]:
    red, green, blue = grey + rng.normal(0.0, 5.0, 3)
    return (float(red), float(green), float(blue))


def draw(ruler: RulerDesign, room: Room, rng: np.random.Generator) -> tuple[Layer, ...]:
    """Lay a ruler along a side of the image.

    Returns
    -------
    tuple of Layer
        The strip, where there is one, and the ticks with their numbers.
    """
    side = SIDES[int(rng.integers(4))]
    upright = side in ("left", "right")
    room_along = room.height if upright else room.width
    length = min(ruler.length * room_along, 1.3 * room_along)
    turned = (0.5 * np.pi if upright else 0.0) + ruler.tilt + np.pi * int(rng.integers(2))
    shapes = _shapes(ruler, room.side * room.scale, length, rng)
    outline = _turn(_rectangle(0.0, length, *_band(ruler, room.side * room.scale)), turned)
    low = np.floor(outline.min(axis=0))
    width, height = (int(extent) for extent in np.ceil(outline.max(axis=0) - low) + 1)
    ticks = Sheet(height, width)
    for shape in shapes:
        ticks.polygon(_turn(shape, turned) - low, ruler.strength)
    strip = Sheet(height, width)
    strip.polygon(outline - low, 1.0)
    cover = strip.cover()
    spot = place(cover, room.size, room.placement, rng, room.avoid, inset=0.02, side=side)
    layers = [Layer(spot.left, spot.top, ticks.cover(), _colour(ruler.ink))]
    if ruler.strip is not None:
        layers.insert(0, Layer(spot.left, spot.top, cover * np.float32(ruler.strip_cover), _colour(ruler.strip)))
    return tuple(layers)


def _colour(colour: tuple[float, float, float]) -> Plane:
    return np.asarray(colour, dtype=np.float32)


def _band(ruler: RulerDesign, side: float) -> tuple[float, float]:
    """Upper and lower edge of the strip across the ruler."""
    below = 0.05 if ruler.numbers else 0.015
    return -0.012 * side, (ruler.major + below) * side


def _shapes(ruler: RulerDesign, side: float, length: float, rng: np.random.Generator) -> list[Points]:
    """All ticks and digits as polygons, in pixels along (x) and across (y) the ruler."""
    spacing = max(ruler.spacing * side, 3.0)
    width = max(ruler.width * side, 0.9)
    first = int(rng.integers(ruler.every))
    shapes = []
    for number in range(int(length // spacing)):
        x = (number + 0.5) * spacing
        is_major = (number + first) % ruler.every == 0
        tall = (ruler.major if is_major else ruler.minor) * side
        shapes.append(_rectangle(x - width / 2, x + width / 2, 0.0, tall))
        if is_major and ruler.numbers:
            text = str((number + first) // ruler.every * (1 if ruler.every == 10 else 5))
            shapes += _digits(text, x, tall + 0.012 * side, 0.028 * side, width * 0.8)
    return shapes


def _rectangle(left: float, right: float, top: float, bottom: float) -> Points:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def _turn(points: Points, angle: float) -> Points:
    cos, sin = np.cos(angle), np.sin(angle)
    turned: Points = points @ np.array([[cos, sin], [-sin, cos]])
    return turned


def _digits(text: str, x: float, y: float, height: float, width: float) -> list[Points]:
    """Draw a number centred at x, with its top at y, from straight segments (no font needed)."""
    half, pitch = height / 2, height * 0.72
    shapes = []
    for place_of_digit, digit in enumerate(text):
        left = x - pitch * len(text) / 2 + pitch * place_of_digit + 0.11 * height
        for segment in DIGITS[digit]:
            (x0, y0), (x1, y1) = SEGMENTS[segment]
            shapes.append(
                _rectangle(
                    left + x0 * half - width / 2,
                    left + x1 * half + width / 2,
                    y + y0 * half - width / 2,
                    y + y1 * half + width / 2,
                )
            )
    return shapes
