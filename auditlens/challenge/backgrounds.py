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
COARSE_SIDE = 96
"""The slow part of a picture is worked out at this size."""
TONE_REACH = 0.3
"""How far from the lesion its own skin's tone fades into that of the background, as a share of the shorter side."""
SKIN_FROM = 0.02
"""From this share of the shorter side off the mask on, pixels count as skin: a lesion's rim is darker."""
SLOW = 0.06
"""Spread of the smoothing that leaves the slow part, as a share of the shorter side."""


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
        after = to_uint8(pixels + alpha[:, :, None] * (ground + tone_around(image, ground, lesion) - pixels))
        if is_grey(image):
            after = as_grey(after)
        support = outside(lesion, self.artefact.margin, max(TONE_REACH, self.artefact.feather)) * np.float32(opacity)
        return Rendering(after, support, full_field=True)  # the sham, too, rises as slowly as the tone changes


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


def tone_around(image: Image8, ground: Image8, lesion: Mask) -> Plane:
    """What to add to the background for its tone to start, at the lesion, from that of the image's own skin.

    A lesion cut out with a rim of its own skin would stand in a halo. So the slow part of the background goes over
    widely, as in blending band by band (Burt and Adelson 1983), while its detail goes over at the soft edge.

    Parameters
    ----------
    image, ground : Image8, (height, width, 3)
    lesion : Mask, (height, width)

    Returns
    -------
    Plane, (height, width, 3)
        Signed grey levels, 0 from `TONE_REACH` of the shorter side on.
    """
    height, width = lesion.shape
    if not lesion.any() or lesion.all():
        return np.zeros((height, width, 3), dtype=np.float32)
    shrink = min(COARSE_SIDE / max(height, width), 1.0)
    coarse = (max(round(width * shrink), 2), max(round(height * shrink), 2))
    inside = np.asarray(Image.fromarray(lesion).resize(coarse, Image.Resampling.NEAREST))
    distance = ndimage.distance_transform_edt(~inside) if inside.any() else np.full(inside.shape, np.inf)
    difference = _coarse(image, coarse) - _coarse(ground, coarse)
    skin = (distance > SKIN_FROM * min(coarse)).astype(np.float32)
    sigma = SLOW * min(coarse)
    weight = ndimage.gaussian_filter(skin, sigma)
    slow = ndimage.gaussian_filter(difference * skin[:, :, None], (sigma, sigma, 0))
    near = np.clip(1.0 - distance / (TONE_REACH * min(coarse)), 0.0, 1.0)
    fading = (near * near * (3.0 - 2.0 * near))[:, :, None] * slow / np.maximum(weight, 1e-3)[:, :, None]
    planes = [
        np.asarray(
            Image.fromarray(fading[:, :, c].astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
        )
        for c in range(3)
    ]
    return np.stack(planes, axis=2)


def _coarse(image: Image8, size: tuple[int, int]) -> Plane:
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX), dtype=np.float32)


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
