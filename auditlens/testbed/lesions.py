"""Pixels of a generated dermoscopy image: skin, and a pigmented lesion drawn from the ABCD factors.

Coordinates run from -1 to 1 over the image. All noise is value noise: a coarse random grid, interpolated.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

SKIN_TONES: Final = np.array([[236, 198, 182], [222, 172, 148], [196, 141, 114], [150, 101, 80]], np.float32)
LOBES: Final = ((1, 0.20), (2, 0.10), (3, 0.20))
LIGHT_BROWN: Final = np.array([158, 102, 70], np.float32)
FURTHER_COLOURS: Final = np.array(
    [[92, 52, 38], [38, 28, 30], [104, 116, 142], [176, 72, 70], [226, 206, 200]], np.float32
)
VEIL: Final = np.array([128, 142, 172], np.float32)


@dataclass(frozen=True, slots=True)
class Factors:
    """The latent truth of a lesion.

    Attributes
    ----------
    asymmetry, border, diameter : float
        Degrees in [0, 1]; the factor counts as present above one half.
    n_colours : int
        Number of colours, 1 to 5; "many" from 3 on.
    veil : bool
        Whether a blue-white veil lies over a part of the lesion (a look only; no part of the rule).
    """

    asymmetry: float
    border: float
    n_colours: int
    diameter: float
    veil: bool


@lru_cache(maxsize=64)
def _weights(n_coarse: int, size: int) -> Floats:
    """Return the ``[size, n_coarse]`` matrix of smoothstep interpolation."""
    position = np.linspace(0, n_coarse - 1, size)
    low = np.minimum(position.astype(int), n_coarse - 2)
    part = position - low
    part = part * part * (3 - 2 * part)
    weights = np.zeros((size, n_coarse), np.float32)
    weights[np.arange(size), low] = 1 - part
    weights[np.arange(size), low + 1] += part
    return weights


def noise(rng: np.random.Generator, n_coarse: int, size: int) -> Floats:
    """Return value noise ``[size, size]`` in [-1, 1] with ``n_coarse`` grid points along a side."""
    grid = rng.random((n_coarse, n_coarse), dtype=np.float32) * 2 - 1
    weights = _weights(n_coarse, size)
    return np.asarray(weights @ grid @ weights.T, np.float32)


@lru_cache(maxsize=8)
def coordinates(size: int) -> tuple[Floats, Floats]:
    """Return x (to the right) and y (downwards), each ``[size, size]`` from -1 to 1."""
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    return x, y


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * values), np.float32)


def skin(rng: np.random.Generator, tone: float, size: int) -> Floats:
    """Return bare skin ``[size, size, 3]``.

    Parameters
    ----------
    tone : float
        From 0 (fair) to 1 (dark brown), a place on `SKIN_TONES`.
    """
    place = tone * (len(SKIN_TONES) - 1)
    low = min(int(place), len(SKIN_TONES) - 2)
    colour = SKIN_TONES[low] + (SKIN_TONES[low + 1] - SKIN_TONES[low]) * np.float32(place - low)
    shades = np.stack([noise(rng, 5, size) for _ in range(3)], axis=-1) * np.array([3, 4, 4], np.float32)
    mottle = 4 * noise(rng, 14, size) + _skin_lines(rng, size)
    grain = rng.normal(0, 2.2, (size, size)).astype(np.float32)
    lit = (colour + shades + (mottle + grain)[..., None]) * _lighting(rng, size)[..., None]
    return np.asarray(lit, np.float32)


def _skin_lines(rng: np.random.Generator, size: int) -> Floats:
    """Return the fine darker furrows: the ridges of two layers of noise."""
    furrows = np.abs(noise(rng, 24, size)) + np.abs(noise(rng, 40, size))
    return np.asarray(-7 * np.exp(-((furrows / 0.16) ** 2)), np.float32)


def _lighting(rng: np.random.Generator, size: int) -> Floats:
    x, y = coordinates(size)
    slope = rng.uniform(-0.07, 0.07, 2).astype(np.float32)
    falloff = np.float32(rng.uniform(0.0, 0.07))
    return np.asarray(1 + slope[0] * x + slope[1] * y - falloff * (x * x + y * y - 0.6), np.float32)


def _outline(rng: np.random.Generator, factors: Factors, angle: Floats) -> Floats:
    """Return the lesion's radius in every direction, as a multiple of its mean radius."""
    low = sum(weight * np.cos(k * angle + rng.uniform(0, 2 * np.pi)) for k, weight in LOBES)
    high = sum(
        rng.normal(0, 0.8) * np.cos(k * angle + rng.uniform(0, 2 * np.pi)) / np.sqrt(k / 5)
        for k in (4, 5, 6, 7, 9, 11, 14)
    )
    stretch = rng.uniform(0.0, 0.12) * np.cos(2 * (angle - rng.uniform(0, np.pi)))
    outline = 1 + stretch + (0.02 + factors.asymmetry) * low + (0.006 + 0.075 * factors.border) * high
    return np.asarray(np.clip(outline, 0.35, 1.7), np.float32)


def radius(factors: Factors) -> float:
    """Return the lesion's mean radius in coordinates, from its diameter factor."""
    return 0.24 + 0.40 * factors.diameter


def lesion_cover(rng: np.random.Generator, factors: Factors, size: int) -> tuple[Floats, Floats, tuple[Floats, Floats]]:
    """Return opacity ``[size, size]`` in [0, 1], depth (0 at the edge, 1 inside) and lesion coordinates."""
    x, y = coordinates(size)
    centre = rng.uniform(-0.10, 0.10, 2).astype(np.float32)
    bend = np.float32(0.010 + 0.085 * factors.border)
    u = x - centre[0] + bend * noise(rng, 15, size)
    v = y - centre[1] + bend * noise(rng, 15, size)
    distance = np.hypot(u, v)
    mean_radius = np.float32(radius(factors))
    edge = mean_radius * _outline(rng, factors, np.arctan2(v, u)) - distance
    softness = rng.uniform(0.030, 0.055) * (1 - 0.45 * factors.border)
    cover = _sigmoid(edge / np.float32(softness))
    depth = np.clip(edge / mean_radius, 0, 1)
    return cover, depth, (u / mean_radius, v / mean_radius)


def lesion_colour(rng: np.random.Generator, factors: Factors, depth: Floats, place: tuple[Floats, Floats]) -> Floats:
    """Return the lesion's pigment ``[size, size, 3]``: brown, further colours in blobs, network, veil."""
    u, v = place
    size = depth.shape[0]
    colour = np.broadcast_to(LIGHT_BROWN * rng.uniform(0.88, 1.08), (size, size, 3)).astype(np.float32)
    colour = colour * (1 - 0.16 * depth[..., None])
    for extra in rng.permutation(len(FURTHER_COLOURS) - 1)[: factors.n_colours - 1]:
        colour = _blend(colour, FURTHER_COLOURS[extra], 0.88 * _blob(rng, u, v, size))
    if factors.veil:
        colour = _blend(colour, VEIL, 0.75 * _blob(rng, u, v, size))
    lean = rng.uniform(0, 2 * np.pi)
    shade = 0.36 * factors.asymmetry * np.clip(u * np.cos(lean) + v * np.sin(lean), -1, 1)
    return np.asarray(colour * (1 - shade + _structure(rng, u, v, size))[..., None], np.float32)


def _blob(rng: np.random.Generator, u: Floats, v: Floats, size: int) -> Floats:
    """Return the soft cover of one coloured area somewhere inside the lesion."""
    turn, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.30, 0.62)
    distance = np.hypot(u - reach * np.cos(turn), v - reach * np.sin(turn)) + 0.22 * noise(rng, 10, size)
    return _sigmoid((np.float32(rng.uniform(0.30, 0.42)) - distance) / np.float32(0.05))


def _blend(under: Floats, colour: Floats, cover: Floats) -> Floats:
    return under + (colour - under) * cover[..., None]


def _structure(rng: np.random.Generator, u: Floats, v: Floats, size: int) -> Floats:
    """Return relative brightness of pigment network and globules: looks that say nothing of the label."""
    turn, pitch = rng.uniform(0, np.pi), rng.uniform(19, 28)
    bend = 2.5 * noise(rng, 9, size)
    waves = sum(
        np.cos(pitch * (u * np.cos(turn + k * np.pi / 3) + v * np.sin(turn + k * np.pi / 3)) + bend) for k in range(3)
    )
    mesh = rng.uniform(0.005, 0.035) * waves
    globules = -rng.uniform(0.0, 0.30) * _sigmoid((noise(rng, 30, size) - 0.55) / 0.08)
    return np.asarray(mesh + globules + 0.12 * noise(rng, 8, size) + 0.06 * noise(rng, 22, size), np.float32)


def draw(rng: np.random.Generator, factors: Factors, tone: float, size: int) -> tuple[Pixels, Pixels]:
    """Draw a lesion on skin.

    Returns
    -------
    image : uint8 ``[size, size, 3]``
    mask : uint8 ``[size, size]``
        255 where the lesion covers more than half.
    """
    under = skin(rng, tone, size)
    cover, depth, place = lesion_cover(rng, factors, size)
    pigment = lesion_colour(rng, factors, depth, place) * np.float32(1 - 0.28 * tone)
    image = under + (pigment - under) * (np.float32(rng.uniform(0.86, 0.96)) * cover)[..., None]
    mask = np.where(cover > 0.5, 255, 0).astype(np.uint8)
    return np.clip(image, 0, 255).astype(np.uint8), mask
