"""Drawn ink: surgical pen on skin, translucent, as circle segments, lines, dots, crosses or hatching."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from auditlens.challenge.placement import Room, Spot, place
from auditlens.challenge.rendering import Layer, Plane
from auditlens.challenge.strokes import Points, Sheet, arc, bezier, smooth_noise

PENS: dict[str, tuple[int, int, int]] = {
    "purple": (92, 40, 130),
    "violet": (120, 80, 165),
    "blue": (45, 65, 160),
    "green": (40, 110, 85),
    "black": (45, 38, 60),
}
N_TRIES = 6


@dataclass(frozen=True, slots=True)
class InkDesign:
    """One pen and one kind of mark; lengths are shares of the image's shorter side."""

    pen: str
    colour: tuple[float, float, float]
    mark: str
    width: float
    cover: float
    grain: float
    unevenness: float
    extent: float
    n_strokes: int


def design(rng: np.random.Generator) -> InkDesign:
    """Draw one pen and mark."""
    pen = str(rng.choice(list(PENS)))
    red, green, blue = np.clip(np.asarray(PENS[pen]) + rng.normal(0, 8, 3), 0, 255)
    return InkDesign(
        pen=pen,
        colour=(float(red), float(green), float(blue)),
        mark=str(rng.choice(list(MARKS))),
        width=rng.uniform(0.014, 0.032),
        cover=rng.uniform(0.65, 0.95),
        grain=rng.uniform(0.006, 0.014),
        unevenness=rng.uniform(0.1, 0.45),
        extent=rng.uniform(0.16, 0.34),
        n_strokes=int(rng.integers(2, 6)),
    )


def draw(ink: InkDesign, room: Room, rng: np.random.Generator) -> tuple[Layer, ...]:
    """Draw the mark: circle segments around the centre, all others at the placement of the spec.

    Returns
    -------
    tuple of Layer
        One translucent layer, its cover uneven as on skin.
    """
    if ink.mark == "circle":
        cover, spot = _circle(ink, room, rng), Spot(0, 0)
    else:
        extent = max(int(ink.extent * room.side * room.scale), 6)
        sheet = Sheet(extent, extent)
        for path in MARKS[ink.mark](ink, float(extent), rng):
            _pen(sheet, path, ink.width * room.side * room.scale, rng)
        cover = sheet.cover()
        spot = place(cover, room.size, room.placement, rng, room.avoid, overhang=0.2, inset=0.08)
    uneven = smooth_noise(rng, (cover.shape[0], cover.shape[1]), max(ink.grain * room.side, 1.5))
    alpha = cover * np.clip(ink.cover + ink.unevenness * uneven, 0.0, 1.0).astype(np.float32)
    return (Layer(spot.left, spot.top, alpha, np.asarray(ink.colour, dtype=np.float32), "multiply"),)


def _pen(sheet: Sheet, path: Points, width: float, rng: np.random.Generator) -> None:
    """Draw a line of wavering width, round at its ends."""
    widths = np.maximum(width * (1 + 0.12 * rng.standard_normal(len(path))), 1.0)
    sheet.stroke(path, widths)
    for end, size in ((path[0], widths[0]), (path[-1], widths[-1])):
        sheet.disc((float(end[0]), float(end[1])), float(size) / 2)


def _circle(ink: InkDesign, room: Room, rng: np.random.Generator) -> Plane:
    """Two or three segments of a circle around the image's centre; wider where they would touch what is avoided."""
    best: Plane | None = None
    for attempt in range(N_TRIES):
        sheet = Sheet(room.height, room.width)
        radius = (rng.uniform(0.33, 0.42) + 0.03 * attempt) * room.side * min(room.scale, 1.2)
        centre = (room.width * rng.uniform(0.47, 0.53), room.height * rng.uniform(0.47, 0.53))
        start = rng.uniform(0, 2 * np.pi)
        for segment in range(min(ink.n_strokes, 3)):
            begin = start + segment * 2 * np.pi / min(ink.n_strokes, 3)
            _pen(sheet, arc(centre, radius, begin, begin + rng.uniform(0.4, 1.1)), ink.width * room.side, rng)
        best = sheet.cover()
        if room.avoid is None or not best[room.avoid].any():
            break
    assert best is not None  # N_TRIES is positive
    return best


def _line(ink: InkDesign, extent: float, rng: np.random.Generator) -> list[Points]:
    ends = rng.uniform(0.12, 0.88, (4, 2)) * extent
    ends[0, 0], ends[3, 0] = 0.1 * extent, 0.9 * extent
    return [bezier(list(ends))]


def _dots(ink: InkDesign, extent: float, rng: np.random.Generator) -> list[Points]:
    centres = rng.uniform(0.12, 0.88, (ink.n_strokes, 2)) * extent
    return [np.linspace(centre, centre + 0.5, 3) for centre in centres]


def _cross(ink: InkDesign, extent: float, rng: np.random.Generator) -> list[Points]:
    jitter = rng.uniform(-0.08, 0.08, (4, 2))
    ends = (np.array([(0.2, 0.2), (0.8, 0.8), (0.2, 0.8), (0.8, 0.2)]) + jitter) * extent
    return [np.linspace(ends[0], ends[1], 12), np.linspace(ends[2], ends[3], 12)]


def _hatching(ink: InkDesign, extent: float, rng: np.random.Generator) -> list[Points]:
    lines = []
    for place_of_line in np.linspace(0.15, 0.85, ink.n_strokes + 2):
        shift = rng.uniform(-0.06, 0.06, 4)
        start, stop = (0.12 + shift[0], place_of_line + shift[1]), (0.88 + shift[2], place_of_line + shift[3])
        lines.append(np.linspace(np.array(start), np.array(stop), 12) * extent)
    return lines


def _arrow(ink: InkDesign, extent: float, rng: np.random.Generator) -> list[Points]:
    tip = np.array((rng.uniform(0.65, 0.85), rng.uniform(0.4, 0.6))) * extent
    ends = np.array([(0.2, 0.15), (0.2, 0.85)]) * extent
    return [np.linspace(end, tip, 12) for end in ends]


MARKS: dict[str, Callable[[InkDesign, float, np.random.Generator], list[Points]]] = {
    "circle": lambda ink, extent, rng: [],
    "line": _line,
    "dots": _dots,
    "cross": _cross,
    "hatching": _hatching,
    "arrow": _arrow,
}
