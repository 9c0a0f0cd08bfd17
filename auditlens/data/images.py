"""From image files to pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from auditlens.data.decoded import Decoded
from auditlens.data.dicom import is_dicom, read_dicom
from auditlens.data.sample import Sample
from auditlens.data.values import HINT, UndeclaredError, to_eight_bits
from auditlens.errors import ImageError
from auditlens.spec.model import Window

Pixels = NDArray[np.uint8]
SIXTEEN_BIT: Final = ("I;16", "I;16B", "I;16L", "I;16N")
SIXTEEN_BIT_RANGE: Final = (0.0, 65535.0)
BROKEN: Final = (OSError, UnidentifiedImageError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)
"""What Pillow raises for files that are cut short, damaged, no images, or far too large."""
_DECODED: Final = Decoded()


def load_rgb(source: Sample | Path, window: Window | None = None) -> Pixels:
    """Decode an image to 8-bit RGB.

    The EXIF orientation is applied. One channel becomes three equal ones; values of more than 8 bits become 8 bits by
    the declared window; alpha and palette transparency are dropped, as torchvision's loader does.

    Parameters
    ----------
    source : Sample or Path
    window : (low, high), "full", "file" or None
        Of a path; a sample brings its own.

    Returns
    -------
    Pixels, (height, width, 3)
        Read-only: small images are kept for whoever asks next.

    Raises
    ------
    ImageError
        Naming the file, and the manifest row where there is one.
    """
    path, window = (source, window) if isinstance(source, Path) else (source.path, source.window)
    try:
        return _DECODED.get(path, window, lambda: _decode(path, window))
    except BROKEN as error:
        raise ImageError(f"cannot decode {path}: {error}", location=_row(source)) from error


def _decode(path: Path, window: Window | None) -> Pixels:
    if is_dicom(path):
        return read_dicom(path, window)
    with open_image(path) as image:
        stored = _Stored(image.mode, image.format == "PNG", _has_wide_colours(image))
        return np.asarray(_to_rgb(ImageOps.exif_transpose(image), window, stored))


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
            upright = ImageOps.exif_transpose(image)
            grey = upright if upright.mode in (*SIXTEEN_BIT, "I", "F") else upright.convert("RGB").convert("L")
            values = np.asarray(grey.resize(size, Image.Resampling.NEAREST), dtype=np.float64)
    except BROKEN as error:
        raise ImageError(f"cannot decode the mask {sample.mask}: {error}", location=sample.location) from error
    inside: NDArray[np.bool_] = values > values.max(initial=0.0) / 2
    return inside


def _row(source: Sample | Path) -> Any:
    """Where the image is listed; nothing where that is the image itself."""
    if isinstance(source, Path) or str(source.location) == str(source.path):
        return None
    return source.location


@dataclass(frozen=True, slots=True)
class _Stored:
    """What the file holds, before Pillow decodes it."""

    mode: str
    is_png: bool
    wide_colours: bool


def _to_rgb(image: Image.Image, window: Window | None, stored: _Stored) -> Image.Image:
    if stored.mode in SIXTEEN_BIT:
        return _grey(image, window, SIXTEEN_BIT_RANGE, "16-bit values")
    if stored.mode == "I":  # how Pillow before 11 reads PNGs of 16 bits, too
        return _grey(image, window, SIXTEEN_BIT_RANGE if stored.is_png else None, "32-bit values")
    if stored.mode == "F":
        return _grey(image, window, None, "floating-point values")
    if stored.wide_colours and window != "full":
        raise UndeclaredError(f"it holds colours of 16 bits, whose only way to 8 bits is `data.window: full`; {HINT}")
    if image.mode == "P" and "transparency" in image.info:
        return image.convert("RGBA").convert("RGB")
    return image.convert("RGB")


def _grey(image: Image.Image, window: Window | None, full: tuple[float, float] | None, kind: str) -> Image.Image:
    return Image.fromarray(to_eight_bits(np.asarray(image), window, full, kind)).convert("RGB")


def _has_wide_colours(image: Image.Image) -> bool:
    """Whether Pillow, which knows 8-bit colours only, is about to keep the upper 8 of 16 bits."""
    return image.mode not in SIXTEEN_BIT and any(";16" in str(tile[3]) for tile in getattr(image, "tile", ()))
