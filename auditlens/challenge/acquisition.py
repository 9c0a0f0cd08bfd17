"""What the way of a picture into its file does to it: JPEG compression, blur, and the colour cast of a scanner."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

from auditlens.challenge.draws import between, drawn_designs
from auditlens.challenge.rendering import Image8, Mask, Plane, Rendering, as_grey, is_grey, to_uint8
from auditlens.spec.artefacts import Acquired, Blur, ColourCast, Jpeg


@dataclass(frozen=True, slots=True)
class Compression:
    """One setting of a JPEG encoder."""

    quality: int
    subsampling: str
    """Resolution of the colours: 4:4:4 whole, 4:2:0 half."""

    @property
    def name(self) -> str:
        """Such as `quality 12, 4:2:0`."""
        return f"quality {self.quality}, {self.subsampling}"


@dataclass(frozen=True, slots=True)
class BlurDesign:
    """One blur; its radius is the standard deviation of a point's image as a share of the shorter side."""

    form: str
    radius: float
    angle: float
    """Direction of a movement, in radians."""

    @property
    def name(self) -> str:
        """Such as `focus 0.012`, or `movement 0.008 at 40 degrees`."""
        direction = f" at {np.degrees(self.angle):.0f} degrees" if self.form == "movement" else ""
        return f"{self.form} {self.radius:.4f}{direction}"


@dataclass(frozen=True, slots=True)
class Cast:
    """One scanner: per channel a gain and an exponent of the tone curve."""

    gains: tuple[float, float, float]
    exponents: tuple[float, float, float]

    @property
    def name(self) -> str:
        """Such as `gains 1.06 1.00 0.94`."""
        return "gains " + " ".join(f"{gain:.3f}" for gain in self.gains)


@dataclass(frozen=True, slots=True)
class Acquisition:
    """How one kind is made: designs from a generator and the spec's parameters, and the change of an image."""

    design: Callable[[np.random.Generator, Any], Any]
    change: Callable[[Image8, Any, float], Image8]
    """Of image, design and scale."""
    of_detail: bool


def _draw_compression(rng: np.random.Generator, artefact: Jpeg) -> Compression:
    low, high = artefact.quality
    return Compression(int(rng.integers(low, high + 1)), str(rng.choice(["4:4:4", "4:2:0"])))


def _draw_blur(rng: np.random.Generator, artefact: Blur) -> BlurDesign:
    return BlurDesign(str(rng.choice(list(KERNELS))), between(rng, artefact.radius), float(rng.uniform(0, np.pi)))


def _draw_cast(rng: np.random.Generator, artefact: ColourCast) -> Cast:
    """Gains whose largest gap is as the spec says, and whose mean is 1; exponents near 1."""
    spread = rng.permutation([-0.5, float(rng.uniform(-0.5, 0.5)), 0.5])
    gains = 1 + (spread - spread.mean()) * between(rng, artefact.strength)
    exponents = np.exp(rng.normal(0.0, 0.04, 3))
    red, green, blue = (float(gain) for gain in gains)
    return Cast((red, green, blue), (float(exponents[0]), float(exponents[1]), float(exponents[2])))


def compressed(image: Image8, setting: Compression, scale: float = 1.0) -> Image8:
    """Compress and decode again; a grey image is compressed with one channel. The scale has no meaning here.

    Returns
    -------
    Image8, (height, width, 3)
    """
    file = io.BytesIO()
    if is_grey(image):
        Image.fromarray(np.ascontiguousarray(image[:, :, 0])).save(file, "JPEG", quality=setting.quality)
    else:
        Image.fromarray(image).save(file, "JPEG", quality=setting.quality, subsampling=setting.subsampling)
    with Image.open(file) as decoded:
        return np.asarray(decoded.convert("RGB"))


def blurred(image: Image8, blur: BlurDesign, scale: float = 1.0) -> Image8:
    """Spread every point as the blur does; the image's edge is continued by mirroring.

    Returns
    -------
    Image8, (height, width, 3)
    """
    spread = max(blur.radius * scale * min(image.shape[:2]), 0.3)
    return to_uint8(KERNELS[blur.form](image.astype(np.float32), spread, blur.angle))


def _soft(pixels: Plane, spread: float, angle: float) -> Plane:
    return np.asarray(ndimage.gaussian_filter(pixels, (spread, spread, 0), mode="reflect"))


def _out_of_focus(pixels: Plane, spread: float, angle: float) -> Plane:
    """A disc, whose standard deviation along an axis is half its radius."""
    radius = 2 * spread
    y, x = np.mgrid[-int(radius) - 1 : int(radius) + 2, -int(radius) - 1 : int(radius) + 2]
    return _convolved(pixels, np.clip(radius - np.hypot(x, y) + 0.5, 0, 1))


def _moved(pixels: Plane, spread: float, angle: float) -> Plane:
    """A line, whose standard deviation is its length over the root of twelve."""
    half = spread * np.sqrt(3.0)
    reach = int(half) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return _convolved(pixels, np.clip(half - np.abs(along) + 0.5, 0, 1) * np.clip(1 - np.abs(across), 0, 1))


def _convolved(pixels: Plane, kernel: np.ndarray) -> Plane:
    weights = (kernel / kernel.sum()).astype(np.float32)
    return np.stack([ndimage.convolve(pixels[:, :, c], weights, mode="reflect") for c in range(3)], axis=2)


KERNELS: dict[str, Callable[[Plane, float, float], Plane]] = {
    "soft lens": _soft,
    "out of focus": _out_of_focus,
    "movement": _moved,
}


def cast(image: Image8, scanner: Cast, scale: float = 1.0) -> Image8:
    """Give every channel its gain and tone curve; a grey image becomes lighter or darker and stays grey.

    Returns
    -------
    Image8, (height, width, 3)
    """
    levels = np.arange(256) / 255.0
    tables = [
        to_uint8(255 * gain * levels**power) for gain, power in zip(scanner.gains, scanner.exponents, strict=True)
    ]
    after = np.stack([table[image[:, :, c]] for c, table in enumerate(tables)], axis=2)
    return as_grey(after) if is_grey(image) else after


ACQUISITIONS: dict[str, Acquisition] = {
    "jpeg": Acquisition(_draw_compression, compressed, of_detail=True),
    "blur": Acquisition(_draw_blur, blurred, of_detail=True),
    "colour_cast": Acquisition(_draw_cast, cast, of_detail=False),
}


@dataclass(frozen=True, slots=True)
class AcquiredSource:
    """Variants of one change of the whole image; placement and what is to be avoided have no meaning here."""

    artefact: Acquired
    designs: tuple[Any, ...]

    @property
    def n_instances(self) -> int:
        """Number of variants."""
        return len(self.designs)

    @property
    def names(self) -> tuple[str, ...]:
        """Such as `jpeg 1: quality 12, 4:2:0`."""
        return tuple(f"{self.artefact.kind} {i}: {design.name}" for i, design in enumerate(self.designs, 1))

    def render(self, image: Image8, instance: int, rng: np.random.Generator, avoid_mask: Mask | None) -> Rendering:
        """Change the whole image; opacity blends the changed image with the original."""
        how = ACQUISITIONS[self.artefact.kind]
        scale, share = between(rng, self.artefact.scale), between(rng, self.artefact.opacity)
        after = how.change(image, self.designs[instance], scale)
        if share < 1.0:
            after = to_uint8(image * (1.0 - share) + after * share)
        return Rendering(after, np.ones(image.shape[:2], dtype=np.float32), full_field=True, of_detail=how.of_detail)


def load_acquired(artefact: Acquired, base: Path, seed: int) -> AcquiredSource:
    """Draw the variants of a kind from the seed.

    Parameters
    ----------
    artefact : Acquired
    base : Path
        Not used: nothing is read.
    seed : int

    Returns
    -------
    AcquiredSource
        With `n_instances` variants; the first n are the same for every larger number.
    """
    return AcquiredSource(artefact, drawn_designs(artefact, seed, ACQUISITIONS[artefact.kind].design))
