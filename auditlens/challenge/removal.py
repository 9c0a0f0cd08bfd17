"""The artefact taken out: its region filled from its surroundings, and a control of the same shape beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image
from scipy import ndimage, signal

from auditlens.challenge.cutouts import usable_piece
from auditlens.challenge.draws import stream
from auditlens.challenge.erasure import erase
from auditlens.challenge.placement import centre_ellipse
from auditlens.challenge.rendering import Image8, Mask, Plane, bounding_box
from auditlens.data.images import load_mask
from auditlens.data.sample import Sample
from auditlens.spec.artefacts import Removal

LEAST_AREA = 0.001
"""Share of the image that a usable mask covers at least."""
LEAST_LEFT = 0.5
"""Share of a region that must lie outside of the lesion, which stays as it is."""
SMALLER_PIECE, MOST_PIECES = 0.2, 8
"""Further pieces of a cleaned mask have at least this share of the largest one's area, and are so many at most."""
DARKER_SPREADS, DARKER_LEVELS = 3.0, 18.0
"""A dark blob lies so many spreads (normalised median deviations), and grey levels, below the image's median."""
LINE_WIDTH = 0.02
"""Half the width, as a share of the shorter side, up to which something dark is a line (a hair) and no blob."""
COARSE_SIDE = 64
"""The place of the control is searched on blocks, so many along the shorter side."""

FLIPS = tuple((slice(None, None, down), slice(None, None, across)) for down in (1, -1) for across in (1, -1))
"""Views of an image that start at each of its corners."""

Unfit = Literal["mask", "lesion", "room"]
"""Why an image cannot take part: no usable mask; the artefact lies over the lesion; no place for the control."""


@dataclass(frozen=True, slots=True)
class Removed:
    """One image before, with the artefact filled, and with the control filled.

    Attributes
    ----------
    before, after, control : Image8, (height, width, 3)
    region, control_region : Mask, (height, width)
        What was filled.
    """

    before: Image8
    after: Image8
    control: Image8
    region: Mask
    control_region: Mask


def removed(image: Image8, mask: Image8, sample: Sample, artefact: str, removal: Removal, seed: int) -> Removed | Unfit:
    """Take the artefact out of an image that has it, and a region of the same shape elsewhere.

    The control is drawn among all places, turns and mirror images of the shape that meet neither the artefact nor the
    lesion; at the border of the image where the artefact is. The lesion is the sample's mask, or else the ellipse
    around the centre and, as long as that leaves room, whatever else is a dark blob. Pixels of the lesion's mask are
    never filled.

    Parameters
    ----------
    image : Image8, (height, width, 3)
    mask : ndarray of uint8, (h, w)
        Where the artefact is; half of its highest value is the threshold.
    sample : Sample
        Of the image: its lesion mask, and its hash for the draws.
    artefact : str
    removal : Removal
    seed : int

    Returns
    -------
    Removed, or why not
    """
    size = (image.shape[0], image.shape[1])
    whole = artefact_region(mask, size, removal)
    if whole is None:
        return "mask"
    lesion = load_mask(sample, (size[1], size[0]))
    region = whole & ~lesion if lesion is not None else whole
    if region.sum() < LEAST_LEFT * whole.sum():
        return "lesion"
    control_region = _control(region, whole, image, lesion, stream("removal", sample.digest, artefact, seed))
    if control_region is None:
        return "room"
    # The same grain for both: what differs is where it is filled.
    after, control = (
        erase(image, place, stream("fill", sample.digest, artefact, seed)) for place in (region, control_region)
    )
    return Removed(image, after, control, region, control_region)


def _control(region: Mask, whole: Mask, image: Image8, lesion: Mask | None, rng: np.random.Generator) -> Mask | None:
    if lesion is not None and lesion.any():
        return elsewhere(region, whole | lesion, rng)
    centre = whole | centre_ellipse(image.shape[0], image.shape[1])
    careful = elsewhere(region, centre | dark_blobs(image), rng)
    return careful if careful is not None else elsewhere(region, centre, rng)


def artefact_region(mask: Image8, size: tuple[int, int], removal: Removal) -> Mask | None:
    """Clean a mask as the spec says, bring it to the image's size, and widen it by the margin.

    Returns
    -------
    Mask, (height, width), or None
        None where nothing usable is left, or more than `max_area` would be filled.
    """
    heat = np.asarray(Image.fromarray(mask).resize((size[1], size[0]), Image.Resampling.BILINEAR))
    inside = heat >= max(float(heat.max()) / 2, 0.5)
    piece = _large_pieces(inside, removal.max_area) if removal.cleaned else inside
    if piece is None or piece.mean() < LEAST_AREA:
        return None
    region: Mask = ndimage.distance_transform_edt(~piece) <= removal.margin * min(size)
    return region if region.mean() <= removal.max_area else None


def _large_pieces(inside: Mask, max_area: float) -> Mask | None:
    """Clean the largest piece of a mask, and all that are not much smaller: a ruler may fall apart between ticks."""
    size = (inside.shape[0], inside.shape[1])
    found: Mask | None = None
    least, rest = LEAST_AREA, inside.astype(np.uint8) * 255
    for _ in range(MOST_PIECES):
        piece = usable_piece(rest, size, least, max_area)
        if piece is None:
            break
        if found is None:
            found, least = piece, max(SMALLER_PIECE * float(piece.mean()), LEAST_AREA)
        found = found | piece
        rest = np.where(ndimage.binary_dilation(piece, iterations=2), 0, rest).astype(np.uint8)
    return found


def dark_blobs(image: Image8) -> Mask:
    """Mark what is much darker than most of the image and no thin line: where a lesion may be that has no mask.

    Returns
    -------
    Mask, (height, width)
    """
    side = min(image.shape[:2])
    luma = ndimage.gaussian_filter(image.astype(np.float32).mean(axis=2), max(0.01 * side, 0.7))
    middle = float(np.median(luma))
    spread = 1.4826 * float(np.median(np.abs(luma - middle)))
    dark = luma < middle - max(DARKER_SPREADS * spread, DARKER_LEVELS)
    reach = max(LINE_WIDTH * side, 1.0)
    core = ndimage.distance_transform_edt(np.pad(dark, 1, mode="edge"))[1:-1, 1:-1] > reach
    wider: Mask = ndimage.distance_transform_edt(~core) <= 2 * reach if core.any() else core
    return wider


def elsewhere(region: Mask, taken: Mask, rng: np.random.Generator) -> Mask | None:
    """Find a place for a region's shape, or a turn or mirror image of it, that meets nothing that is taken.

    Parameters
    ----------
    region, taken : Mask, (height, width)
    rng : numpy.random.Generator

    Returns
    -------
    Mask, (height, width), or None
        Drawn evenly from all places on coarse grids that start at each corner of the image; where the region lies at
        the border, from those at the border as long as there are any. None where there is no place.
    """
    left, top, right, bottom = bounding_box(region)
    piece = region[top:bottom, left:right]
    shapes = [view for turns in range(4) for view in (np.rot90(piece, turns), np.rot90(piece, turns)[:, ::-1])]
    step = max(min(region.shape) // COARSE_SIDE, 1)
    tried = [(flip, shape) for flip in FLIPS for shape in shapes]
    blocks = [_blocks(shape, step) for shape in shapes]
    starts = [
        _starts(shape, own, other, region.shape, step)
        for other in (_blocks(taken[flip], step) for flip in FLIPS)
        for shape, own in zip(shapes, blocks, strict=True)
    ]
    if left == 0 or top == 0 or right == region.shape[1] or bottom == region.shape[0]:
        at_border = [rows[(rows == 0).any(axis=1)] for rows in starts]
        starts = at_border if any(map(len, at_border)) else starts
    n_free = np.cumsum([len(rows) for rows in starts])
    if not n_free[-1]:
        return None
    drawn = int(rng.integers(n_free[-1]))
    number = int(np.searchsorted(n_free, drawn, side="right"))
    (flip, shape), (row, column) = tried[number], starts[number][drawn - n_free[number]]
    found: Mask = np.zeros_like(region)
    found[flip][row : row + shape.shape[0], column : column + shape.shape[1]] = shape  # a view of the flipped image
    return found


def _starts(shape: Mask, own: Plane, other: Plane, size: tuple[int, ...], step: int) -> np.ndarray:
    """Upper left corners, (places, 2), on a grid, from which a shape lies inside of the image and meets nothing."""
    if shape.shape[0] > size[0] or shape.shape[1] > size[1]:
        return np.zeros((0, 2), dtype=np.int64)
    room = [(free - length) // step + 1 for free, length in zip(size, shape.shape, strict=True)]
    meets = signal.fftconvolve(other, own[::-1, ::-1], mode="valid")[: room[0], : room[1]]
    return np.argwhere(meets < 0.5) * step


def _blocks(mask: Mask, step: int) -> Plane:
    """1 for each block in which any pixel is set, (blocks, blocks)."""
    height, width = mask.shape
    padded = np.pad(mask, ((0, -height % step), (0, -width % step)))
    blocks = padded.reshape(padded.shape[0] // step, step, padded.shape[1] // step, step).any(axis=(1, 3))
    return np.asarray(blocks, dtype=np.float32)
