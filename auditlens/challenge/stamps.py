"""Pictures of artefacts read from files: premultiplied planes that can be resized, turned and flipped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from auditlens.challenge.rendering import Plane
from auditlens.data.images import open_image
from auditlens.errors import ArtefactError

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})


@dataclass(frozen=True, slots=True)
class Stamp:
    """One picture of an artefact.

    Attributes
    ----------
    name : str
    planes : Plane, (height, width, channels)
        Whatever is to be resized together: paint, premultiplied paint, alpha.
    """

    name: str
    planes: Plane


def read_picture(path: Path, mode: str) -> NDArray[np.uint8]:
    """Decode one picture of an artefact.

    Parameters
    ----------
    path : Path
    mode : str
        Pillow mode to convert to: `RGB`, `RGBA` or `L`; `any` is RGBA, opaque where the file has no transparency.

    Returns
    -------
    ndarray of uint8, (height, width[, channels])

    Raises
    ------
    ArtefactError
        When the file is missing or is no picture.
    """
    try:
        with open_image(path) as picture:
            if mode == "RGBA" and "A" not in picture.getbands() and "transparency" not in picture.info:
                raise ArtefactError(
                    f"{path}: format rgba needs pictures with an alpha channel; this one is {picture.mode}",
                    hint="save it with transparency, or use format with_without or ink_on_white",
                )
            if picture.mode.startswith(("I", "F")):  # Pillow would clip them to 255
                raise ArtefactError(f"{path}: artefact pictures have 8 bits; this one has more ({picture.mode})")
            return np.asarray(picture.convert("RGBA" if mode == "any" else mode))
    except FileNotFoundError as error:
        raise ArtefactError(f"{path}: no such artefact picture") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        kinds = ", ".join(sorted(PICTURES))
        raise ArtefactError(f"{path}: not a readable artefact picture; valid are {kinds} files") from error


def resized(planes: Plane, height: int, width: int) -> Plane:
    """Resample all planes with a triangle filter, which averages when it shrinks and never overshoots.

    Returns
    -------
    Plane, (height, width, channels)
    """
    if planes.shape[:2] == (height, width):
        return planes
    channels = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(planes[:, :, c])).resize((width, height), Image.Resampling.BILINEAR)
        )
        for c in range(planes.shape[2])
    ]
    return np.stack(channels, axis=2)


def scaled(planes: Plane, factor: float) -> Plane:
    """Resize by one factor on both sides, to at least one pixel."""
    height, width = planes.shape[:2]
    return resized(planes, max(round(height * factor), 1), max(round(width * factor), 1))


def window(planes: Plane, length: int, rng: np.random.Generator) -> Plane:
    """Keep a random run of at most `length` columns.

    Returns
    -------
    Plane, (height, at most `length`, channels)
    """
    spare = planes.shape[1] - length
    if spare <= 0:
        return planes
    start = int(rng.integers(spare + 1))
    return planes[:, start : start + length]


def flipped(planes: Plane, rng: np.random.Generator) -> Plane:
    """Mirror both axes, each with probability one half."""
    if rng.integers(2):
        planes = planes[:, ::-1]
    return planes[::-1] if rng.integers(2) else planes
