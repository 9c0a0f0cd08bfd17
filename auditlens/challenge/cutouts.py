"""Artefacts cut out of labelled images by masks, and pasted into other images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from auditlens.challenge.draws import between
from auditlens.challenge.placement import SIDES, Side, place
from auditlens.challenge.rendering import (
    Image8,
    Layer,
    Mask,
    Plane,
    Rendering,
    bounding_box,
    compose,
)
from auditlens.challenge.stamps import PICTURES, Stamp, flipped, read_picture, scaled
from auditlens.errors import ArtefactError
from auditlens.spec.artefacts import Cutout
from auditlens.spec.paths import resolve

QUARTER_TURNS: dict[Side, int] = {"right": 0, "top": 1, "left": 2, "bottom": 3}
"""Counter-clockwise quarter turns that carry the right border to each side."""


WORKING_SIDE = 160
"""Masks are cleaned at no more than this size: they are drawn roughly anyway."""


@dataclass(frozen=True, slots=True)
class CutoutSource:
    """Cut-outs, one instance per usable mask.

    Attributes
    ----------
    artefact : Cutout
    stamps : tuple of Stamp
        Planes are premultiplied RGB and alpha, as shares of the source image's height once `heights` divides them;
        what touched a border of its source image is turned so that it touches the right one (and the top one, too).
    heights : tuple of int
        Height of each source image, pixels.
    touches : tuple of int
        How many neighbouring borders each cut-out touched: 0, 1 or 2.
    position : float or None
        How far in it lies, as a dose says, wherever it was cut off; None: at a border again, or as the spec says.
    """

    artefact: Cutout
    stamps: tuple[Stamp, ...]
    heights: tuple[int, ...]
    touches: tuple[int, ...]
    position: float | None = None

    @property
    def n_instances(self) -> int:
        """Number of usable masks."""
        return len(self.stamps)

    @property
    def names(self) -> tuple[str, ...]:
        """Stems of the mask files."""
        return tuple(stamp.name for stamp in self.stamps)

    def render(self, image: Image8, instance: int, rng: np.random.Generator, avoid_mask: Mask | None) -> Rendering:
        """Paste one cut-out; the edge at which it was cut off lies at the border of the image again."""
        size = image.shape[:2]
        touches = self.touches[instance]
        factor = size[0] / self.heights[instance] * between(rng, self.artefact.scale)
        planes = scaled(self.stamps[instance].planes, factor)
        side = SIDES[int(rng.integers(4))]
        planes = np.rot90(planes, QUARTER_TURNS[side])
        if touches < 2:
            planes = _mirrored_along(planes, side, rng) if touches else flipped(planes, rng)
        alpha = planes[:, :, 3]
        spot = self._spot(alpha, size, rng, avoid_mask, side, touches)
        paint = planes[:, :, :3] / np.maximum(alpha, np.float32(1e-4))[:, :, None]
        return compose(
            image, [Layer(*spot, alpha, paint.astype(np.float32, copy=False))], between(rng, self.artefact.opacity)
        )

    def _spot(
        self,
        alpha: Plane,
        size: tuple[int, int],
        rng: np.random.Generator,
        avoid: Mask | None,
        side: Side,
        touches: int,
    ) -> tuple[int, int]:
        if self.position is not None:
            spot = place(alpha, size, self.position, rng, avoid, side=side if touches else None)
            return spot.left, spot.top
        if touches == 2:
            corner = {"right": (True, False), "top": (False, False), "left": (False, True), "bottom": (True, True)}
            at_end_x, at_end_y = corner[side]
            return (size[1] - alpha.shape[1]) * at_end_x, (size[0] - alpha.shape[0]) * at_end_y
        placement = "border" if touches else self.artefact.placement
        spot = place(alpha, size, placement, rng, avoid, overhang=0.15, side=side if touches else None)
        return spot.left, spot.top


def _mirrored_along(planes: Plane, side: Side, rng: np.random.Generator) -> Plane:
    """Mirror along the border, so that the cut edge stays at it."""
    if not rng.integers(2):
        return planes
    return planes[::-1] if side in ("left", "right") else planes[:, ::-1]


def load_cutouts(artefact: Cutout, base: Path, seed: int) -> CutoutSource:
    """Cut the artefact out of all images that have a usable mask.

    Parameters
    ----------
    artefact : Cutout
    base : Path
        Folder that relative paths start from.
    seed : int
        Not used: the instances are the masks.

    Returns
    -------
    CutoutSource

    Raises
    ------
    ArtefactError
        When a folder is missing, a mask has no image, or no mask is usable.
    """
    images, masks = resolve(artefact.images, base), resolve(artefact.masks, base)
    for folder in (images, masks):
        if not folder.is_dir():
            raise ArtefactError(f"{folder}: no such folder; kind cutout needs a folder of images and one of masks")
    pieces = list(_pieces(artefact, images, masks))
    if not pieces:
        raise ArtefactError(
            f"{masks}: no mask covers {artefact.min_area:g} to {artefact.max_area:g} of its image in one piece",
            hint="lower min_area, raise max_area, or give other masks",
        )
    stamps, heights, touches = zip(*pieces, strict=True)
    return CutoutSource(artefact, tuple(stamps), tuple(heights), tuple(touches))


def _pieces(artefact: Cutout, images: Path, masks: Path) -> Iterator[tuple[Stamp, int, int]]:
    by_stem = {path.stem: path for path in sorted(images.iterdir()) if path.suffix.lower() in PICTURES}
    for path in sorted(path for path in masks.iterdir() if path.suffix.lower() in PICTURES):
        if path.stem not in by_stem:
            raise ArtefactError(f"{path}: no image of the same name in {images}; each mask needs its image")
        picture = read_picture(by_stem[path.stem], "RGB")
        piece = usable_piece(read_picture(path, "L"), picture.shape[:2], artefact.min_area, artefact.max_area)
        if piece is not None:
            planes, touches = _cut(picture, piece, artefact.feather)
            yield Stamp(path.stem, planes), picture.shape[0], touches


def usable_piece(mask: Image8, size: tuple[int, int], min_area: float, max_area: float) -> Mask | None:
    """Clean a noisy mask: threshold at one half, close gaps, keep the largest piece, fill its holes.

    Parameters
    ----------
    mask : ndarray of uint8, (height, width)
        Heat; half its largest value is the threshold.
    size : tuple of int
        Height and width of the image, to which the mask is resized.
    min_area, max_area : float
        Accepted share of the image.

    Returns
    -------
    Mask or None
        None when nothing usable is left.
    """
    shrink = min(WORKING_SIDE / max(size), 1.0)
    height, width = max(round(size[0] * shrink), 1), max(round(size[1] * shrink), 1)
    heat = np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.BILINEAR))
    piece = _largest_piece(heat >= heat.max() / 2) if heat.max() > 0 else None
    if piece is None or not min_area <= float(piece.mean()) <= max_area:
        return None
    smooth = Image.fromarray(piece.astype(np.uint8) * 255).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(smooth) >= 128


def _largest_piece(mask: Mask) -> Mask | None:
    """Close gaps, keep the largest piece, fill its holes, cut off its threads."""
    radius = max(round(0.015 * min(mask.shape)), 1)
    disc = np.hypot(*np.mgrid[-radius : radius + 1, -radius : radius + 1]) <= radius
    inner = slice(2 * radius, -2 * radius)
    closed = ndimage.binary_closing(np.pad(mask, 2 * radius, mode="edge"), disc)[inner, inner]
    pieces, n_pieces = ndimage.label(closed)
    if not n_pieces:
        return None
    largest = pieces == 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))
    filled = np.pad(ndimage.binary_fill_holes(largest), 2 * radius, mode="edge")
    return np.asarray(ndimage.binary_opening(filled, disc)[inner, inner])


def _cut(picture: Image8, piece: Mask, feather: float) -> tuple[Plane, int]:
    """Cut one piece, premultiplied, soft inwards from its edge but not where the image cut it off."""
    width = max(feather * min(piece.shape), 1.0)
    left, top, right, bottom = bounding_box(piece)
    around = np.pad(piece, 1, mode="edge")[top : bottom + 2, left : right + 2]
    depth = ndimage.distance_transform_edt(around)[1:-1, 1:-1]
    alpha = np.clip(depth / width, 0, 1).astype(np.float32)[:, :, None]
    planes = np.concatenate([picture[top:bottom, left:right] * alpha, alpha], axis=2)
    return _to_right_border(planes.astype(np.float32), (left, top, right, bottom), piece.shape)


def _to_right_border(planes: Plane, box: tuple[int, int, int, int], size: tuple[int, ...]) -> tuple[Plane, int]:
    """Turn a piece so that the border it touched is the right one, and for a corner the right and top ones."""
    margin = max(round(0.01 * min(size)), 1)
    at = {
        "left": box[0] < margin,
        "top": box[1] < margin,
        "right": box[2] > size[1] - margin,
        "bottom": box[3] > size[0] - margin,
    }
    # A counter-clockwise quarter turn carries right to top, top to left, left to bottom, bottom to right.
    order: tuple[Side, ...] = ("right", "bottom", "left", "top")
    for turns, side in enumerate(order):
        following = order[(turns - 1) % 4]
        if at[side] and at[following]:
            return np.ascontiguousarray(np.rot90(planes, turns)), 2
    for turns, side in enumerate(order):
        if at[side]:
            return np.ascontiguousarray(np.rot90(planes, turns)), 1
    return planes, 0
