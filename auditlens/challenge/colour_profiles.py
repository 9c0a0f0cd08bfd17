"""Colours of another device by its ICC profile, through LittleCMS as Pillow brings it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image, ImageCms

from auditlens.challenge.colour_swaps import load_swap, whole
from auditlens.challenge.draws import between
from auditlens.challenge.loading import Loading
from auditlens.challenge.rendering import ArtefactSource, Image8, Mask, Rendering
from auditlens.errors import ArtefactError, nearest
from auditlens.spec.artefacts import ColourProfile
from auditlens.spec.paths import resolve

PROFILES: Final = frozenset({".icc", ".icm"})
INTENT: Final = ImageCms.Intent.RELATIVE_COLORIMETRIC


@dataclass(frozen=True, slots=True)
class ProfileSource:
    """ICC profiles, one instance each.

    Attributes
    ----------
    artefact : ColourProfile
    transforms : tuple
        Between sRGB, which the images are taken to be in, and each profile.
    names : tuple of str
        File names without suffix.
    """

    artefact: ColourProfile
    transforms: tuple[Any, ...]
    names: tuple[str, ...]

    @property
    def n_instances(self) -> int:
        """Number of profiles."""
        return len(self.transforms)

    def render(self, image: Image8, instance: int, rng: np.random.Generator, avoid_mask: Mask | None) -> Rendering:
        """Convert the whole image; opacity blends with the original. A grey image stays grey."""
        picture = Image.fromarray(np.ascontiguousarray(image))
        converted = ImageCms.applyTransform(picture, self.transforms[instance])
        return whole(image, np.asarray(converted), between(rng, self.artefact.opacity))


def load_colour_profile(artefact: ColourProfile, loading: Loading) -> ArtefactSource:
    """Fit the maps between groups of the data, or read the profiles.

    Raises
    ------
    ArtefactError
        When the data lacks the column or a group; when there is no profile, or one is broken, is not of RGB, or cannot
        be used in the direction asked for.
    """
    if artefact.profiles is None:
        return load_swap(artefact, loading)
    files = _files(artefact.profiles, loading.base)
    return ProfileSource(
        artefact,
        tuple(_transform(path, artefact.direction) for path in files),
        tuple(path.stem for path in files),
    )


def _files(entries: tuple[str, ...] | str, base: Path) -> list[Path]:
    found: list[Path] = []
    for entry in (entries,) if isinstance(entries, str) else entries:
        place = resolve(entry, base)
        candidates = list(place.iterdir()) if place.is_dir() else list(place.parent.glob(place.name))
        files = sorted(path for path in candidates if path.suffix.lower() in PROFILES)
        if not files:
            near = nearest(place.name, [path.name for path in place.parent.iterdir()]) if place.parent.is_dir() else ""
            raise ArtefactError(f"profiles: {place}: no ICC profiles here; valid are .icc and .icm files{near}")
        found += files
    return found


def _transform(path: Path, direction: str) -> Any:
    try:
        profile = ImageCms.getOpenProfile(io.BytesIO(path.read_bytes()))
        space = profile.profile.xcolor_space.strip()
        if space != "RGB":
            raise ArtefactError(f"profiles: {path}: is a profile of {space}; valid are profiles of RGB")
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        source, target = (srgb, profile) if direction == "written_by" else (profile, srgb)
        return ImageCms.buildTransform(source, target, "RGB", "RGB", renderingIntent=INTENT)
    except (ImageCms.PyCMSError, OSError) as error:
        other = "read_as" if direction == "written_by" else "written_by"
        raise ArtefactError(
            f"profiles: {path}: cannot be used as an ICC profile (direction {direction}): {error}",
            hint=f"profiles of cameras and scanners often go one way only; try `direction: {other}`",
        ) from error
