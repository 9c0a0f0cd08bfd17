"""From image files to pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from auditlens.data.sample import Sample
from auditlens.errors import ImageError

Pixels = NDArray[np.uint8]
SIXTEEN_BIT: Final = ("I;16", "I;16B", "I;16L", "I;16N")
BROKEN: Final = (OSError, UnidentifiedImageError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)
"""What Pillow raises for files that are cut short, damaged, no images, or far too large."""


def load_rgb(source: Sample | Path) -> Pixels:
    """Decode an image to 8-bit RGB.

    The EXIF orientation is applied. One channel becomes three equal ones; 16-bit values are divided by 257; alpha and
    palette transparency are dropped, as torchvision's loader does.

    Returns
    -------
    Pixels, (height, width, 3)

    Raises
    ------
    ImageError
        Naming the file, and the manifest row where there is one.
    """
    path = source if isinstance(source, Path) else source.path
    try:
        with open_image(path) as image:
            return np.asarray(_to_rgb(ImageOps.exif_transpose(image)))
    except BROKEN as error:
        raise ImageError(f"cannot decode {path}: {error}", location=_row(source)) from error


def open_image(path: Path) -> Image.Image:
    """Open an image file such that one cut short raises when it is decoded.

    Pillow's switch for it holds for the whole process, and others turn it: WeasyPrint does when it is imported.
    """
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    return Image.open(path)


def load_mask(sample: Sample, size: tuple[int, int]) -> NDArray[np.bool_] | None:
    """Decode the lesion mask of a sample.

    A pixel is inside where it has more than half of the mask's highest value, so 0/1 and 0/255 masks both work.

    Parameters
    ----------
    sample : Sample
    size : tuple of int
        Width and height that the mask is brought to (nearest neighbour).

    Returns
    -------
    NDArray of bool, (height, width), or None
        None where the sample has no mask.
    """
    if sample.mask is None:
        return None
    try:
        with open_image(sample.mask) as image:
            grey = _to_rgb(ImageOps.exif_transpose(image)).convert("L")
    except BROKEN as error:
        raise ImageError(f"cannot decode the mask {sample.mask}: {error}", location=sample.location) from error
    values = np.asarray(grey.resize(size, Image.Resampling.NEAREST), dtype=np.float64)
    inside: NDArray[np.bool_] = values > values.max(initial=0.0) / 2
    return inside


def _row(source: Sample | Path) -> Any:
    """Where the image is listed; nothing where that is the image itself."""
    if isinstance(source, Path) or str(source.location) == str(source.path):
        return None
    return source.location


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in SIXTEEN_BIT:
        return _from_values(np.asarray(image, dtype=np.float64) / 257.0)
    if image.mode == "I":
        values = np.asarray(image, dtype=np.float64)
        return _from_values(values / 257.0 if values.max(initial=0.0) > 255.0 else values)
    if image.mode == "F":
        return _from_values(_scale_floats(np.asarray(image, dtype=np.float64)))
    if image.mode == "P" and "transparency" in image.info:
        return image.convert("RGBA").convert("RGB")
    return image.convert("RGB")


def _scale_floats(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bring floats in 0 to 1 to 0 to 255; floats up to 255 stay; others have no agreed meaning."""
    low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
    if not np.isfinite([low, high]).all() or low < 0.0 or high > 255.0:
        raise ValueError(f"floating-point pixels from {low:g} to {high:g}; valid are 0 to 1 or 0 to 255")
    return values * 255.0 if high <= 1.0 else values


def _from_values(values: NDArray[np.float64]) -> Image.Image:
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8)).convert("RGB")
