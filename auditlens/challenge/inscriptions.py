"""Drawn writing: plain text, watermarks, timestamps of cameras, and the side markers of X-ray images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from auditlens.challenge.lettering import box_of, inked, written
from auditlens.challenge.placement import Room, place
from auditlens.challenge.rendering import Layer, Plane
from auditlens.challenge.strokes import Points, arc
from auditlens.spec.artefacts import Inscribed

Colour = tuple[float, float, float]

TEXTS: dict[str, tuple[str, ...]] = {
    "text": ("CASE 17", "PATIENT 0421", "FIG. 3", "ID 88-1302", "SAMPLE", "BEFORE", "NO. 5", "ARCHIVE", "LEFT ARM"),
    "watermark": ("STOCK PHOTO", "PREVIEW", "SAMPLE", "ATLAS", "DO NOT COPY", "\N{COPYRIGHT SIGN} IMAGE BANK"),
    "side_marker": ("L", "R", "L", "R", "L AP", "R AP", "L PA", "R PA", "L ERECT", "PORTABLE", "R JK", "L 12"),
}
"""Texts of the tool, where the spec gives none; dates of timestamps are drawn."""
CAMERA_COLOURS: tuple[Colour, ...] = ((255, 140, 30), (255, 214, 60), (245, 245, 245), (250, 70, 40))


@dataclass(frozen=True, slots=True)
class Inscription:
    """One writing; lengths are shares of the image's shorter side."""

    text: str
    height: float
    weight: float
    """Width of the strokes as a share of the height."""
    colour: Colour
    cover: float
    outline: Colour | None
    plate: Colour | None
    """Colour of a box behind the text."""
    ring: bool
    """A circle around the text, as on lead markers."""
    tilt: float
    tiled: bool
    """Repeated over the whole image."""


def design(rng: np.random.Generator, artefact: Inscribed) -> Inscription:
    """Draw one writing of the artefact's kind, with one of the spec's texts or of the tool's."""
    kind = artefact.kind
    own = artefact.texts or TEXTS.get(kind, ())
    text = str(own[int(rng.integers(len(own)))]) if own else _date(rng)
    grey = float(rng.uniform(225, 255)) if rng.random() < 0.6 else float(rng.uniform(10, 50))
    camera = kind == "timestamp"
    marker = kind == "side_marker"
    watermark = kind == "watermark"
    long = len(text) > 3
    height = (0.05, 0.08) if watermark else (0.035, 0.06) if long else (0.07, 0.12)
    return Inscription(
        text=text,
        height=rng.uniform(*height),
        weight=rng.uniform(0.16, 0.24) if marker else rng.uniform(0.11, 0.18),
        colour=_colour(rng, camera, marker, grey),
        cover=rng.uniform(0.25, 0.55) if watermark else rng.uniform(0.85, 1.0),
        outline=(20.0, 20.0, 20.0) if camera and rng.random() < 0.5 else None,
        plate=_plate(rng, grey) if kind == "text" and rng.random() < 0.35 else None,
        ring=bool(marker and not long and rng.random() < 0.5),
        tilt=float(rng.uniform(-0.6, 0.6)) if watermark else float(rng.normal(0, 0.12)) if marker else 0.0,
        tiled=bool(watermark and rng.random() < 0.5),
    )


def _colour(rng: np.random.Generator, camera: bool, marker: bool, grey: float) -> Colour:
    if camera:
        return CAMERA_COLOURS[int(rng.integers(len(CAMERA_COLOURS)))]
    level = float(rng.uniform(225, 255)) if marker else grey
    return (level, level, level)


def _plate(rng: np.random.Generator, grey: float) -> Colour:
    level = float(rng.uniform(10, 60)) if grey > 128 else float(rng.uniform(215, 250))
    return (level, level, level)


def _date(rng: np.random.Generator) -> str:
    year, month, day = int(rng.integers(2003, 2025)), int(rng.integers(1, 13)), int(rng.integers(1, 29))
    hour, minute = int(rng.integers(7, 19)), int(rng.integers(60))
    forms = (
        f"{year}-{month:02}-{day:02}",
        f"{day:02}.{month:02}.{year}",
        f"{month:02}/{day:02}/{year % 100:02} {hour:02}:{minute:02}",
        f"{year}/{month:02}/{day:02} {hour:02}:{minute:02}",
    )
    return forms[int(rng.integers(len(forms)))]


def draw(writing: Inscription, room: Room, rng: np.random.Generator) -> tuple[Layer, ...]:
    """Write at the placement of the spec, or over the whole image where the design is tiled.

    A text that is longer than the image is written smaller. Tiles that would touch what is to be avoided are left out.

    Returns
    -------
    tuple of Layer
        Plate and outline, where there are any, and the writing.
    """
    height = max(writing.height * room.side * room.scale, 5.0)
    height = min(height, 0.9 * room.side / (0.95 * len(writing.text) + 1))
    paths = written(writing.text, height, writing.tilt)
    weight = max(writing.weight * height, 1.0)
    if writing.ring:
        paths.append(arc((0.0, 0.0), 1.05 * height * max(len(writing.text) * 0.75, 1.0), 0.0, 2 * np.pi))
    if writing.tiled:
        return _tiled(writing, room, paths, weight, rng)
    corner, size = box_of(paths, weight + 0.35 * height)
    letters = inked(paths, weight, corner, size)
    sheet = np.ones(size, dtype=np.float32) if writing.plate else letters
    spot = place(sheet, room.size, room.placement, rng, room.avoid, inset=0.04)
    layers = [Layer(spot.left, spot.top, letters * np.float32(writing.cover), _paint(writing.colour))]
    if writing.outline is not None:
        layers.insert(0, Layer(spot.left, spot.top, inked(paths, 2.2 * weight, corner, size), _paint(writing.outline)))
    if writing.plate is not None:
        layers.insert(0, Layer(spot.left, spot.top, sheet, _paint(writing.plate)))
    return tuple(layers)


def _tiled(
    writing: Inscription, room: Room, paths: Sequence[Points], weight: float, rng: np.random.Generator
) -> tuple[Layer, ...]:
    corner, size = box_of(paths, weight)
    letters = inked(paths, weight, corner, size) * np.float32(writing.cover)
    start = rng.uniform(0, 1, 2) * size
    layers = []
    for row, top in enumerate(np.arange(start[0] - 1.5 * size[0], room.height, 1.5 * size[0])):
        for left in np.arange(start[1] - (1.5 + 0.6 * (row % 2)) * size[1], room.width, 1.25 * size[1]):
            tile = Layer(round(left), round(top), letters, _paint(writing.colour))
            if _shown(tile, room):
                layers.append(tile)
    if not layers:  # no place in the pattern is free, so one tile finds a place of its own
        spot = place(letters, room.size, "border", rng, room.avoid)
        layers.append(Layer(spot.left, spot.top, letters, _paint(writing.colour)))
    return tuple(layers)


def _shown(tile: Layer, room: Room) -> bool:
    """Whether a tile lies inside of the image to a good part, and clear of what is to be avoided."""
    height, width = tile.alpha.shape
    rows = slice(max(tile.top, 0), max(min(tile.top + height, room.height), 0))
    columns = slice(max(tile.left, 0), max(min(tile.left + width, room.width), 0))
    if (rows.stop - rows.start) * (columns.stop - columns.start) < 0.1 * height * width:
        return False
    return room.avoid is None or not room.avoid[rows, columns].any()


def _paint(colour: Colour) -> Plane:
    return np.asarray(colour, dtype=np.float32)
