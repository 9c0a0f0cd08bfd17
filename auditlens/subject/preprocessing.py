"""Between the decoded image and the model's input."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from auditlens.errors import ModelError
from auditlens.spec.model import Preprocessing

Picture = Image.Image | NDArray[np.uint8]
Prepare = Callable[[Picture], torch.Tensor]
FILTERS: Final = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True)
class Declared:
    """The preprocessing that the spec's fields declare.

    Sizes of two numbers are (height, width). One channel is the luma of the colours, taken first. Resizing filters with
    antialiasing, as Pillow and torchvision (on Pillow images) do; each 8-bit value v becomes (v * scale - mean) / std,
    per channel.

    Attributes
    ----------
    declared : Preprocessing
    cuts_down : bool
        Where a centre cut cannot be even, its corner is rounded down, as transformers does; else to the nearest even
        number, as torchvision does.
    """

    declared: Preprocessing
    cuts_down: bool = False

    def __call__(self, picture: Picture) -> torch.Tensor:
        """Return the model's input, float32, (channels, height, width)."""
        n_channels = self.declared.channels
        image = _rgb(picture) if n_channels == 3 else _rgb(picture).convert("L")
        pixels = np.atleast_3d(np.asarray(self._resized(image)))
        table = self._table()
        planes = [table[channel][pixels[:, :, channel]] for channel in range(n_channels)]
        return torch.from_numpy(np.stack(planes))

    def _resized(self, image: Image.Image) -> Image.Image:
        size, mode = self.declared.resize, self.declared.mode
        if mode == "shortest":
            return self._shortest(image)
        if mode == "centre_square":
            side = min(image.size)
            image = self._cut(image, side, side)
        if size is not None:
            height, width = (size, size) if isinstance(size, int) else size
            image = self._to(image, width, height)
        crop = self.declared.crop
        return self._cut(image, crop, crop) if crop is not None else image

    def _shortest(self, image: Image.Image) -> Image.Image:
        """Bring the shorter side to `resize`, then cut the centre; the cut is `resize` wide where `crop` is absent."""
        size = self.declared.resize
        if size is None:
            side = self.declared.crop or min(image.size)
            return self._cut(image, side, side)
        short = size if isinstance(size, int) else min(size)
        width, height = image.size
        wide, high = (int(short * width / height), short) if width > height else (short, int(short * height / width))
        side = self.declared.crop or short
        return self._cut(self._to(image, wide, high), side, side)

    def _to(self, image: Image.Image, width: int, height: int) -> Image.Image:
        if image.size == (width, height):
            return image
        return image.resize((width, height), FILTERS[self.declared.interpolation])

    def _cut(self, image: Image.Image, width: int, height: int) -> Image.Image:
        """Cut the centre; where the image is smaller it is padded with black, as torchvision does."""
        corner = ((image.width - width) / 2, (image.height - height) / 2)
        left, top = (math.floor(place) if self.cuts_down else round(place) for place in corner)
        return image.crop((left, top, left + width, top + height))

    def _table(self) -> NDArray[np.float32]:
        """The 256 possible values of each channel, (channels, 256)."""
        values = np.arange(256)[None, :] * self.declared.scale
        mean, std = np.array(self.declared.mean)[:, None], np.array(self.declared.std)[:, None]
        table: NDArray[np.float32] = ((values - mean) / std).astype(np.float32)
        return np.repeat(table, 3, axis=0) if len(table) == 1 else table


@dataclass(frozen=True)
class Called:
    """Preprocessing by a function of the user: PIL image in, float tensor (channels, height, width) out.

    Attributes
    ----------
    name : str
        `module:function`.
    function : callable
    source : str
        SHA-256 of the file that the function stands in.
    """

    name: str
    function: Callable[[Image.Image], Any]
    source: str

    def __call__(self, picture: Picture) -> torch.Tensor:
        """Return the model's input, float32, (channels, height, width)."""
        tensor = self.function(_rgb(picture))
        if not isinstance(tensor, torch.Tensor) or tensor.ndim != 3:
            found = tuple(tensor.shape) if isinstance(tensor, torch.Tensor) else type(tensor).__name__
            raise ModelError(f"{self.name} gave {found}; the model's input is one float tensor C x H x W per image")
        return tensor.detach().float()


def sentence(declared: Preprocessing, prepare: Prepare) -> str:
    """Say in one plain sentence what happens to an image; of a function also which source, so that a change shows."""
    if isinstance(prepare, Called):
        return f"The decoded RGB image is prepared by the function {prepare.name} (source {prepare.source[:12]})."
    grey = ["turned to grey"] if declared.channels == 1 else []
    steps = [*grey, *_size_words(declared), *_value_words(declared)]
    return f"The decoded RGB image is {', '.join(steps)}."


def _size_words(declared: Preprocessing) -> list[str]:
    size = declared.resize
    by = f"({declared.interpolation})"
    if declared.mode == "shortest":
        short = size if size is None or isinstance(size, int) else min(size)
        crop = declared.crop or short
        resized = [f"resized so that its shorter side is {short} {by}"] if short is not None else []
        return [*resized, f"cut to the central {crop} x {crop}" if crop else "cut to the central square"]
    words = ["cut to the central square"] if declared.mode == "centre_square" else []
    if size is not None:
        height, width = (size, size) if isinstance(size, int) else size
        words.append(f"resized to {width} x {height} pixels {by}")
    return [*words, f"cut to the central {declared.crop} x {declared.crop}"] if declared.crop else words


def _value_words(declared: Preprocessing) -> list[str]:
    scale = f"multiplied by 1/{1 / declared.scale:g}" if declared.scale != 1 else "left on the scale 0 to 255"
    words = [scale]
    if any(declared.mean):
        words.append(f"reduced by the mean {_numbers(declared.mean)}")
    if any(value != 1 for value in declared.std):
        words.append(f"divided by {_numbers(declared.std)} per channel")
    return words


def _numbers(values: tuple[float, ...]) -> str:
    return f"{values[0]:g}" if len(set(values)) == 1 else "(" + ", ".join(f"{value:g}" for value in values) + ")"


def _rgb(picture: Picture) -> Image.Image:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    if image.mode.startswith(("I", "F")):  # Pillow would clip them to 255
        raise ModelError(f"a picture of mode {image.mode} has more than 8 bits; bring it to 8 bits first")
    return image if image.mode == "RGB" else image.convert("RGB")
