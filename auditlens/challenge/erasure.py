"""The lesion erased: what lies inside of the mask is replaced by what the skin around it goes on to."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image
from scipy import ndimage

from auditlens.challenge.rendering import Image8, Mask, Plane, bounding_box, to_uint8
from auditlens.data.images import load_mask
from auditlens.data.sample import Sample

MARGIN = 0.05
"""The erased region reaches this share of the shorter side beyond the mask, since a lesion's edge does too."""
LEAST_SKIN = 0.05
"""Share of the image that must remain to fill from."""
N_SMOOTHED = 6
JUDGED_SIDE = 160
"""Whether a mask can be used is judged at this size."""
_USABLE: Final[dict[tuple[Path, int, int], bool]] = {}
"""Mask file with its time and size -> whether it can be used: several artefacts ask, and decoding takes its time."""
TRUNCATE = 4.0
"""Standard deviations at which the smoothing ends."""


def erased_region(mask: Mask) -> Mask:
    """Widen a lesion mask by a margin.

    Returns
    -------
    Mask, (height, width)
    """
    reach = max(MARGIN * min(mask.shape), 1.0)
    wider: Mask = ndimage.distance_transform_edt(~mask) <= reach if mask.any() else mask
    return wider


def can_erase(region: Mask) -> bool:
    """Say whether there is something to erase and enough skin to fill it from."""
    return bool(region.any() and region.mean() <= 1 - LEAST_SKIN)


def has_usable_mask(sample: Sample) -> bool:
    """Say whether a sample has a lesion mask that is not empty and leaves enough skin; each file is read once.

    Raises
    ------
    ImageError
        When the mask cannot be decoded.
    """
    if sample.mask is None:
        return False
    state = sample.mask.stat() if sample.mask.is_file() else None  # a file that is gone is told by `load_mask`
    key = (sample.mask, state.st_mtime_ns if state else 0, state.st_size if state else 0)
    if key not in _USABLE:
        mask = load_mask(sample, (JUDGED_SIDE, JUDGED_SIDE))
        _USABLE[key] = mask is not None and can_erase(erased_region(mask))
    return _USABLE[key]


def erase(image: Image8, region: Mask, rng: np.random.Generator) -> Image8:
    """Fill a region smoothly from its surroundings, with grain as strong as theirs.

    Parameters
    ----------
    image : Image8, (height, width, 3)
    region : Mask, (height, width)
        What to fill; at least one pixel must lie outside.
    rng : numpy.random.Generator
        For the grain.

    Returns
    -------
    Image8, (height, width, 3)
        Equal to the image outside of the region.
    """
    pixels, known = image.astype(np.float32), ~region
    filled = _filled(pixels, known)
    sigma = max(0.01 * min(region.shape), 0.7)
    near = _around(region, int(TRUNCATE * sigma + 0.5) + 1)
    window, inside = filled[near], region[near]
    for _ in range(N_SMOOTHED):
        window[inside] = ndimage.gaussian_filter(window, (sigma, sigma, 0), mode="reflect", truncate=TRUNCATE)[inside]
    grain = rng.standard_normal(region.shape).astype(np.float32)[:, :, None] * _grain(pixels, known)
    after = to_uint8(filled + grain)
    after[known] = image[known]
    return after


def _around(region: Mask, reach: int) -> tuple[slice, slice]:
    """Window of the image that pixels of the region are smoothed from; what lies further off has no say."""
    left, top, right, bottom = bounding_box(region)
    return slice(max(top - reach, 0), bottom + reach), slice(max(left - reach, 0), right + reach)


def _filled(pixels: Plane, known: Mask) -> Plane:
    """Fill unknown pixels from ever coarser means of known ones (pull and push)."""
    if known.all() or max(known.shape) <= 2:
        mean = pixels[known].mean(axis=0) if known.any() else np.zeros(3, dtype=np.float32)
        return np.where(known[:, :, None], pixels, mean).astype(np.float32)
    height, width = known.shape
    padding = ((0, height % 2), (0, width % 2))
    weight = _pairs(np.pad(known.astype(np.float32), padding)[:, :, None])
    sums = _pairs(np.pad(pixels * known[:, :, None], (*padding, (0, 0))))
    coarse = _filled((sums / np.maximum(weight, 1e-6)).astype(np.float32), weight[:, :, 0] > 0)
    finer = [
        np.asarray(Image.fromarray(coarse[:, :, c]).resize((width, height), Image.Resampling.BILINEAR))
        for c in range(3)
    ]
    return np.where(known[:, :, None], pixels, np.stack(finer, axis=2)).astype(np.float32)


def _pairs(planes: Plane) -> Plane:
    """Sum blocks of two by two pixels."""
    blocks: Plane = planes[::2, ::2] + planes[1::2, ::2] + planes[::2, 1::2] + planes[1::2, 1::2]
    return blocks


def _grain(pixels: Plane, known: Mask) -> Plane:
    """Strength of the finest detail outside of the region, per channel: the median size, as of a normal variable."""
    soft = np.stack([ndimage.uniform_filter(pixels[:, :, c], 3, mode="reflect") for c in range(3)], axis=2)
    size: Plane = (np.median(np.abs(pixels - soft)[known], axis=0) / 0.6745).astype(np.float32)
    return size
