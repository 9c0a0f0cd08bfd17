"""Drawn white reflections: the lamp of the camera or dermatoscope, mirrored on skin, gel or glass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from auditlens.challenge.placement import Room, place
from auditlens.challenge.rendering import Layer, Plane
from auditlens.challenge.strokes import Points, Sheet
from auditlens.spec.artefacts import Reflection


@dataclass(frozen=True, slots=True)
class ReflectionDesign:
    """One lamp; lengths are shares of the image's shorter side."""

    form: str
    n_spots: int
    extent: float
    size: float
    glow: float
    colour: tuple[float, float, float]
    elongation: float


def design(rng: np.random.Generator, artefact: Reflection) -> ReflectionDesign:
    """Draw one lamp: scattered glints, a ring of diodes, or a bright streak."""
    low, high = artefact.n_spots
    red = rng.uniform(248, 255)
    return ReflectionDesign(
        form=str(rng.choice(list(FORMS))),
        n_spots=int(rng.integers(low, high + 1)),
        extent=rng.uniform(0.1, 0.22),
        size=rng.uniform(0.009, 0.02),
        glow=rng.uniform(0.2, 0.6),
        colour=(float(red), float(rng.uniform(247, 255)), float(rng.uniform(240, 255))),
        elongation=rng.uniform(1.0, 2.2),
    )


def draw(lamp: ReflectionDesign, room: Room, rng: np.random.Generator) -> tuple[Layer, ...]:
    """Mirror the lamp at the placement of the spec.

    Returns
    -------
    tuple of Layer
        One layer: burnt-out spots in a soft glow.
    """
    extent = max(lamp.extent * room.side * room.scale, 6.0)
    size = max(lamp.size * room.side * room.scale, 1.0)
    margin = 3 * size * lamp.elongation
    n_pixels = int(np.ceil(extent + 2 * margin))
    sheet = Sheet(n_pixels, n_pixels)
    turn = rng.uniform(0, np.pi)
    for centre in FORMS[lamp.form](lamp, rng):
        _glint(sheet, centre * extent / 2 + n_pixels / 2, size * rng.uniform(0.6, 1.2), lamp.elongation, turn)
    cover = sheet.cover()
    glow = ndimage.gaussian_filter(cover, 1.2 * size, mode="constant", truncate=2.0)
    alpha: Plane = np.maximum(cover, np.float32(lamp.glow) * glow / max(float(glow.max()), 1e-6)).astype(np.float32)
    spot = place(alpha, room.size, room.placement, rng, room.avoid, overhang=0.2, inset=0.12)
    return (Layer(spot.left, spot.top, alpha, np.asarray(lamp.colour, dtype=np.float32)),)


def _glint(sheet: Sheet, centre: Points, radius: float, elongation: float, turn: float) -> None:
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    x, y = np.cos(angles) * radius * elongation, np.sin(angles) * radius
    cos, sin = np.cos(turn), np.sin(turn)
    sheet.polygon(np.stack([cos * x - sin * y, sin * x + cos * y], axis=1) + centre)


def _scattered(lamp: ReflectionDesign, rng: np.random.Generator) -> Points:
    return rng.uniform(-1, 1, (lamp.n_spots, 2))


def _ring(lamp: ReflectionDesign, rng: np.random.Generator) -> Points:
    angles = rng.uniform(0, 2 * np.pi) + np.arange(lamp.n_spots) * 2 * np.pi / lamp.n_spots
    ring: Points = 0.8 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return ring


def _streak(lamp: ReflectionDesign, rng: np.random.Generator) -> Points:
    angle = rng.uniform(0, np.pi)
    along = np.linspace(-1, 1, max(4 * lamp.n_spots, 12))[:, None]
    streak: Points = along * np.array([[np.cos(angle), np.sin(angle)]]) * min(0.25 * lamp.n_spots, 1.0)
    return streak


FORMS: dict[str, Callable[[ReflectionDesign, np.random.Generator], Points]] = {
    "scattered": _scattered,
    "ring": _ring,
    "streak": _streak,
}
"""Where the glints of a lamp lie, each coordinate from -1 to 1."""
