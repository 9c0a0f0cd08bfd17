"""Artefacts taken from labelled example images by soft masks, and laid over others (F.2.3; Reveal to Revise)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from auditlens.challenge.draws import between
from auditlens.challenge.rendering import Image8, Layer, Mask, Plane, Rendering, compose
from auditlens.challenge.stamps import resized
from auditlens.spec.artefacts import Transplant
from auditlens.stages.evidence import Floats

REFERENCE_SIDE = 224
"""Shorter side for which the kernel of the blur is given; the paper's images have this size."""
LARGEST_SIDE = 1024
"""Examples are kept no larger than this."""
CORE = 0.5
"""From this value of the soft mask on a pixel belongs to the artefact's place."""
MIRRORED = ((1, 1), (1, -1), (-1, 1), (-1, -1))
"""Steps along rows and columns: as it is, and mirrored along either axis or both."""


@dataclass(frozen=True, slots=True)
class Example:
    """One image with the artefact, and where the artefact is in it.

    Attributes
    ----------
    name : str
    picture : Image8, (height, width, 3)
    mask : Plane, (height, width)
        Soft, 0 to 1.
    """

    name: str
    picture: Image8
    mask: Plane


@dataclass(frozen=True, slots=True)
class TransplantSource:
    """Example images with their soft masks, one instance per example."""

    artefact: Transplant
    examples: tuple[Example, ...]

    @property
    def n_instances(self) -> int:
        """Number of examples."""
        return len(self.examples)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the example images."""
        return tuple(example.name for example in self.examples)

    def render(self, image: Image8, instance: int, rng: np.random.Generator, avoid_mask: Mask | None) -> Rendering:
        """Overlay image * (1 - mask) + example * mask, both brought to the image's size.

        The artefact stays where it lies in its example, but for mirroring: of the four ways, in a drawn order, the one
        that covers least of what it must avoid. The support, where the sham lies, is the mask's core: its low values
        reach over most of the image, where a sham of the same energy would be elsewhere than the artefact.
        """
        example, size = self.examples[instance], (image.shape[0], image.shape[1])
        mask = resized(example.mask[:, :, None], *size)[:, :, 0]
        down, along = _mirroring(mask, rng, avoid_mask)
        picture = np.asarray(Image.fromarray(example.picture).resize(size[::-1], Image.Resampling.BILINEAR))
        paint = picture[::down, ::along].astype(np.float32)
        turned = np.ascontiguousarray(mask[::down, ::along])
        made = compose(image, [Layer(0, 0, turned, paint)], between(rng, self.artefact.opacity))
        return Rendering(made.inserted, np.where(turned >= CORE, made.alpha, np.float32(0)))


def _mirroring(mask: Plane, rng: np.random.Generator, avoid: Mask | None) -> tuple[int, int]:
    drawn = [MIRRORED[place] for place in rng.permutation(len(MIRRORED))]
    if avoid is None:
        return drawn[0]
    return min(drawn, key=lambda steps: float(mask[:: steps[0], :: steps[1]][avoid].sum(dtype=np.float64)))


def soft_mask(heat: Floats, blur: int, power: float) -> Plane:
    """Blur a heatmap, lift its low values, and bring it to 0 to 1 (F.2.3).

    Parameters
    ----------
    heat : (height, width)
        Not negative, at the size of the example.
    blur : int
        Kernel in pixels where the shorter side has 224; the Gaussian's standard deviation follows from it as in
        torchvision and OpenCV, 0.3 * ((blur - 1) / 2 - 1) + 0.8, and both grow with the image.
    power : float

    Returns
    -------
    Plane, (height, width)
        Highest value 1; zeros where the heat has none.
    """
    factor = min(heat.shape) / REFERENCE_SIDE
    radius = (blur - 1) / 2
    soft = np.asarray(heat, dtype=np.float64)
    if radius > 0:
        sigma = (0.3 * (radius - 1) + 0.8) * factor
        soft = ndimage.gaussian_filter(soft, sigma, mode="mirror", radius=max(round(radius * factor), 1))
    highest = float(soft.max(initial=0.0))
    if not highest > 0:
        return np.zeros(heat.shape, dtype=np.float32)
    mask: Plane = ((np.maximum(soft, 0) / highest) ** power).astype(np.float32)
    return mask


def kept_size(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height at which an example is kept: its own, unless that is too large."""
    shrink = min(LARGEST_SIDE / max(size), 1.0)
    return max(round(size[0] * shrink), 1), max(round(size[1] * shrink), 1)


def make_example(name: str, picture: Image8, heat: Floats, artefact: Transplant) -> Example | None:
    """Make an instance of an example image and its heatmap.

    Parameters
    ----------
    name : str
    picture : Image8, (height, width, 3)
    heat : (height, width)
        At the size that `kept_size` gives for the picture.
    artefact : Transplant

    Returns
    -------
    Example or None
        None where the heatmap is empty.
    """
    mask = soft_mask(heat, artefact.blur, artefact.power)
    if not mask.any():
        return None
    small = np.asarray(Image.fromarray(picture).resize((heat.shape[1], heat.shape[0]), Image.Resampling.BILINEAR))
    return Example(name, small, mask)
