"""Every image decoded once before the model runs, so that a broken file ends no long run halfway."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from auditlens.data.images import load_rgb
from auditlens.data.sample import DataIndex, Sample
from auditlens.errors import ImageError
from auditlens.store import Progress, Store

BLOCK: Final = 512
N_DECODERS: Final = 4
SHOWN: Final = 5


def verify_images(index: DataIndex, store: Store, progress: Progress | None = None) -> NDArray[np.int64]:
    """Decode every image once; what was decoded before, by content hash, is not decoded again.

    Returns
    -------
    NDArray of int, (images, 2)
        Width and height in pixels.

    Raises
    ------
    ImageError
        Naming the broken files, the first few with their reason, and how many there are.
    """
    sizes: list[NDArray[np.int64]] = []
    broken: list[ImageError] = []
    for start in range(0, len(index), BLOCK):
        block = index.samples[start : start + BLOCK]
        try:
            sizes.append(_block_sizes(block, store))
        except _BrokenImagesError as error:
            broken += error.errors
        if progress is not None:
            progress(start + len(block), len(index))
    if broken:
        shown = "; ".join(map(str, broken[:SHOWN])) + (
            f"; and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
        )
        raise ImageError(f"{len(broken)} of {len(index)} images cannot be decoded: {shown}")
    return np.concatenate(sizes)


class _BrokenImagesError(Exception):
    """The broken images of one block."""

    def __init__(self, errors: list[ImageError]) -> None:
        super().__init__()
        self.errors = errors


def _block_sizes(block: Sequence[Sample], store: Store) -> NDArray[np.int64]:
    windows = sorted({str(sample.window) for sample in block})
    key = {"digests": [sample.digest for sample in block], "windows": windows}
    return store.arrays("verified-images", key, lambda: {"sizes": _decode(block)})["sizes"]


def _decode(block: Sequence[Sample]) -> NDArray[np.int64]:
    with ThreadPoolExecutor(N_DECODERS) as pool:
        results = list(pool.map(_size, block))
    broken = [result for result in results if isinstance(result, ImageError)]
    if broken:
        raise _BrokenImagesError(broken)
    return np.array(results, dtype=np.int64)


def _size(sample: Sample) -> tuple[int, int] | ImageError:
    try:
        height, width, _ = load_rgb(sample).shape
    except ImageError as error:
        return error
    return width, height
