"""The sham: same place, same size and same pixel energy as the artefact, without its content."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import fft, ndimage

from auditlens.challenge.rendering import (
    Box,
    Image8,
    Mask,
    Plane,
    Rendering,
    bounding_box,
    energy,
    to_uint8,
)
from auditlens.challenge.strokes import smooth_noise

CLOSING = 0.08
"""Gaps up to twice this share of the shorter side (between ticks, strokes, hairs) belong to the artefact's place."""
MARGIN = 0.04
"""The place reaches this share of the shorter side further, so that a sham need not follow thin lines."""
SOFT_EDGE = 0.07
"""Width of the sham's soft edge, as a share of the shorter side."""
GRAIN = 0.16
"""Size of the texture's grain, as a share of the shorter side; why and how far: docs/artefacts.md."""
SHADING = 0.35
"""Strength of the slow shading beside the even change, in full-field shams."""
STRONGEST = 400.0
"""Grey levels per standard deviation beyond which a texture would break into hard-edged black and white."""
COARSE_SIDE = 64
N_STEPS = 12
TOLERANCE = 0.01
ENOUGH_PIXELS = 16_000


@dataclass(frozen=True, slots=True)
class Sham:
    """An image with a sham in it.

    Attributes
    ----------
    image : Image8, (height, width, 3)
    energy_ratio : float
        Sum of squared grey-level changes over that of the artefact; 1 is fair, less where clipping prevents it; NaN
        where the artefact changes nothing.
    """

    image: Image8
    energy_ratio: float


def make_sham(image: Image8, rendering: Rendering, rng: np.random.Generator) -> Sham:
    """Disturb an image as much as the artefact does, in the same place, with nothing to recognise.

    Local artefacts get a smooth zero-mean brightness texture in the skin's own tone, inside of the artefact's closed
    support and with soft edges. Changes of the whole image's colour get a neutral change of exposure with slow shading,
    as far as the support weighs each pixel (a background swap spares the lesion, and so does its sham);
    changes of its detail (blur, compression) get noise with the change's own spectrum, blind to the image.

    Parameters
    ----------
    image : Image8, (height, width, 3)
        Without the artefact.
    rendering : Rendering
        With it.
    rng : numpy.random.Generator

    Returns
    -------
    Sham
    """
    target = energy(image, rendering.inserted)
    if target == 0.0:
        return Sham(image.copy(), float("nan"))
    if rendering.full_field:
        pattern = _scrambled(image, rendering.inserted, rng) if rendering.of_detail else _exposure(image, rng)
        changed = _scaled_to(target, image, pattern, rendering.alpha[:, :, None])
        return Sham(changed, energy(image, changed) / target)
    weight, (left, top, right, bottom) = _place(rendering.alpha)
    crop = image[top:bottom, left:right]
    changed = image.copy()
    texture = _texture(crop, weight, min(image.shape[:2]), rng)
    changed[top:bottom, left:right] = _scaled_to(target, crop, texture, weight[:, :, None])
    return Sham(changed, energy(image, changed) / target)


def closed_support(alpha: Plane) -> Mask:
    """Say where the artefact lies: its own pixels, the gaps between them, and a narrow margin.

    Works on blocks of pixels, so it is quick at any size.

    Parameters
    ----------
    alpha : Plane, (height, width)
        Cover of the artefact.

    Returns
    -------
    Mask, (height, width)
        True where a sham may change the image.
    """
    height, width = alpha.shape
    step = _block_size(alpha)
    whole = _closed(_blocks(alpha, step), min(height, width) / step)
    support: Mask = np.repeat(np.repeat(whole, step, axis=0), step, axis=1)[:height, :width]
    return support


def _place(alpha: Plane) -> tuple[Plane, Box]:
    """Weight of the sham, 0 at the edge of the closed support to 1 inside, cut to the support's bounding box."""
    step, side = _block_size(alpha), min(alpha.shape)
    closed = _closed(_blocks(alpha, step), side / step)
    depth = ndimage.distance_transform_edt(np.pad(closed, 1, mode="edge"))[1:-1, 1:-1]
    rise = np.clip((depth - 1) / max(SOFT_EDGE * side / step, 1.0), 0, 1).astype(np.float32)
    full = Image.fromarray(rise).resize((rise.shape[1] * step, rise.shape[0] * step), Image.Resampling.BILINEAR)
    left, top, right, bottom = (edge * step for edge in bounding_box(closed))
    box = (left, top, min(right, alpha.shape[1]), min(bottom, alpha.shape[0]))
    inside = np.repeat(np.repeat(closed, step, axis=0), step, axis=1)
    weight: Plane = (np.asarray(full) * inside)[box[1] : box[3], box[0] : box[2]]
    return weight, box


def _block_size(alpha: Plane) -> int:
    return max(int(min(alpha.shape)) // COARSE_SIDE, 1)


def _blocks(alpha: Plane, step: int) -> Mask:
    """True for each block in which any pixel belongs to the artefact."""
    height, width = alpha.shape
    padded = np.pad(alpha > 0.01, ((0, -height % step), (0, -width % step)))
    return np.asarray(padded.reshape(padded.shape[0] // step, step, padded.shape[1] // step, step).any(axis=(1, 3)))


def _closed(blocks: Mask, side: float) -> Mask:
    """Close gaps, then widen; `side` is the image's shorter side in blocks."""
    radius, margin = max(CLOSING * side, 1.0), max(MARGIN * side, 1.0)
    reach = int(np.ceil(radius)) + 1
    near = ndimage.distance_transform_edt(~np.pad(blocks, reach)) <= radius
    filled: Mask = (ndimage.distance_transform_edt(near) > radius)[reach:-reach, reach:-reach] | blocks
    closed: Mask = np.asarray(ndimage.distance_transform_edt(~filled) <= margin)
    return closed


def _texture(crop: Image8, weight: Plane, side: int, rng: np.random.Generator) -> Plane:
    """A texture in the skin's own tone, with mean zero under the weight and any strength."""
    noise = smooth_noise(rng, (weight.shape[0], weight.shape[1]), max(GRAIN * side, 2.0))
    noise = noise - np.float32((weight * noise).sum() / max(float(weight.sum()), 1e-6))
    tone = crop[weight > 0].mean(axis=0, dtype=np.float64)
    tone = np.maximum(tone, 16.0) / max(float(tone.max()), 16.0)
    pattern: Plane = noise[:, :, None] * tone.astype(np.float32)
    return pattern


def _exposure(image: Image8, rng: np.random.Generator) -> Plane:
    """A brighter or darker exposure with slow shading; every pixel keeps its hue."""
    sign = 1.0 if rng.integers(2) else -1.0
    size = (image.shape[0], image.shape[1])
    shading = smooth_noise(rng, size, 0.8 * max(size))
    return image * (np.float32(sign) + np.float32(SHADING) * shading)[:, :, None] * np.float32(1 / 255)


def _scrambled(image: Image8, inserted: Image8, rng: np.random.Generator) -> Plane:
    """The change with its phases replaced by those of noise: as fine, as strong, but nowhere in particular.

    All channels share the phases, so that the change keeps its colours; with unit peak, to be scaled.
    """
    change = inserted.astype(np.float32) - image
    noise = fft.rfft2(rng.standard_normal(image.shape[:2]).astype(np.float32))
    phases = noise / np.maximum(np.abs(noise), np.float32(1e-12))
    spectrum = np.abs(fft.rfft2(change, axes=(0, 1))) * _signs(change)
    scrambled = fft.irfft2(spectrum * phases[:, :, None], s=image.shape[:2], axes=(0, 1))
    pattern: Plane = (scrambled / max(float(np.abs(scrambled).max()), 1e-6)).astype(np.float32)
    return pattern


def _signs(change: Plane) -> Plane:
    """Whether a channel changes with (1) or against (-1) the mean of the channels."""
    mean = change.mean(axis=2)
    against = np.einsum("ijk,ij->k", change, mean) < 0
    signs: Plane = np.where(against, -1.0, 1.0).astype(np.float32)
    return signs


def _scaled_to(target: float, image: Image8, pattern: Plane, weight: Plane | np.float32) -> Image8:
    """Add a pattern, as strong as it takes for its energy after rounding and bending to reach the target.

    The weight comes last, so that edges stay soft at any strength.
    """
    step = max(int(np.sqrt(image.shape[0] * image.shape[1] / ENOUGH_PIXELS)), 1)
    some, of_pattern = image[::step, ::step].astype(np.float32), pattern[::step, ::step]
    of_weight = weight if isinstance(weight, np.float32) else weight[::step, ::step]
    wanted = target * some.size / image.size
    scale = min(np.sqrt(wanted / max(float(((of_weight * of_pattern) ** 2).sum()), 1e-6)), STRONGEST)
    best, gap = scale, np.inf
    for _ in range(N_STEPS):
        change = np.rint(some + of_weight * _bent(some, np.float32(scale) * of_pattern)) - some
        reached = float(np.einsum("ijk,ijk->", change, change))
        if abs(reached / wanted - 1.0) < gap:
            best, gap = scale, abs(reached / wanted - 1.0)
        if gap < TOLERANCE or (scale >= STRONGEST and reached < wanted):
            break
        scale = min(scale * min(np.sqrt(wanted / max(reached, 1e-9)), 4.0), STRONGEST)
    whole = image.astype(np.float32)
    return to_uint8(whole + weight * _bent(whole, np.float32(best) * pattern))


def _bent(image: Plane, change: Plane) -> Plane:
    """Bend a change smoothly where it would leave 0 to 255, so that strong textures get no hard edges."""
    room = np.where(change > 0, np.float32(255.0) - image, image) + np.float32(1.0)
    bent: Plane = room * np.tanh(change / room)
    return bent
