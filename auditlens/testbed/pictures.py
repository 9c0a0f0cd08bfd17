"""Labelled pictures with flags, and the writer that puts them into a folder with a manifest."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Pixels = NDArray[np.uint8]
Values = NDArray[np.float32]
SIDE: Final = 128
FINER: Final = 2
"""Shapes are drawn so many times finer and then reduced, so that their edges are smooth."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One generated image and what is true of it.

    Attributes
    ----------
    image : uint8 ``[SIDE, SIDE, 3]``
    mask : uint8 ``[SIDE, SIDE]``
        255 where the label shows.
    label : str
    unit : int
        Number of the patient, or of the session; images of one unit share their looks.
    columns : mapping of str to str or int
        0/1 flags and strata of the manifest.
    """

    image: Pixels
    mask: Pixels
    label: str
    unit: int
    columns: Mapping[str, str | int]


def canvas() -> tuple[Image.Image, ImageDraw.ImageDraw, int]:
    """Return an empty mask to draw on, its pen, and its side in drawn pixels."""
    side = SIDE * FINER
    mask = Image.new("L", (side, side), 0)
    return mask, ImageDraw.Draw(mask), side


def cover(mask: Image.Image, blur: float = 0.0) -> Values:
    """Return what was drawn as coverage ``[SIDE, SIDE]`` in [0, 1], blurred by so many pixels of the image."""
    small = mask.reduce(FINER)
    if blur:
        small = small.filter(ImageFilter.GaussianBlur(blur))
    return np.asarray(small, np.float32) / 255.0


def write_pictures(folder: Path, drawn: Iterable[Picture], unit: str) -> Path:
    """Write images, masks and ``manifest.csv``; the column of the units is called ``unit``.

    Returns
    -------
    Path
        The manifest.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "masks").mkdir(exist_ok=True)
    rows = [_written(folder, index, picture, unit) for index, picture in enumerate(drawn)]
    manifest = folder / "manifest.csv"
    with manifest.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return manifest


def _written(folder: Path, index: int, picture: Picture, unit: str) -> dict[str, str | int]:
    image, mask = f"images/{index:05d}.png", f"masks/{index:05d}.png"
    Image.fromarray(picture.image).save(folder / image, compress_level=1)
    Image.fromarray(picture.mask).save(folder / mask, compress_level=1)
    named = {"image": image, "label": picture.label, unit: f"u{picture.unit:05d}", "mask": mask}
    return named | dict(picture.columns)
