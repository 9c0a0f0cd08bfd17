"""Drawn dark corners: the round aperture of a dermatoscope with a soft edge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auditlens.challenge.placement import Room
from auditlens.challenge.rendering import Layer


@dataclass(frozen=True, slots=True)
class ApertureDesign:
    """One dermatoscope; lengths are shares of half the image's shorter side."""

    radius: float
    softness: float
    colour: tuple[float, float, float]
    off_centre: float


def design(rng: np.random.Generator) -> ApertureDesign:
    """Draw one aperture: near black outside, edge sharp to soft."""
    red, green, blue = rng.uniform(2, 22) + rng.uniform(0, 5, 3)
    return ApertureDesign(
        radius=rng.uniform(1.02, 1.2),
        softness=rng.uniform(0.03, 0.14),
        colour=(float(red), float(green), float(blue)),
        off_centre=rng.uniform(0.0, 0.08),
    )


def draw(aperture: ApertureDesign, room: Room, rng: np.random.Generator) -> tuple[Layer, ...]:
    """Darken what lies outside of the aperture; a larger scale leaves a smaller opening.

    The corners are where they are: neither placement nor what is to be avoided moves them.

    Returns
    -------
    tuple of Layer
        One layer of the image's size.
    """
    half = 0.5 * room.side
    radius = float(np.clip(aperture.radius / room.scale**0.5, 0.9, 1.25)) * half
    angle = rng.uniform(0, 2 * np.pi)
    offset = aperture.off_centre * half
    y = np.arange(room.height, dtype=np.float32)[:, None] + np.float32(0.5 - room.height / 2 - offset * np.sin(angle))
    x = np.arange(room.width, dtype=np.float32)[None, :] + np.float32(0.5 - room.width / 2 - offset * np.cos(angle))
    stretch = np.float32(max(room.height, room.width) / room.side)
    distance = np.hypot(x, y * stretch) if room.width > room.height else np.hypot(x * stretch, y)
    outside = np.clip((distance / stretch - radius) / max(aperture.softness * half, 1.0) + 0.5, 0, 1).astype(np.float32)
    alpha = outside * outside * (3 - 2 * outside)
    return (Layer(0, 0, alpha, np.asarray(aperture.colour, dtype=np.float32)),)
