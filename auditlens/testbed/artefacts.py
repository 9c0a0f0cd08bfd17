"""Renderers of the artefacts in the audited images: ``(image, rng) -> image``.

Everything is drawn with Pillow on a coverage mask of four times the size, reduced (so that thin lines are
smooth) and then blended in. The foundation model was trained on another family, `foundation_artefacts`.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Pixels = NDArray[np.uint8]
Renderer = Callable[[Pixels, np.random.Generator], Pixels]
Point = tuple[float, float]
Place = Callable[[float, float], Point]

OVERSAMPLING: Final = 4
STICKER_COLOURS: Final = (
    (70, 130, 205), (240, 150, 60), (235, 205, 80), (90, 175, 110), (150, 110, 190), (90, 190, 195),
    (222, 180, 140),
)  # fmt: skip
PEN_COLOURS: Final = ((84, 52, 152), (58, 66, 168), (104, 60, 140), (52, 90, 176))


class _Cover:
    """A coverage mask to draw on, in units of the image's side."""

    def __init__(self, side: int) -> None:
        self.side = side
        self.scale = side * OVERSAMPLING
        self._mask = Image.new("L", (self.scale, self.scale), 0)
        self.pen = ImageDraw.Draw(self._mask)

    def line(self, points: list[Point], width: float) -> None:
        """Draw a line with round joints; width in parts of the side."""
        pixels = [(x * self.scale, y * self.scale) for x, y in points]
        self.pen.line(pixels, fill=255, width=max(1, round(width * self.scale)), joint="curve")

    def disc(self, centre: Point, radius: float, stretch: float = 1.0) -> None:
        """Fill an ellipse that is ``stretch`` times as wide as it is high."""
        (x, y), across, down = centre, radius * stretch, radius
        box = np.array([x - across, y - down, x + across, y + down]) * self.scale
        self.pen.ellipse(box.tolist(), fill=255)

    def polygon(self, points: list[Point]) -> None:
        """Fill a polygon."""
        self.pen.polygon([(x * self.scale, y * self.scale) for x, y in points], fill=255)

    def text(self, centre: Point, text: str, height: float) -> None:
        """Write text about a centre."""
        font = ImageFont.load_default(size=height * self.scale)
        x, y = centre
        self.pen.text((x * self.scale, y * self.scale), text, fill=255, font=font, anchor="mm")

    def coverage(self, blur: float = 0.0) -> NDArray[np.float32]:
        """Return the coverage ``[side, side, 1]`` in [0, 1], blurred by so many pixels of the image."""
        small = self._mask.reduce(OVERSAMPLING)
        if blur:
            small = small.filter(ImageFilter.GaussianBlur(blur))
        return np.asarray(small, np.float32)[..., None] / 255.0


def _blend(image: Pixels, colour: NDArray[np.float32], cover: NDArray[np.float32]) -> Pixels:
    mixed = image + (colour - image) * cover
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def _shade(rng: np.random.Generator, colour: tuple[int, ...], spread: float) -> NDArray[np.float32]:
    return np.clip(np.array(colour) + rng.normal(0, spread, 3), 0, 255).astype(np.float32)


def _frame(rng: np.random.Generator) -> Place:
    """Return a map of (along, inward) to the image, along one of its sides and slightly turned."""
    side, tilt = int(rng.integers(4)), rng.uniform(-0.10, 0.10)

    def place(along: float, inward: float) -> Point:
        a = 0.5 + (along - 0.5) * np.cos(tilt) - inward * np.sin(tilt)
        b = inward * np.cos(tilt) + (along - 0.5) * np.sin(tilt)
        return [(a, b), (a, 1 - b), (b, a), (1 - b, a)][side]

    return place


def ruler(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Put tick marks along one side, at times with numbers and on a translucent strip."""
    place = _frame(rng)
    ink, strip = _Cover(image.shape[0]), _Cover(image.shape[0])
    offset, length = rng.uniform(0.01, 0.07), rng.uniform(0.05, 0.085)
    _ticks(ink, place, rng, offset, length)
    if rng.random() < 0.5:
        depth = offset + length * rng.uniform(2.0, 2.6)
        strip.polygon([place(-0.3, -0.3), place(1.3, -0.3), place(1.3, depth), place(-0.3, depth)])
        opacity = np.float32(rng.uniform(0.3, 0.8))
        image = _blend(image, _shade(rng, (226, 226, 220), 8), strip.coverage() * opacity)
    return _blend(image, _shade(rng, (38, 36, 40), 10), ink.coverage() * np.float32(rng.uniform(0.75, 1.0)))


def _ticks(cover: _Cover, place: Place, rng: np.random.Generator, offset: float, length: float) -> None:
    spacing, width, group = rng.uniform(0.032, 0.055), rng.uniform(0.007, 0.012), int(rng.choice([5, 10]))
    start, stop = rng.uniform(-0.15, 0.12), rng.uniform(0.85, 1.15)
    first, numbered = int(rng.integers(0, 8)), rng.random() < 0.65
    if rng.random() < 0.4:
        cover.line([place(start, offset), place(stop, offset)], width)
    for k in range(int((stop - start) / spacing) + 1):
        along = start + k * spacing
        reach = length * (1.6 if k % group == 0 else 1.25 if group == 10 and k % 5 == 0 else 1.0)
        cover.line([place(along, offset), place(along, offset + reach)], width)
        if numbered and k % group == 0:
            cover.text(place(along, offset + 1.6 * length + 0.045), str(first + k // group), 0.075)


def band_aid(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Put a coloured round or rectangular patch at the edge, partly visible."""
    place, cover = _frame(rng), _Cover(image.shape[0])
    along, reach = rng.uniform(0.05, 0.95), rng.uniform(0.16, 0.26)
    if rng.random() < 0.55:
        cover.disc(place(along, rng.uniform(-0.06, 0.03)), reach, rng.uniform(0.85, 1.15))
    else:
        half, lean = rng.uniform(0.14, 0.28), rng.uniform(-0.10, 0.10)
        corners = [(-half, -0.4), (half, -0.4), (half, reach + lean), (-half, reach - lean)]
        cover.polygon([place(along + a, b) for a, b in corners])
    colour = _shade(rng, STICKER_COLOURS[int(rng.integers(len(STICKER_COLOURS)))], 8)
    weave = colour + rng.normal(0, 3, (*image.shape[:2], 1)).astype(np.float32)
    return _blend(image, weave, cover.coverage(0.6) * np.float32(rng.uniform(0.88, 1.0)))


def _curve(points: list[Point], n: int = 24) -> list[Point]:
    """Return a Bezier curve of four control points as a polyline."""
    t = np.linspace(0, 1, n)[:, None]
    p = np.array(points)
    path = (1 - t) ** 3 * p[0] + 3 * (1 - t) ** 2 * t * p[1] + 3 * (1 - t) * t**2 * p[2] + t**3 * p[3]
    return [(float(x), float(y)) for x, y in path]


def hair(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Put thin dark curved strokes over the image, most of them in one direction."""
    colour = _shade(rng, ((34, 24, 22), (58, 40, 30), (20, 18, 22))[int(rng.integers(3))], 5)
    comb, n_hairs = rng.uniform(0, np.pi), int(rng.integers(5, 14))
    cover = _Cover(image.shape[0])
    for _ in range(n_hairs):
        turn, half, middle = comb + rng.normal(0, 0.35), rng.uniform(0.25, 0.7), rng.uniform(0.05, 0.95, 2)
        ahead, aside = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
        bends = rng.normal(0, 0.09, 4)
        steps = np.array([-1, -0.33, 0.33, 1])
        knots = middle + half * steps[:, None] * ahead + bends[:, None] * aside
        cover.line(_curve(knots.tolist()), rng.uniform(0.007, 0.013))
    return _blend(image, colour, cover.coverage() * np.float32(rng.uniform(0.75, 0.95)))


def ink(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Put purple or blue pen marks on the skin: an arc about the lesion, dots, strokes or a cross."""
    cover, width = _Cover(image.shape[0]), rng.uniform(0.022, 0.040)
    (_pen_arc, _pen_dots, _pen_strokes, _pen_cross)[int(rng.integers(4))](cover, rng, width)
    colour = _shade(rng, PEN_COLOURS[int(rng.integers(len(PEN_COLOURS)))], 8)
    soaked = colour * (0.75 + 0.25 * image.astype(np.float32) / 255.0)
    return _blend(image, soaked, cover.coverage(0.7) * np.float32(rng.uniform(0.6, 0.9)))


def _around(rng: np.random.Generator, turn: float, reach: float) -> Point:
    x, y = 0.5 + reach * np.array([np.cos(turn), np.sin(turn)]) + rng.normal(0, 0.008, 2)
    return float(x), float(y)


def _pen_arc(cover: _Cover, rng: np.random.Generator, width: float) -> None:
    start, span, reach = rng.uniform(0, 2 * np.pi), rng.uniform(1.8, 6.2), rng.uniform(0.36, 0.47)
    cover.line([_around(rng, start + span * t, reach) for t in np.linspace(0, 1, 22)], width)


def _pen_dots(cover: _Cover, rng: np.random.Generator, width: float) -> None:
    start, n_dots, reach = rng.uniform(0, 2 * np.pi), int(rng.integers(3, 8)), rng.uniform(0.36, 0.46)
    for k in range(n_dots):
        cover.disc(_around(rng, start + 2 * np.pi * k / n_dots, reach), width * rng.uniform(0.9, 1.3))


def _pen_strokes(cover: _Cover, rng: np.random.Generator, width: float) -> None:
    place = _frame(rng)
    for _ in range(int(rng.integers(2, 5))):
        along, inward, half = rng.uniform(0.05, 0.95), rng.uniform(0.04, 0.18), rng.uniform(0.07, 0.2)
        bend = rng.normal(0, 0.03, 4)
        knots = [place(along + half * s, inward + b) for s, b in zip((-1, -0.3, 0.3, 1), bend, strict=True)]
        cover.line(_curve(knots), width)


def _pen_cross(cover: _Cover, rng: np.random.Generator, width: float) -> None:
    x, y = _around(rng, rng.uniform(0, 2 * np.pi), rng.uniform(0.38, 0.48))
    half, turn = rng.uniform(0.06, 0.11), rng.uniform(0, np.pi)
    for quarter in (turn, turn + np.pi / 2):
        dx, dy = half * np.cos(quarter), half * np.sin(quarter)
        cover.line([(x - dx, y - dy), (x + dx, y + dy)], width)


def red_skin(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Tint the image reddish, evenly: near ``0.7 * pixel + 0.3 * (231, 128, 151)``, of varied strength."""
    strength = np.full((*image.shape[:2], 1), rng.uniform(0.22, 0.42), np.float32)
    return _blend(image, _shade(rng, (231, 118, 142), 5), strength)


def dark_corner(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Put the black surround of a round aperture, of varied radius, centre and softness."""
    axis = np.linspace(-1, 1, image.shape[0])
    centre, reach = rng.normal(0, 0.05, 2), rng.uniform(0.94, 1.16)
    distance = np.hypot(axis[None, :] - centre[0], axis[:, None] - centre[1])
    edge = (distance - reach) / rng.uniform(0.008, 0.05)
    cover = rng.uniform(0.88, 1.0) * (0.5 + 0.5 * np.tanh(edge))
    return _blend(image, _shade(rng, (10, 8, 9), 3), cover[..., None].astype(np.float32))


ARTEFACTS: Final[dict[str, Renderer]] = {
    "red_skin": red_skin,
    "ink": ink,
    "hair": hair,
    "band_aid": band_aid,
    "ruler": ruler,
    "dark_corner": dark_corner,
}
