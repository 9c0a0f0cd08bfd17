"""From positions of the model's input back to pixels of the original image, through the declared preprocessing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from auditlens.data.dicom import dicom_size, is_dicom
from auditlens.data.sample import Sample
from auditlens.errors import ImageError
from auditlens.spec.model import Preprocessing
from auditlens.stages.evidence import Floats
from auditlens.subject.preprocessing import Declared, Prepare

ORIENTATION = 0x0112
TURNED = (5, 6, 7, 8)
"""EXIF orientations that swap width and height."""


@dataclass(frozen=True, slots=True)
class InputMap:
    """Linear map per axis: pixel = offset + scale * input position.

    Attributes
    ----------
    offset, scale : tuple of float
        For x and y.
    size : tuple of int
        Width and height of the original image.
    """

    offset: tuple[float, float]
    scale: tuple[float, float]
    size: tuple[int, int]

    def to_pixels(self, box: Floats) -> NDArray[np.int64]:
        """Map a box (left, top, right, bottom) of the input to whole pixels that contain it, cut at the borders."""
        offset, scale = np.tile(self.offset, 2), np.tile(self.scale, 2)
        exact = np.round(offset + scale * np.asarray(box, float), 6)
        outer = np.concatenate([np.floor(exact[:2]), np.ceil(exact[2:])])
        return np.asarray(np.clip(outer, 0, np.tile(self.size, 2)), dtype=np.int64)


def declared_preprocessing(prepare: Prepare) -> Preprocessing | None:
    """The declared fields behind a subject's `prepare`; None for a function of the user."""
    return prepare.declared if isinstance(prepare, Declared) and prepare.declared.callable is None else None


def input_map(declared: Preprocessing | None, image_size: tuple[int, int], input_size: tuple[int, int]) -> InputMap:
    """Invert the geometry of the preprocessing.

    Parameters
    ----------
    declared : Preprocessing or None
        None: a function of the user, taken as squashing the whole image; its crops may then be displaced.
    image_size, input_size : tuple of int
        Width and height of the original image and of the model's input.
    """
    if declared is not None and declared.mode == "squash" and declared.crop is not None:
        return _squashed_and_cut(declared, image_size, input_size)
    if declared is None or declared.mode == "squash":
        return _stretch((0, 0), image_size, image_size, input_size)
    if declared.mode == "centre_square":
        side = min(image_size)
        corner = (round((image_size[0] - side) / 2), round((image_size[1] - side) / 2))
        return _stretch(corner, (side, side), image_size, input_size)
    return _shortest(declared, image_size, input_size)


def _stretch(
    corner: tuple[int, int], cut: tuple[int, int], image_size: tuple[int, int], input_size: tuple[int, int]
) -> InputMap:
    return InputMap(corner, (cut[0] / input_size[0], cut[1] / input_size[1]), image_size)


def _squashed_and_cut(declared: Preprocessing, image_size: tuple[int, int], input_size: tuple[int, int]) -> InputMap:
    """Both sides to `resize`, then a centre cut of the input's size."""
    size = declared.resize
    high, wide = (size, size) if isinstance(size, int) else size or image_size[::-1]
    scale = (image_size[0] / wide, image_size[1] / high)
    corner = (round((wide - input_size[0]) / 2) * scale[0], round((high - input_size[1]) / 2) * scale[1])
    return InputMap(corner, scale, image_size)


def _shortest(declared: Preprocessing, image_size: tuple[int, int], input_size: tuple[int, int]) -> InputMap:
    """Shorter side to `resize`, then a centre cut of the input's size; a negative corner means padding."""
    width, height = image_size
    size = declared.resize
    short = min(image_size) if size is None else size if isinstance(size, int) else min(size)
    wide, high = (int(short * width / height), short) if width > height else (short, int(short * height / width))
    scale = (width / wide, height / high)
    corner = (round((wide - input_size[0]) / 2) * scale[0], round((high - input_size[1]) / 2) * scale[1])
    return InputMap(corner, scale, image_size)


def image_size(sample: Sample) -> tuple[int, int]:
    """Width and height of an image as it is decoded (EXIF orientation applied), from its header alone.

    Raises
    ------
    ImageError
        The header cannot be read.
    """
    try:
        if is_dicom(sample.path):
            return dicom_size(sample.path)
        with Image.open(sample.path) as image:
            turned = image.getexif().get(ORIENTATION) in TURNED
            return (image.height, image.width) if turned else image.size
    except (OSError, ValueError, SyntaxError) as error:
        raise ImageError(f"cannot read {sample.path}: {error}", location=sample.location) from error
