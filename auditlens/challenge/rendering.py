"""What a renderer hands over, and how its layers are laid over an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from auditlens.spec.artefacts import ArtefactBase

Image8 = NDArray[np.uint8]
Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]
Box = tuple[int, int, int, int]

VISIBLE_CHANGE = 24.0
"""Grey levels from which on an added difference counts as fully part of the artefact."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A piece of paint, and where its upper left corner lies.

    Attributes
    ----------
    left, top : int
        May be negative: what lies outside of the image is cut off.
    alpha : Plane, (height, width)
        Cover, 0 to 1.
    paint : Plane, (height, width, 3) or (3,)
        Grey levels 0 to 255; for blend `add` the signed difference.
    blend : {"cover", "multiply", "add"}
        cover: image * (1 - alpha) + paint * alpha;
        multiply: translucent paint, image * (1 - alpha * (1 - paint / 255));
        add: image + paint (alpha only tells where).
    """

    left: int
    top: int
    alpha: Plane
    paint: Plane
    blend: Literal["cover", "multiply", "add"] = "cover"


@dataclass(frozen=True, slots=True)
class Rendering:
    """An image with an artefact in it.

    Attributes
    ----------
    inserted : Image8, (height, width, 3)
    alpha : Plane, (height, width)
        Support of the change, 0 to 1; above 0 wherever a pixel differs, but for transplants, whose support is the core
        of the soft mask.
    full_field : bool
        True for changes of the whole image, which have no place of their own.
    of_detail : bool
        True for changes of the whole image's detail (blur, compression) rather than of its colour.
    """

    inserted: Image8
    alpha: Plane
    full_field: bool = False
    of_detail: bool = False


class ArtefactSource(Protocol):
    """One artefact in all its instances."""

    @property
    def artefact(self) -> ArtefactBase:
        """What the spec says of it."""
        ...

    @property
    def n_instances(self) -> int:
        """How many different cut-outs or drawings there are."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """A name per instance."""
        ...

    def render(self, image: Image8, instance: int, rng: np.random.Generator, avoid_mask: Mask | None) -> Rendering:
        """Put one instance into an image; place, size and opacity come from `rng`."""
        ...


def to_uint8(values: NDArray[np.floating]) -> Image8:
    """Round and clip to 8 bit."""
    rounded: Image8 = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return rounded


def is_grey(image: Image8) -> bool:
    """Say whether all channels are equal, as in an image that was stored with one."""
    return bool((image[:, :, :1] == image[:, :, 1:]).all())


def as_grey(image: Image8) -> Image8:
    """Replace colours by their luma (BT.601, as Pillow's conversion to one channel); greys stay as they are.

    Returns
    -------
    Image8, (height, width, 3)
        With equal channels.
    """
    luma = to_uint8(image.astype(np.float64) @ np.array((0.299, 0.587, 0.114)))
    return np.repeat(luma[:, :, None], 3, axis=2)


def compose(image: Image8, layers: Sequence[Layer], opacity: float = 1.0) -> Rendering:
    """Lay layers over an image, one after another.

    Parameters
    ----------
    image : Image8, (height, width, 3)
    layers : sequence of Layer
    opacity : float
        Factor on every layer, 0 to 1.

    Returns
    -------
    Rendering
        Same size, 8 bit; alpha is the cover of all layers together.
    """
    canvas = image.astype(np.float32)
    bare = np.ones(image.shape[:2], dtype=np.float32)
    for layer in layers:
        _lay(canvas, bare, layer, np.float32(opacity))
    return Rendering(to_uint8(canvas), 1.0 - bare)


def _lay(canvas: Plane, bare: Plane, layer: Layer, opacity: np.float32) -> None:
    height, width = bare.shape
    rows = slice(max(layer.top, 0), min(layer.top + layer.alpha.shape[0], height))
    columns = slice(max(layer.left, 0), min(layer.left + layer.alpha.shape[1], width))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    own = (
        slice(rows.start - layer.top, rows.stop - layer.top),
        slice(columns.start - layer.left, columns.stop - layer.left),
    )
    alpha = layer.alpha[own] * opacity
    paint = layer.paint[own] if layer.paint.ndim == 3 else layer.paint
    under = canvas[rows, columns]
    if layer.blend == "add":
        under += paint * opacity
    elif layer.blend == "multiply":
        under *= 1.0 - alpha[:, :, None] * (1.0 - paint / np.float32(255.0))
    else:
        under += alpha[:, :, None] * (paint - under)
    bare[rows, columns] *= 1.0 - alpha


def support_of_difference(difference: Plane) -> Plane:
    """Say how much a pixel of an added difference belongs to the artefact.

    Parameters
    ----------
    difference : Plane, (height, width, 3)
        Signed grey levels.

    Returns
    -------
    Plane, (height, width)
        Largest channel over `VISIBLE_CHANGE`, at most 1; 0 only where nothing changes.
    """
    support: Plane = np.minimum(np.abs(difference).max(axis=2) / np.float32(VISIBLE_CHANGE), np.float32(1.0))
    return support


def changed(before: Image8, after: Image8) -> Mask:
    """Say where any channel differs.

    Returns
    -------
    Mask, (height, width)
    """
    differs: Mask = (before != after).any(axis=2)
    return differs


def bounding_box(mask: Mask) -> Box:
    """Find the smallest box around the true pixels.

    Returns
    -------
    tuple of int
        Left, top, right, bottom; right and bottom exclusive; zeros for an empty mask.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return (0, 0, 0, 0)
    return (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def energy(before: Image8, after: Image8) -> float:
    """Sum the squared grey-level changes over all pixels and channels.

    Returns
    -------
    float
        0 for equal images.
    """
    change = after.astype(np.int32) - before
    return float(np.einsum("ijk,ijk->", change, change, dtype=np.int64))
