"""Drawn hair: curved strands that taper towards their tips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auditlens.challenge.placement import Room
from auditlens.challenge.rendering import Layer
from auditlens.challenge.strokes import Points, Sheet, bezier

N_TRIES = 12
HAIR_COLOURS: tuple[tuple[int, int, int], ...] = (
    (25, 18, 15),
    (48, 30, 22),
    (78, 50, 34),
    (115, 84, 58),
    (120, 116, 114),
)


@dataclass(frozen=True, slots=True)
class HairDesign:
    """One growth of hair; lengths are shares of the image's shorter side."""

    n_strands: int
    colour: tuple[float, float, float]
    strength: float
    width: float
    length: float
    direction: float
    """Radians."""
    spread: float
    """Standard deviation of the strands' directions."""
    curl: float


def design(rng: np.random.Generator) -> HairDesign:
    """Draw one growth of 6 to 25 strands."""
    tone = np.asarray(HAIR_COLOURS[int(rng.integers(len(HAIR_COLOURS)))]) + rng.normal(0, 6, 3)
    red, green, blue = np.clip(tone, 0, 255)
    return HairDesign(
        n_strands=int(rng.integers(6, 26)),
        colour=(float(red), float(green), float(blue)),
        strength=rng.uniform(0.7, 0.95),
        width=rng.uniform(0.005, 0.011),
        length=rng.uniform(0.35, 0.8),
        direction=rng.uniform(0, 2 * np.pi),
        spread=rng.uniform(0.2, 0.9),
        curl=rng.uniform(0.03, 0.2),
    )


def draw(hair: HairDesign, room: Room, rng: np.random.Generator) -> tuple[Layer, ...]:
    """Let strands grow over the whole image, none across what is to be avoided.

    Hair grows everywhere, so the placement of the spec has no say; a strand that would cross the avoided region is
    drawn again, shorter each time, and left out after `N_TRIES` tries.

    Returns
    -------
    tuple of Layer
        One layer of the image's size.
    """
    sheet = Sheet(room.height, room.width)
    for _ in range(hair.n_strands):
        width = max(hair.width * room.side * room.scale * rng.uniform(0.7, 1.3), 0.9)
        path = _free_path(hair, room, rng, width)
        if path is not None:
            taper = np.linspace(1.0, 0.25, len(path)) ** 0.7
            sheet.stroke(path, width * taper, hair.strength)
    return (Layer(0, 0, sheet.cover(), np.asarray(hair.colour, dtype=np.float32)),)


def _free_path(hair: HairDesign, room: Room, rng: np.random.Generator, width: float) -> Points | None:
    for attempt in range(N_TRIES):
        path = _path(hair, room, rng, 1.0 - 0.06 * attempt)
        if not _crosses(path, room, width):
            return path
    return None


def _path(hair: HairDesign, room: Room, rng: np.random.Generator, shorter: float) -> Points:
    start = rng.uniform(-0.1, 1.0, 2) * (room.width, room.height)
    length = hair.length * room.side * room.scale * shorter * rng.uniform(0.6, 1.3)
    angle = hair.direction + rng.normal(0, hair.spread)
    along = np.array([np.cos(angle), np.sin(angle)]) * length
    across = np.array([-along[1], along[0]])
    bends = rng.normal(0, hair.curl, 3)
    steps = ((0.0, 0.0), (0.35, bends[0]), (0.7, bends[1]), (1.0, bends[2]))
    path = bezier([start + share * along + bend * across for share, bend in steps])
    return path if rng.integers(2) else path[::-1].copy()


def _crosses(path: Points, room: Room, width: float) -> bool:
    if room.avoid is None:
        return False
    reach = int(np.ceil(width / 2)) + 1
    fine = np.stack(
        [np.interp(np.linspace(0, 1, 96), np.linspace(0, 1, len(path)), path[:, k]) for k in (0, 1)], axis=1
    )
    x, y = np.rint(fine).astype(int).T
    for dx, dy in ((-reach, 0), (reach, 0), (0, -reach), (0, reach), (0, 0)):
        inside = (x + dx >= 0) & (x + dx < room.width) & (y + dy >= 0) & (y + dy < room.height)
        if room.avoid[y[inside] + dy, x[inside] + dx].any():
            return True
    return False
