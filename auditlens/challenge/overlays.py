"""Pictures of an artefact laid over the image: with transparency, as with/without pairs, or as ink on white."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from auditlens.challenge.draws import between
from auditlens.challenge.placement import SIDES, Side, place
from auditlens.challenge.rendering import (
    Image8,
    Layer,
    Mask,
    Plane,
    Rendering,
    compose,
    support_of_difference,
)
from auditlens.challenge.stamps import PICTURES, Stamp, flipped, read_picture, resized, scaled, window
from auditlens.errors import ArtefactError, nearest
from auditlens.spec.artefacts import Overlay
from auditlens.spec.paths import resolve

STRIP_ASPECT = 3.0
"""From this width over height on a picture is a strip (a ruler): it runs along the border."""
PAPER = 235
"""Grey level from which on a pixel is white paper."""
WHITE_BORDER = 0.5
"""Share of the border that must be paper; ink may run out of the picture."""
WITH = re.compile(r"(?<![A-Za-z])with(?![A-Za-z])", re.IGNORECASE)
WITHOUT = re.compile(r"(?<![A-Za-z])without(?![A-Za-z])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class OverlaySource:
    """Pictures of an artefact, one instance per picture (or pair).

    Attributes
    ----------
    artefact : Overlay
    stamps : tuple of Stamp
        Planes are premultiplied RGB and alpha for `rgba`, the signed difference for the other formats.
    sides : tuple of tuple of Side
        Borders that each picture may run along: where the folder's name says vertical or horizontal, only those.
    forms : tuple of str
        Format of each picture, as `auto` may mix them.
    position : float or None
        How far in it lies, as a dose says; None: as the placement of the spec says.
    """

    artefact: Overlay
    stamps: tuple[Stamp, ...]
    sides: tuple[tuple[Side, ...], ...]
    forms: tuple[str, ...]
    position: float | None = None

    @property
    def n_instances(self) -> int:
        """Number of pictures or pairs."""
        return len(self.stamps)

    @property
    def names(self) -> tuple[str, ...]:
        """File names without suffix."""
        return tuple(stamp.name for stamp in self.stamps)

    def render(self, image: Image8, instance: int, rng: np.random.Generator, avoid_mask: Mask | None) -> Rendering:
        """Lay one picture over the image, sized by the image's height over `reference_height`."""
        size = image.shape[:2]
        side = self.sides[instance][int(rng.integers(len(self.sides[instance])))]
        planes = self._fitted(self.stamps[instance].planes, size, side, rng)
        form = self.forms[instance]
        support = planes[:, :, 3] if form == "rgba" else support_of_difference(planes)
        strip = max(support.shape) >= STRIP_ASPECT * min(support.shape)
        spot = place(
            support,
            size,
            self.artefact.placement if self.position is None else self.position,
            rng,
            avoid_mask,
            overhang=0.0 if strip else 0.25,
            inset=0.03,
            side=side if strip else None,
        )
        layer = _layer(planes, support, spot.left, spot.top, form)
        return compose(image, [layer], between(rng, self.artefact.opacity))

    def _fitted(self, planes: Plane, size: tuple[int, int], side: Side, rng: np.random.Generator) -> Plane:
        """Scale, flip and turn a picture for an image of this size."""
        if self.artefact.placement == "full":
            return resized(flipped(planes, rng), *size)
        factor = size[0] / self.artefact.reference_height * between(rng, self.artefact.scale)
        planes = flipped(planes, rng)
        if planes.shape[1] < STRIP_ASPECT * planes.shape[0]:
            return scaled(planes, factor)
        upright = side in ("left", "right")
        room = size[0] if upright else size[1]
        planes = scaled(window(planes, int(np.ceil(room / factor)), rng), factor)[:, :room]
        return np.rot90(planes) if upright else planes


def load_overlay(artefact: Overlay, base: Path, seed: int) -> OverlaySource:
    """Read the pictures of an overlay.

    Parameters
    ----------
    artefact : Overlay
    base : Path
        Folder that relative paths start from: that of the spec.
    seed : int
        Not used: the instances are the pictures.

    Returns
    -------
    OverlaySource

    Raises
    ------
    ArtefactError
        When there is no picture, a pair is incomplete, or a picture does not fit the format.
    """
    is_mixed = artefact.format == "auto"
    files = picture_files(artefact.images, base, deep=is_mixed)
    by_form = told_apart(files) if is_mixed else {artefact.format: files}
    found = [(path, stamp, form) for form, own in by_form.items() for path, stamp in FORMATS[form](own)]
    if is_mixed:
        found.sort(key=lambda one: files.index(one[0]))
    paths, stamps, forms = zip(*found, strict=True)
    return OverlaySource(artefact, tuple(stamps), tuple(_sides(path) for path in paths), tuple(forms))


def told_apart(files: list[Path]) -> dict[str, list[Path]]:
    """Tell by names and content what each picture is.

    Files of which the partner lies beside them are pairs; pictures of which a pixel is transparent are `rgba`; opaque
    ones with a white border are ink on white.

    Returns
    -------
    dict of format to list of Path
        Only formats that occur.

    Raises
    ------
    ArtefactError
        For a picture that is none of these.
    """
    found: dict[str, list[Path]] = {}
    for path in files:
        found.setdefault(_form_of(path, files), []).append(path)
    return found


def _form_of(path: Path, files: list[Path]) -> str:
    partner = _partner(path)
    if partner in files:
        return "with_without"
    picture = read_picture(path, "any")
    if picture.shape[2] == 4 and (picture[:, :, 3] < 255).any():
        return "rgba"
    border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])[:, :3]
    if float((border >= PAPER).all(axis=1).mean()) >= WHITE_BORDER:
        return "ink_on_white"
    lone = f"; its partner {partner.name} is missing" if partner is not None else ""
    raise ArtefactError(
        f"{path}: cannot tell what this picture is: it is opaque, its border is not white, and it is no half of a "
        f"with/without pair{lone}",
        hint="save it with transparency, give its partner, or name the `format` of a folder of its kind",
    )


def _partner(path: Path) -> Path | None:
    """The other half of a pair by its name, in the same folder; None where the name says neither with nor without."""
    if WITHOUT.search(path.stem):
        return path.with_name(WITHOUT.sub("with", path.name))
    return path.with_name(WITH.sub("without", path.name)) if WITH.search(path.stem) else None


def picture_files(images: tuple[str, ...] | str, base: Path, *, deep: bool = False) -> list[Path]:
    """List the pictures in folders or behind file patterns, in name order; with `deep` also those in sub-folders.

    Raises
    ------
    ArtefactError
        When an entry has no picture.
    """
    found: list[Path] = []
    for entry in (images,) if isinstance(images, str) else images:
        files = _expand(resolve(entry, base), deep)
        if not files:
            raise ArtefactError(
                f"{resolve(entry, base)}: no artefact pictures here; valid is a folder or a pattern with "
                f"{', '.join(sorted(PICTURES))} files{_neighbour(resolve(entry, base))}"
            )
        found += files
    return found


def _expand(path: Path, deep: bool) -> list[Path]:
    if path.is_dir():
        candidates = list(path.rglob("*") if deep else path.iterdir())
    elif any(sign in path.name for sign in "*?["):
        candidates = list(path.parent.glob(path.name))
    else:
        candidates = [path] if path.is_file() else []
    return sorted(file for file in candidates if file.suffix.lower() in PICTURES)


def _neighbour(path: Path) -> str:
    if path.is_dir() or not path.parent.is_dir():
        return ""
    return nearest(path.name, [entry.name for entry in path.parent.iterdir()])


def _rgba(files: list[Path]) -> list[tuple[Path, Stamp]]:
    return [(path, Stamp(path.stem, premultiplied(read_picture(path, "RGBA")))) for path in files]


def premultiplied(picture: Image8) -> Plane:
    """Turn RGBA into paint times cover, and cover from 0 to 1, so that resizing bleeds no colour of hidden pixels.

    Returns
    -------
    Plane, (height, width, 4)
    """
    alpha = picture[:, :, 3:].astype(np.float32) / np.float32(255.0)
    return np.concatenate([picture[:, :, :3] * alpha, alpha], axis=2)


def _ink_on_white(files: list[Path]) -> list[tuple[Path, Stamp]]:
    pictures = ((path, read_picture(path, "RGB").astype(np.float32) - 255) for path in files)
    return [(path, Stamp(path.stem, difference)) for path, difference in pictures]


def _with_without(files: list[Path]) -> list[tuple[Path, Stamp]]:
    without = {path.with_name(WITHOUT.sub("with", path.name)): path for path in files if WITHOUT.search(path.stem)}
    having = [path for path in files if WITH.search(path.stem)]
    lone = sorted(set(having) ^ set(without))
    if lone or not having:
        named = f"{lone[0]}: no partner" if lone else f"{files[0]}: no pair"
        raise ArtefactError(
            f"{named}; format with_without needs pairs such as ruler_with_1.png and ruler_without_1.png of equal size"
        )
    return [(path, Stamp(path.stem, _difference(path, without[path]))) for path in having]


def _difference(having: Path, without: Path) -> Plane:
    one, other = (read_picture(path, "RGB").astype(np.float32) for path in (having, without))
    if one.shape != other.shape:
        sizes = [f"{picture.shape[1]} x {picture.shape[0]}" for picture in (one, other)]
        raise ArtefactError(
            f"{having}: is {sizes[0]}, but its partner {without.name} is {sizes[1]}; a pair needs equal sizes"
        )
    return one - other


FORMATS: dict[str, Callable[[list[Path]], list[tuple[Path, Stamp]]]] = {
    "rgba": _rgba,
    "with_without": _with_without,
    "ink_on_white": _ink_on_white,
}


def _sides(path: Path) -> tuple[Side, ...]:
    folder = path.parent.name.lower()
    if "vertical" in folder:
        return ("left", "right")
    if "horizontal" in folder:
        return ("top", "bottom")
    return SIDES


def _layer(planes: Plane, support: Plane, left: int, top: int, form: str) -> Layer:
    if form != "rgba":
        return Layer(left, top, support, planes, "add")
    paint = planes[:, :, :3] / np.maximum(support, np.float32(1e-4))[:, :, None]
    return Layer(left, top, support, cast(Plane, paint))
