"""Embed the cropped concept examples, and matched random crops as their null (paper, 3.2; decision rule 1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, overload

import numpy as np
from numpy.typing import NDArray

from auditlens.data.images import load_rgb
from auditlens.data.sample import DataIndex
from auditlens.examine.audited import Progress
from auditlens.examine.geometry import image_size
from auditlens.stages.evidence import ComponentExamples, Ints

Pixels = NDArray[np.uint8]


class ImageEncoder(Protocol):
    """What embedding needs of a foundation model."""

    @property
    def dimension(self) -> int:
        """Width of the semantic space."""

    def embed_images(self, images: Sequence[Pixels], batch_size: int = 32, /) -> NDArray[np.float32]:
        """Embed images as unit vectors, (images, dim)."""


def embed_components(
    encoder: ImageEncoder,
    index: DataIndex,
    layer: str,
    components: Ints,
    image_indices: Ints,
    boxes: Ints,
    n_null: int = 600,
    seed: int = 0,
    batch_size: int = 32,
    progress: Progress | None = None,
) -> ComponentExamples:
    """Embed the examples of a layer's components and their matched random crops.

    Parameters
    ----------
    encoder : ImageEncoder
    index : DataIndex
    layer : str
    components : (K,)
    image_indices : (K, m)
        Rows of the index; -1 for none.
    boxes : (K, m, 4)
        Left, top, right, bottom in pixels.
    n_null : int
        Random crops.
    seed : int
    batch_size : int
    progress : callable, optional
        Told the number of crops just embedded.
    """
    embeddings = embed_examples(encoder, index, image_indices, boxes, batch_size, progress)
    null, null_images = null_pool(encoder, index, image_indices, boxes, n_null, seed, batch_size, progress)
    return ComponentExamples(layer, components, image_indices, boxes, embeddings, null, null_images)


def embed_examples(
    encoder: ImageEncoder,
    index: DataIndex,
    image_indices: Ints,
    boxes: Ints,
    batch_size: int = 32,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Embed cropped examples, (K, m) and (K, m, 4) -> (K, m, dim); equal crops once; NaN beside -1."""
    there = image_indices >= 0
    wanted = np.column_stack([image_indices[there], boxes[there].reshape(-1, 4)])
    distinct, inverse = np.unique(wanted, axis=0, return_inverse=True)
    embeddings = np.full((*image_indices.shape, encoder.dimension), np.nan, np.float32)
    embeddings[there] = embed_crops(encoder, index, distinct, batch_size, progress)[inverse.reshape(-1)]
    return embeddings


def null_pool(
    encoder: ImageEncoder,
    index: DataIndex,
    image_indices: Ints,
    boxes: Ints,
    n: int = 600,
    seed: int = 0,
    batch_size: int = 32,
    progress: Progress | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Embed random crops that match the real ones in all but their image.

    Each takes the box of a random example, in relative coordinates, and puts it on a random image of the same data:
    sizes, shapes and places are distributed as those of the examples. Images repeat only once all have been used.

    Returns
    -------
    embeddings : (n, dim)
    rows : (n,)
        Row of the data index of each.
    """
    wanted = _matched_crops(index, image_indices, boxes, n, seed)
    order = np.argsort(wanted[:, 0], kind="stable")
    embeddings = np.empty((len(wanted), encoder.dimension), np.float32)
    embeddings[order] = embed_crops(encoder, index, wanted[order], batch_size, progress)
    return embeddings, wanted[:, 0]


def embed_crops(
    encoder: ImageEncoder, index: DataIndex, wanted: Ints, batch_size: int, progress: Progress | None = None
) -> NDArray[np.float32]:
    """Embed crops given as rows (image, left, top, right, bottom), (n, 5) -> (n, dim); cheapest sorted by image."""
    parts = []
    for start in range(0, len(wanted), batch_size):
        part = wanted[start : start + batch_size]
        parts.append(encoder.embed_images(CropSequence(index, part)[:], batch_size))
        if progress is not None:
            progress(len(part))
    return np.concatenate(parts) if parts else np.empty((0, encoder.dimension), np.float32)


class CropSequence(Sequence[Pixels]):
    """Crops that are cut when they are asked for; neighbours on one image share its decoding."""

    def __init__(self, index: DataIndex, wanted: Ints) -> None:
        self._index = index
        self._wanted = wanted

    def __len__(self) -> int:
        """Return the number of crops."""
        return len(self._wanted)

    @overload
    def __getitem__(self, place: int) -> Pixels: ...
    @overload
    def __getitem__(self, place: slice) -> list[Pixels]: ...
    def __getitem__(self, place: int | slice) -> Pixels | list[Pixels]:
        """Cut one crop, or several."""
        if isinstance(place, slice):
            return list(self._cut(self._wanted[place]))
        return next(self._cut(self._wanted[place][None]))

    def _cut(self, wanted: Ints) -> Iterator[Pixels]:
        last, pixels = -1, np.empty((0, 0, 3), np.uint8)
        for row, left, top, right, bottom in wanted:
            if row != last:
                last, pixels = int(row), load_rgb(self._index.samples[int(row)])
            yield pixels[top:bottom, left:right]


def _matched_crops(index: DataIndex, image_indices: Ints, boxes: Ints, n: int, seed: int) -> NDArray[np.int64]:
    """Draw (image, left, top, right, bottom), (n, 5)."""
    there = np.argwhere(image_indices >= 0)
    if not len(there) or not n:
        return np.empty((0, 5), np.int64)
    rng = np.random.default_rng(seed)
    drawn = there[rng.integers(len(there), size=n)]
    rows = np.concatenate([rng.permutation(len(index)) for _ in range(-(-n // len(index)))])[:n]
    sources, placed = image_indices[tuple(drawn.T)], boxes[tuple(drawn.T)]
    crops = [_moved(index, int(a), box, int(b)) for a, box, b in zip(sources, placed, rows, strict=True)]
    return np.column_stack([rows, np.stack(crops)]).astype(np.int64)


def _moved(index: DataIndex, source: int, box: Ints, target: int) -> NDArray[np.int64]:
    """Put a box of one image on another, at the same relative place and size; at least one pixel."""
    scale = np.tile(np.divide(image_size(index.samples[target]), image_size(index.samples[source])), 2)
    size = np.array(image_size(index.samples[target]))
    moved: NDArray[np.int64] = np.rint(np.asarray(box) * scale).astype(np.int64)
    moved[:2] = np.minimum(moved[:2], size - 1)
    moved[2:] = np.clip(moved[2:], moved[:2] + 1, size)
    return moved
