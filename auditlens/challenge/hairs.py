"""Drawn hair: curved strands that taper towards their tips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from auditlens.challenge.placement import Room
from auditlens.challenge.rendering import Layer, Mask
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
    widest = max(hair.width * room.side * room.scale, 0.9) * 1.3
    blocked = _blocked(room, int(np.ceil(widest / 2)) + 1)
    for _ in range(hair.n_strands):
        path = _free_path(hair, room, rng, blocked)
        width = max(widest * rng.uniform(0.55, 1.0), 0.9)
        if path is not None:
            taper = np.linspace(1.0, 0.25, len(path)) ** 0.7
            sheet.stroke(path, width * taper, hair.strength)
    return (Layer(0, 0, sheet.cover(), np.asarray(hair.colour, dtype=np.float32)),)


def _blocked(room: Room, reach: int) -> Mask | None:
    """Where no strand's middle may lie."""
    if room.avoid is None:
        return None
    wider: Mask = ndimage.maximum_filter(room.avoid, 2 * reach + 1, mode="constant")
    return wider


def _free_path(hair: HairDesign, room: Room, rng: np.random.Generator, blocked: Mask | None) -> Points | None:
    for attempt in range(N_TRIES):
        path = _path(hair, room, rng, 1.0 - 0.06 * attempt)
        if blocked is None or not _crosses(path, blocked):
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


def _crosses(path: Points, blocked: Mask) -> bool:
    """Whether any point of the path, or half-way between two, is blocked."""
    dense = np.concatenate([path, (path[1:] + path[:-1]) / 2, path[:-1] * 0.75 + path[1:] * 0.25])
    x, y = np.floor(dense).astype(int).T
    inside = (x >= 0) & (x < blocked.shape[1]) & (y >= 0) & (y < blocked.shape[0])
    return bool(blocked[y[inside], x[inside]].any())
