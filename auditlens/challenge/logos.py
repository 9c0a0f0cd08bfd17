"""Drawn logos: an emblem of simple shapes with or without a word, as of hospitals, makers and picture agencies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from auditlens.challenge.lettering import box_of, inked, written
from auditlens.challenge.placement import Room, place
from auditlens.challenge.rendering import Layer, Plane
from auditlens.challenge.strokes import Points, Sheet, arc

WORDS = ("", "", "VITALIS", "MEDICA", "DERMA", "NORD", "KLINIK", "ORBIT")
COLOURS: tuple[tuple[int, int, int], ...] = (
    (20, 70, 150), (200, 30, 40), (15, 120, 80), (240, 150, 20), (245, 245, 245), (25, 25, 30), (110, 50, 140),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LogoDesign:
    """One logo; lengths are shares of the image's shorter side."""

    emblem: str
    word: str
    radius: float
    colour: tuple[float, float, float]
    second: tuple[float, float, float]
    cover: float


def design(rng: np.random.Generator) -> LogoDesign:
    """Draw one logo: an emblem in two colours, a word in three of four."""
    first, second = rng.permutation(len(COLOURS))[:2]
    return LogoDesign(
        emblem=str(rng.choice(list(EMBLEMS))),
        word=WORDS[int(rng.integers(len(WORDS)))],
        radius=rng.uniform(0.045, 0.09),
        colour=_toned(rng, COLOURS[first]),
        second=_toned(rng, COLOURS[second]),
        cover=rng.uniform(0.75, 1.0),
    )


def _toned(rng: np.random.Generator, colour: tuple[int, int, int]) -> tuple[float, float, float]:
    red, green, blue = np.clip(np.asarray(colour) + rng.normal(0, 6, 3), 0, 255)
    return (float(red), float(green), float(blue))


def draw(logo: LogoDesign, room: Room, rng: np.random.Generator) -> tuple[Layer, ...]:
    """Put the logo at the placement of the spec, the word to the right of the emblem.

    Returns
    -------
    tuple of Layer
        The emblem in its two colours, and the word where there is one.
    """
    radius = max(logo.radius * room.side * room.scale, 3.0)
    letters = written(logo.word, 0.9 * radius) if logo.word else []
    gap = 0.5 * (4 + 5.7 * len(logo.word)) * 0.15 * radius + 1.25 * radius
    letters = [path + np.array([gap, 0.0]) for path in letters]
    corner, size = box_of([*letters, np.array([(-radius, -radius), (radius, radius)])], 0.25 * radius)
    outer, inner = Sheet(*size), Sheet(*size)
    EMBLEMS[logo.emblem](outer, inner, radius, -corner)
    whole, core = outer.cover(), inner.cover()
    word = inked(letters, max(0.14 * radius, 1.0), corner, size)
    spot = place(np.maximum(whole, word), room.size, room.placement, rng, room.avoid, inset=0.04)
    share = np.float32(logo.cover)
    layers = [
        Layer(spot.left, spot.top, whole * share, _paint(logo.colour)),
        Layer(spot.left, spot.top, np.minimum(core, whole) * share, _paint(logo.second)),
    ]
    return tuple([*layers, Layer(spot.left, spot.top, word * share, _paint(logo.colour))] if logo.word else layers)


def _paint(colour: tuple[float, float, float]) -> Plane:
    return np.asarray(colour, dtype=np.float32)


def _regular(n_corners: int, radius: float, start: float = -np.pi / 2) -> Points:
    return arc((0.0, 0.0), radius, start, start + 2 * np.pi * (1 - 1 / n_corners), n_corners)


def _cross(outer: Sheet, inner: Sheet, radius: float, at: Points) -> None:
    outer.disc((float(at[0]), float(at[1])), radius)
    arm, thick = 0.62 * radius, 0.22 * radius
    for a, b in ((arm, thick), (thick, arm)):
        inner.polygon(np.array([(-a, -b), (a, -b), (a, b), (-a, b)]) + at)


def _ring(outer: Sheet, inner: Sheet, radius: float, at: Points) -> None:
    outer.disc((float(at[0]), float(at[1])), radius)
    inner.disc((float(at[0]), float(at[1])), 0.6 * radius)


def _hexagon(outer: Sheet, inner: Sheet, radius: float, at: Points) -> None:
    outer.polygon(_regular(6, radius) + at)
    inner.polygon(_regular(3, 0.6 * radius) + at)


def _shield(outer: Sheet, inner: Sheet, radius: float, at: Points) -> None:
    shield = np.array([(-0.8, -1), (0.8, -1), (0.8, 0.1), (0, 1), (-0.8, 0.1)]) * radius
    outer.polygon(shield + at)
    inner.polygon(np.array([(-0.8, -0.55), (0.8, -0.55), (0.8, -0.2), (-0.8, -0.2)]) * radius + at)


def _star(outer: Sheet, inner: Sheet, radius: float, at: Points) -> None:
    points, dents = _regular(5, radius), _regular(5, 0.45 * radius, -np.pi / 2 + np.pi / 5)
    outer.polygon(np.stack([points, dents], axis=1).reshape(-1, 2) + at)
    inner.disc((float(at[0]), float(at[1])), 0.22 * radius)


EMBLEMS: dict[str, Callable[[Sheet, Sheet, float, Points], None]] = {
    "cross": _cross,
    "ring": _ring,
    "hexagon": _hexagon,
    "shield": _shield,
    "star": _star,
}
"""Shapes of an emblem: the whole on the first sheet, its second colour on the other."""
