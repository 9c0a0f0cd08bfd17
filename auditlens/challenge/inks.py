"""Drawn ink: surgical pen on skin, translucent, as circle segments, lines, dots, crosses or hatching."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from auditlens.challenge.placement import Room, Spot, place
from auditlens.challenge.rendering import Layer, Plane
from auditlens.challenge.strokes import Points, Sheet, arc, bezier, smooth_noise

PENS: dict[str, tuple[tuple[float, float, float], float]] = {
    "violet": ((0.48, 0.25, 0.70), 0.45),
    "purple": ((0.50, 0.27, 0.60), 0.2),
    "blue": ((0.38, 0.42, 0.78), 0.2),
    "black": ((0.28, 0.25, 0.33), 0.1),
    "green": ((0.30, 0.56, 0.44), 0.05),
}
"""Share of red, green and blue that one layer of ink lets through, and how often the pen is drawn.

Gentian violet is by far the most frequent on skin; the shares are those of marked photographs, see docs/artefacts.md.
"""
LAYERS = (0.65, 1.35)
"""Layers of ink: what passes through t of them is the share to the power of t (Beer and Lambert)."""
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
    pen = str(rng.choice(list(PENS), p=[share for _, share in PENS.values()]))
    passed = np.asarray(PENS[pen][0]) * np.exp(rng.normal(0, 0.08, 3))
    red, green, blue = 255 * np.clip(passed, 0.05, 0.98) ** rng.uniform(*LAYERS)
    return InkDesign(
        pen=pen,
        colour=(float(red), float(green), float(blue)),
        mark=str(rng.choice(list(MARKS), p=[share for _, share in MARKS.values()])),
        width=float(np.exp(rng.uniform(np.log(0.014), np.log(0.05)))),
        cover=rng.uniform(0.65, 0.95),
        grain=rng.uniform(0.006, 0.014),
        unevenness=rng.uniform(0.05, 0.22),
        extent=rng.uniform(0.16, 0.34),
        n_strokes=int(rng.integers(2, 6)),
    )


def draw(ink: InkDesign, room: Room, rng: np.random.Generator) -> tuple[Layer, ...]:
    """Draw the mark: outlines and circle segments around the centre, all others at the placement of the spec.

    Returns
    -------
    tuple of Layer
        One translucent layer, its cover uneven as on skin.
    """
    if ink.mark in AROUND:
        cover, spot = _around(ink, room, rng), Spot(0, 0)
    else:
        extent = max(int(ink.extent * room.side * room.scale), 6)
        sheet = Sheet(extent, extent)
        for path in MARKS[ink.mark][0](ink, float(extent), rng):
            _pen(sheet, path, ink.width * room.side * room.scale, rng)
        cover = sheet.cover()
        spot = place(cover, room.size, room.placement, rng, room.avoid, overhang=0.2, inset=0.08)
    cover = _soaked(cover, ink, room)
    uneven = smooth_noise(rng, (cover.shape[0], cover.shape[1]), max(ink.grain * room.side, 1.5))
    alpha = cover * np.clip(ink.cover + ink.unevenness * uneven, 0.0, 1.0).astype(np.float32)
    return (Layer(spot.left, spot.top, alpha, np.asarray(ink.colour, dtype=np.float32), "multiply"),)


def _pen(sheet: Sheet, path: Points, width: float, rng: np.random.Generator) -> None:
    """Draw a line whose width wavers slowly, round at its ends."""
    along, waves = np.linspace(0, 1, len(path)), rng.normal(0, 0.08, 3)
    wavering = sum(wave * np.sin(np.pi * (place + 1) * along) for place, wave in enumerate(waves))
    widths = np.maximum(width * (1 + wavering), 1.0)
    sheet.stroke(path, widths)
    for end, size in ((path[0], widths[0]), (path[-1], widths[-1])):
        sheet.disc((float(end[0]), float(end[1])), float(size) / 2)


def _soaked(cover: Plane, ink: InkDesign, room: Room) -> Plane:
    """Let the edge run a little into the skin, a sixth of the pen's width."""
    soft: Plane = ndimage.gaussian_filter(cover, max(ink.width * room.side / 6, 0.4))
    return np.where(soft > 0.01, soft, np.float32(0.0))


def _around(ink: InkDesign, room: Room, rng: np.random.Generator) -> Plane:
    """Lines around the image's centre; wider where they would touch what is avoided."""
    best: Plane | None = None
    for attempt in range(N_TRIES):
        sheet = Sheet(room.height, room.width)
        radius = (rng.uniform(0.33, 0.42) + 0.03 * attempt) * room.side * min(room.scale, 1.2)
        centre = (room.width * rng.uniform(0.47, 0.53), room.height * rng.uniform(0.47, 0.53))
        for begin, span in AROUND[ink.mark](ink, rng):
            path = _wavering(arc(centre, radius, begin, begin + span, 48), centre, ink, rng)
            _pen(sheet, path, ink.width * room.side, rng)
        best = sheet.cover()
        if room.avoid is None or not best[room.avoid].any():
            break
    assert best is not None  # N_TRIES is positive
    return best


def _wavering(path: Points, centre: tuple[float, float], ink: InkDesign, rng: np.random.Generator) -> Points:
    """Bend a circle as a hand does: slow waves of up to a tenth of its radius."""
    if ink.mark == "circle":
        return path
    along, waves = np.linspace(0, 1, len(path)), rng.normal(0, 0.035, 3)
    bend = sum(wave * np.sin(np.pi * (place + 1) * along) for place, wave in enumerate(waves))
    middle = np.asarray(centre)
    bent: Points = middle + (path - middle) * (1 + np.clip(bend, -0.1, 0.1))[:, None]
    return bent


def _segments(ink: InkDesign, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Two or three short segments of a circle, as start and span in radians."""
    start, n_segments = rng.uniform(0, 2 * np.pi), min(ink.n_strokes, 3)
    return [(start + place * 2 * np.pi / n_segments, rng.uniform(0.4, 1.1)) for place in range(n_segments)]


def _outline(ink: InkDesign, rng: np.random.Generator) -> list[tuple[float, float]]:
    """One long line around the lesion, or two that face each other."""
    start = rng.uniform(0, 2 * np.pi)
    if rng.random() < 0.5:
        return [(start, rng.uniform(2.0, 5.8))]
    return [(start, rng.uniform(1.2, 2.4)), (start + np.pi, rng.uniform(1.2, 2.4))]


def _line(ink: InkDesign, extent: float, rng: np.random.Generator) -> list[Points]:
    ends = rng.uniform(0.12, 0.88, (4, 2)) * extent
    ends[0, 0], ends[3, 0] = 0.1 * extent, 0.9 * extent
    return [bezier(list(ends))]


def _dots(ink: InkDesign, extent: float, rng: np.random.Generator) -> list[Points]:
    centres = rng.uniform(0.12, 0.88, (ink.n_strokes, 2)) * extent
    return [np.linspace(centre, centre + 0.5, 3) for centre in centres]


def _blotch(ink: InkDesign, extent: float, rng: np.random.Generator) -> list[Points]:
    """Short strokes laid side by side, so that they run together."""
    turn, spacing = rng.uniform(0, np.pi), 0.7 * ink.width / ink.extent * extent
    ahead, aside = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    middle, lines = rng.uniform(0.42, 0.58, 2) * extent, []
    most = min(ink.n_strokes, int(max(0.36 * extent - spacing, 0.0) / spacing))  # what lies in the sheet
    for number in range(-most, most + 1):
        centre = middle + number * spacing * aside + rng.normal(0, 0.04 * extent) * ahead
        reach = rng.uniform(0.08, 0.3) * extent * ahead
        lines.append(np.linspace(centre - reach, centre + reach, 8))
    return lines


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


AROUND: dict[str, Callable[[InkDesign, np.random.Generator], list[tuple[float, float]]]] = {
    "outline": _outline,
    "circle": _segments,
}
"""Marks that lie around the centre."""

MARKS: dict[str, tuple[Callable[[InkDesign, float, np.random.Generator], list[Points]], float]] = {
    "outline": (lambda ink, extent, rng: [], 0.3),
    "blotch": (_blotch, 0.2),
    "line": (_line, 0.15),
    "circle": (lambda ink, extent, rng: [], 0.1),
    "dots": (_dots, 0.1),
    "cross": (_cross, 0.05),
    "hatching": (_hatching, 0.05),
    "arrow": (_arrow, 0.05),
}
"""How each mark is drawn, and how often: lines around the lesion and smears are what photographs show most."""
