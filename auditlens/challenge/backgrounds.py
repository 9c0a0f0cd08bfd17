"""Background swap: what lies outside of the lesion's mask becomes another picture, or other patients' skin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from auditlens.challenge.draws import between, digest_of, stream
from auditlens.challenge.eligible import free_of_flags
from auditlens.challenge.erasure import erase, erased_region, has_usable_mask
from auditlens.challenge.loading import Loading
from auditlens.challenge.overlays import picture_files
from auditlens.challenge.placement import centre_ellipse
from auditlens.challenge.rendering import Image8, Mask, Plane, Rendering, as_grey, is_grey, to_uint8
from auditlens.challenge.stamps import read_picture
from auditlens.data.images import load_mask, load_rgb
from auditlens.data.sample import Sample
from auditlens.errors import ArtefactError
from auditlens.spec.artefacts import Background

LONGEST_SIDE = 1024
"""Backgrounds are kept at no more than this size."""


@dataclass(frozen=True, slots=True)
class BackgroundSource:
    """Backgrounds, one instance each.

    Attributes
    ----------
    artefact : Background
    pictures : tuple of Image8
    names : tuple of str
        File names without suffix, or ids of the images of the data.
    """

    artefact: Background
    pictures: tuple[Image8, ...]
    names: tuple[str, ...]

    @property
    def n_instances(self) -> int:
        """Number of backgrounds."""
        return len(self.pictures)

    def render(self, image: Image8, instance: int, rng: np.random.Generator, avoid_mask: Mask | None) -> Rendering:
        """Replace what lies outside of the mask, softly; the mask itself and a margin stay bit for bit.

        Without a mask the lesion is taken to lie in the centre ellipse.
        """
        size = (image.shape[0], image.shape[1])
        lesion = centre_ellipse(*size) if avoid_mask is None else avoid_mask
        scale, opacity = max(between(rng, self.artefact.scale), 1.0), between(rng, self.artefact.opacity)
        ground = filling(self.pictures[instance], size, scale, rng)
        if is_grey(image):
            ground = as_grey(ground)
        alpha = outside(lesion, self.artefact.margin, self.artefact.feather) * np.float32(opacity)
        pixels = image.astype(np.float32)
        after = to_uint8(pixels + alpha[:, :, None] * (ground - pixels))
        return Rendering(after, alpha, full_field=True)


def outside(lesion: Mask, margin: float, feather: float) -> Plane:
    """Weight of the background: 0 on the lesion and its margin, rising smoothly to 1.

    Parameters
    ----------
    lesion : Mask, (height, width)
    margin, feather : float
        Width of what is kept around it, and of the rise beyond, as shares of the shorter side.

    Returns
    -------
    Plane, (height, width)
        1 everywhere for an empty mask.
    """
    if not lesion.any():
        return np.ones(lesion.shape, dtype=np.float32)
    side = min(lesion.shape)
    distance = ndimage.distance_transform_edt(~lesion)
    rise = np.clip((distance - max(margin * side, 0.5)) / max(feather * side, 1.0), 0.0, 1.0)
    weight: Plane = (rise * rise * (3.0 - 2.0 * rise)).astype(np.float32)
    return weight


def filling(picture: Image8, size: tuple[int, int], scale: float, rng: np.random.Generator) -> Image8:
    """Cut a part of a picture that fills an image, mirrored at random; its proportions stay.

    Parameters
    ----------
    picture : Image8, (h, w, 3)
    size : tuple of int
        Height and width to fill.
    scale : float
        1 takes the largest part that fits, 2 one of half its sides.
    rng : numpy.random.Generator

    Returns
    -------
    Image8, (height, width, 3)
    """
    height, width = picture.shape[:2]
    factor = max(size[0] / height, size[1] / width) * scale
    part = (min(size[0] / factor, height), min(size[1] / factor, width))
    top, left = (float(rng.uniform(0.0, room - length)) for room, length in zip((height, width), part, strict=True))
    if rng.integers(2):
        picture = picture[:, ::-1]
    box = (left, top, min(left + part[1], width), min(top + part[0], height))
    return np.asarray(Image.fromarray(picture).resize((size[1], size[0]), Image.Resampling.BILINEAR, box=box))


def load_background(artefact: Background, loading: Loading) -> BackgroundSource:
    """Read the pictures, or make backgrounds of the data's own images.

    Raises
    ------
    ArtefactError
        When there is no picture, a picture is broken, or no image has a usable mask.
    """
    if artefact.images is not None:
        files = picture_files(artefact.images, loading.base)
        pictures = tuple(_small(read_picture(path, "RGB")) for path in files)
        return BackgroundSource(artefact, pictures, tuple(path.stem for path in files))
    samples = _donors(artefact, loading)
    return BackgroundSource(
        artefact, tuple(_skin(sample, loading.seed) for sample in samples), tuple(sample.id for sample in samples)
    )


def _donors(artefact: Background, loading: Loading) -> list[Sample]:
    """Images whose skin is taken: free of what `column` and `clean_of` name, with a usable mask, drawn by hash."""
    index = loading.demand_index("background with own_data")
    free = [index.samples[row] for row in free_of_flags(index, artefact)]
    drawn = sorted(free, key=lambda sample: (digest_of("background", loading.seed, sample.digest), sample.id))
    donors: list[Sample] = []
    for sample in drawn:
        if len(donors) < artefact.n_instances and has_usable_mask(sample):
            donors.append(sample)
    if not donors:
        raise ArtefactError(
            "own_data: no image has a usable lesion mask, so none can give its skin",
            hint="give the data masks (`data.mask`), or a folder of background pictures (`images`)",
        )
    return donors


def _skin(sample: Sample, seed: int) -> Image8:
    """The picture without its lesion."""
    image = load_rgb(sample)
    small = _small(image)
    mask = load_mask(sample, (small.shape[1], small.shape[0]))
    assert mask is not None  # `has_usable_mask` said so
    return erase(small, erased_region(mask), stream("background", seed, sample.digest))


def _small(picture: Image8) -> Image8:
    shown = Image.fromarray(picture)
    shown.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    return np.asarray(shown)
