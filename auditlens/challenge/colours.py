"""Changes of the whole image's colour: tint (F.2.3, red skin) and hue shift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auditlens.challenge.draws import between
from auditlens.challenge.rendering import Image8, Mask, Plane, Rendering, to_uint8
from auditlens.spec.artefacts import HueShift, Tint


@dataclass(frozen=True, slots=True)
class TintSource:
    """Every pixel becomes image * (1 - strength) + colour * strength.

    The paper's red skin is colour (231, 128, 151) and strength 0.3 (F.2.3). The spec's opacity multiplies the strength.
    """

    artefact: Tint

    @property
    def n_instances(self) -> int:
        """Only one: the colour."""
        return 1

    @property
    def names(self) -> tuple[str, ...]:
        """Such as `rgb(231, 128, 151)`."""
        return (f"rgb{self.artefact.colour}",)

    def render(self, image: Image8, instance: int, rng: np.random.Generator, avoid_mask: Mask | None) -> Rendering:
        """Tint the whole image; `instance` and `avoid_mask` have no meaning here."""
        strength = between(rng, self.artefact.strength) * between(rng, self.artefact.opacity)
        return _whole(image, tinted(image, self.artefact.colour, strength))


@dataclass(frozen=True, slots=True)
class HueSource:
    """Every pixel's hue turns by one angle; saturation and value stay. Opacity multiplies the angle."""

    artefact: HueShift

    @property
    def n_instances(self) -> int:
        """Only one: the turn."""
        return 1

    @property
    def names(self) -> tuple[str, ...]:
        """Such as `hue -20 to 20 degrees`."""
        low, high = self.artefact.degrees
        return (f"hue {low:g} to {high:g} degrees",)

    def render(self, image: Image8, instance: int, rng: np.random.Generator, avoid_mask: Mask | None) -> Rendering:
        """Turn the hue of the whole image; `instance` and `avoid_mask` have no meaning here."""
        degrees = between(rng, self.artefact.degrees) * between(rng, self.artefact.opacity)
        return _whole(image, hue_turned(image, degrees))


def tinted(image: Image8, colour: tuple[int, int, int], strength: float) -> Image8:
    """Blend every pixel with one colour.

    Parameters
    ----------
    image : Image8, (height, width, 3)
    colour : tuple of int
        RGB, 0 to 255.
    strength : float
        Share of the colour, 0 to 1.

    Returns
    -------
    Image8, (height, width, 3)
    """
    share = np.float64(strength)
    table = np.arange(256)[:, None] * (1.0 - share) + np.asarray(colour, dtype=np.float64) * share
    return np.stack([to_uint8(table[:, c])[image[:, :, c]] for c in range(3)], axis=2)


def hue_turned(image: Image8, degrees: float) -> Image8:
    """Turn the hue in HSV; 0 and 360 degrees give the image back bit for bit.

    Parameters
    ----------
    image : Image8, (height, width, 3)
    degrees : float
        Positive turns red towards green.

    Returns
    -------
    Image8, (height, width, 3)
        With the same value (largest channel) and saturation in each pixel.
    """
    pixels = image.astype(np.float32)
    red, green, blue = pixels[:, :, 0], pixels[:, :, 1], pixels[:, :, 2]
    value = np.maximum(np.maximum(red, green), blue)
    chroma = value - np.minimum(np.minimum(red, green), blue)
    hue = _hue(red, green, blue, value, chroma) + np.float32(degrees / 60.0)
    turned = np.empty_like(pixels)
    for channel, offset in enumerate((5.0, 3.0, 1.0)):
        place = np.mod(hue + np.float32(offset), np.float32(6.0))
        turned[:, :, channel] = value - chroma * np.clip(np.minimum(place, 4.0 - place), 0.0, 1.0)
    return to_uint8(turned)


def _hue(red: Plane, green: Plane, blue: Plane, value: Plane, chroma: Plane) -> Plane:
    """Hue in sixths of a turn, 0 (red) to 6."""
    safe = np.where(chroma > 0, chroma, np.float32(1.0))
    towards_red = (green - blue) / safe
    towards_green = np.float32(2.0) + (blue - red) / safe
    towards_blue = np.float32(4.0) + (red - green) / safe
    hue: Plane = np.where(value == red, towards_red, np.where(value == green, towards_green, towards_blue))
    return hue


def _whole(image: Image8, after: Image8) -> Rendering:
    return Rendering(after, np.ones(image.shape[:2], dtype=np.float32), full_field=True)
