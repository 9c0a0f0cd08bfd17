"""Drawn colour patches and plasters, as they lie beside the lesion in dermoscopy, often partly out of view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from auditlens.challenge.placement import Room, place
from auditlens.challenge.rendering import Layer, Plane
from auditlens.challenge.strokes import Points, Sheet, smooth_noise

COLOURS: dict[str, tuple[int, int, int]] = {
    "blue": (20, 130, 210),
    "turquoise": (95, 195, 195),
    "orange": (250, 140, 30),
    "yellow": (222, 208, 25),
    "green": (60, 165, 75),
    "violet": (160, 155, 215),
    "beige": (222, 186, 150),
    "white": (226, 224, 228),
}


@dataclass(frozen=True, slots=True)
class PatchDesign:
    """One patch or plaster; lengths are shares of the image's shorter side."""

    colour: str
    tone: tuple[float, float, float]
    core: tuple[float, float, float] | None
    """Colour of a smaller disc on the patch."""
    radius: float
    aspect: float
    plaster: bool
    """A long plaster with holes instead of a round patch."""
    turn: float
    dimple: float
    """Distance of the embossed dots."""
    relief: float


def design(rng: np.random.Generator) -> PatchDesign:
    """Draw one patch: round and of one colour as a rule, one in five with a core, one in six a plaster."""
    plaster = rng.random() < 1 / 6
    names = [name for name in COLOURS if name not in ("beige", "white")]
    colour = str(rng.choice(["beige", "white"] if plaster else [*names, "beige"]))
    core = str(rng.choice(names)) if not plaster and rng.random() < 0.2 else None
    return PatchDesign(
        colour=colour,
        tone=_toned(rng, colour),
        core=_toned(rng, core) if core and core != colour else None,
        radius=rng.uniform(0.10, 0.14) if plaster else rng.uniform(0.16, 0.27),
        aspect=rng.uniform(2.4, 3.2) if plaster else rng.uniform(0.85, 1.2),
        plaster=plaster,
        turn=rng.uniform(0, np.pi),
        dimple=rng.uniform(0.018, 0.03),
        relief=rng.uniform(0.02, 0.08),
    )


def _toned(rng: np.random.Generator, colour: str) -> tuple[float, float, float]:
    red, green, blue = np.clip(np.asarray(COLOURS[colour]) * rng.uniform(0.88, 1.05) + rng.normal(0, 7, 3), 0, 255)
    return (float(red), float(green), float(blue))


def draw(patch: PatchDesign, room: Room, rng: np.random.Generator) -> tuple[Layer, ...]:
    """Lay a patch at its place, with a soft shadow around it.

    Returns
    -------
    tuple of Layer
        The shadow and the patch.
    """
    radius = max(patch.radius * room.side * room.scale, 2.0)
    outline = _outline(patch, radius)
    margin = max(0.02 * room.side, 1.0)
    reach = np.ceil(np.abs(outline).max(axis=0) + margin)
    width, height = (int(2 * extent) for extent in reach)
    sheet, shade = Sheet(height, width), Sheet(height, width)
    sheet.polygon(outline + reach)
    shade.polygon(outline * (1 + margin / radius * 0.6) + reach)
    alpha, shaded = sheet.cover(), shade.cover()
    spot = place(shaded, room.size, room.placement, rng, room.avoid, overhang=0.5)
    shadow = _blurred(shaded, margin) * np.float32(0.18)
    return (
        Layer(spot.left, spot.top, shadow, np.asarray((90, 60, 55), dtype=np.float32), "multiply"),
        Layer(spot.left, spot.top, alpha, _paint(patch, (height, width), radius, room.side, rng)),
    )


def _outline(patch: PatchDesign, radius: float) -> Points:
    """A near-ellipse for a patch, a rounded rectangle for a plaster, around (0, 0)."""
    angles = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    power = 0.45 if patch.plaster else 0.96
    x = np.sign(np.cos(angles)) * np.abs(np.cos(angles)) ** power * radius * patch.aspect
    y = np.sign(np.sin(angles)) * np.abs(np.sin(angles)) ** power * radius
    cos, sin = np.cos(patch.turn), np.sin(patch.turn)
    return np.stack([cos * x - sin * y, sin * x + cos * y], axis=1)


def _paint(patch: PatchDesign, size: tuple[int, int], radius: float, side: int, rng: np.random.Generator) -> Plane:
    """Colour of every pixel: tone, core, embossed dots, uneven light."""
    y = np.arange(size[0], dtype=np.float32)[:, None] - size[0] / 2
    x = np.arange(size[1], dtype=np.float32)[None, :] - size[1] / 2
    pitch = max(patch.dimple * side, 3.0)
    dots = np.cos(2 * np.pi * (x + y) / pitch) * np.cos(2 * np.pi * (x - y) / pitch)
    slope = rng.normal(0.0, 0.05, 2)
    light = 1 + patch.relief * dots + (slope[0] * x + slope[1] * y) / radius
    light = light + 0.03 * smooth_noise(rng, size, max(radius / 2, 2.0))
    paint = np.broadcast_to(np.asarray(patch.tone, dtype=np.float32), (*size, 3)).copy()
    if patch.core is not None:
        inside = np.clip(0.55 * radius - np.hypot(x / patch.aspect**0.5, y) + 0.5, 0, 1)[:, :, None]
        paint += inside * (np.asarray(patch.core, dtype=np.float32) - paint)
    if patch.plaster:
        pad = np.clip(0.85 * radius - np.hypot(x, y) + 0.5, 0, 1)[:, :, None]
        paint += pad * 0.35 * (np.float32(245.0) - paint)
    lit: Plane = np.clip(paint * light[:, :, None], 0, 255).astype(np.float32)
    return lit


def _blurred(cover: Plane, sigma: float) -> Plane:
    return np.asarray(ndimage.gaussian_filter(cover, sigma / 4, mode="constant"), dtype=np.float32)
