"""The foundation model's own family of artefact renderers: ``(image, rng) -> (image, cover)``.

Nothing here is shared with `artefacts`, the renderers of the audited images. That family draws strokes with
Pillow; this one evaluates distance fields on the pixel grid, with its own shapes, colours and ranges. What the
foundation model learns of a ruler it learns from these, and audits are of those.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Field = NDArray[np.float64]
Renderer = Callable[[Pixels, np.random.Generator], tuple[Pixels, Field]]

GLYPHS: Final = (
    "111101101101111", "010110010010111", "111001111100111", "111001011001111", "101101111001001",
    "111100111001111", "111100111101111", "111001010010010", "111101111101111", "111101111001111",
)  # fmt: skip


def _grid(n: int) -> tuple[Field, Field]:
    """Return x and y of the pixel centres in [0, 1]."""
    y, x = np.mgrid[0:n, 0:n]
    return (x + 0.5) / n, (y + 0.5) / n


def _inside(distance: Field, n: int, softness: float = 1.0) -> Field:
    """Turn a signed distance (positive inside) into coverage, over ``softness`` pixels."""
    return np.asarray(np.clip(distance * n / softness + 0.5, 0, 1))


def _paint(image: Pixels, colour: NDArray[np.float64], cover: Field) -> tuple[Pixels, Field]:
    alpha = cover[..., None]
    return np.clip((1 - alpha) * image + alpha * colour, 0, 255).astype(np.uint8), cover


def _hsv(hue: float, saturation: float, value: float) -> NDArray[np.float64]:
    """Return an RGB colour in [0, 255] from hue, saturation and value in [0, 1]."""
    shift = np.abs(((hue * 6 + np.array([0.0, 4.0, 2.0])) % 6) - 3) - 1
    return np.asarray(255 * value * (1 - saturation * (1 - np.clip(shift, 0, 1))))


def _local(rng: np.random.Generator, n: int, at_edge: float) -> tuple[Field, Field]:
    """Return coordinates along and across a random straight line, near a side with chance ``at_edge``."""
    x, y = _grid(n)
    if rng.random() < at_edge:
        turn = int(rng.integers(4)) * np.pi / 2 + rng.normal(0, 0.12)
        away = rng.uniform(0.28, 0.56)
    else:
        turn, away = rng.uniform(0, 2 * np.pi), rng.uniform(0.0, 0.5)
    along = (x - 0.5) * np.cos(turn) + (y - 0.5) * np.sin(turn)
    across = -(x - 0.5) * np.sin(turn) + (y - 0.5) * np.cos(turn) - away
    return along, across * rng.choice([-1.0, 1.0]) + rng.uniform(0, 0.05)


def graduated_scale(image: Pixels, rng: np.random.Generator) -> tuple[Pixels, Field]:
    """Draw a graduated scale: periodic ticks of two or three lengths, glyph digits, at times a backing."""
    n = image.shape[0]
    along, across = _local(rng, n, 0.75)
    pitch, length = rng.uniform(0.026, 0.07), rng.uniform(0.03, 0.10)
    ticks = _graduation(rng, along, across, pitch, length, n)
    if rng.random() < 0.6:
        ticks = np.maximum(ticks, _digits(rng, along, across - 1.9 * length, pitch, n))
    if rng.random() < 0.3:
        ticks = np.maximum(ticks, _inside(rng.uniform(0.003, 0.007) - np.abs(across), n))
    backing = _inside(length * rng.uniform(1.2, 3.5) - across, n) * (across > -rng.uniform(0.02, 0.5))
    if rng.random() < 0.5:
        image, _ = _paint(image, _backing_colour(rng), backing * rng.uniform(0.15, 0.95))
    dark = _hsv(rng.random(), rng.uniform(0, 0.3), rng.uniform(0.02, 0.35))
    return _paint(image, dark, ticks * rng.uniform(0.6, 1.0))


def _backing_colour(rng: np.random.Generator) -> NDArray[np.float64]:
    return _hsv(rng.uniform(0.05, 0.6), rng.uniform(0.0, 0.15), rng.uniform(0.7, 1.0))


def _graduation(rng: np.random.Generator, along: Field, across: Field, pitch: float, length: float, n: int) -> Field:
    number = np.round(along / pitch)
    to_tick = np.abs(along - number * pitch)
    every = int(rng.choice([2, 4, 5, 10]))
    reach = length * np.where(number % every == 0, rng.uniform(1.2, 1.8), 1.0)
    if every == 10:
        reach = np.where(number % 5 == 0, reach * 1.15, reach)
    body = _inside(np.minimum(across, reach - across), n)
    end = rng.uniform(0.3, 0.8)
    shown = (along > -rng.uniform(0.3, 0.8)) & (along < end)
    return np.asarray(_inside(rng.uniform(0.003, 0.008) - to_tick, n) * body * shown)


def _digits(rng: np.random.Generator, along: Field, across: Field, pitch: float, n: int) -> Field:
    """Return five-by-three glyphs in every fifth or tenth interval, upright or upside down."""
    every, cell = pitch * int(rng.choice([5, 10])), rng.uniform(0.011, 0.018)
    number = np.round(along / every)
    flip = rng.choice([-1, 1])
    column = np.floor(flip * (along - number * every) / cell + 1.5).astype(int)
    row = np.floor(flip * (across - 2.5 * cell) / cell + 2.5).astype(int)
    valid = (column >= 0) & (column < 3) & (row >= 0) & (row < 5)
    table = np.array([[int(bit) for bit in glyph] for glyph in GLYPHS])
    digit = (number.astype(int) + int(rng.integers(10))) % 10
    return np.where(valid, table[digit, np.clip(row, 0, 4) * 3 + np.clip(column, 0, 2)], 0).astype(float)


def sticker(image: Pixels, rng: np.random.Generator) -> tuple[Pixels, Field]:
    """Lay a plaster on the image: a superellipse or a rounded bar in any even colour, often cut by the edge."""
    n = image.shape[0]
    x, y = _grid(n)
    turn, away = rng.uniform(0, 2 * np.pi), rng.uniform(0.34, 0.62)
    u, v = x - 0.5 - away * np.cos(turn), y - 0.5 - away * np.sin(turn)
    lean = rng.uniform(0, np.pi)
    u, v = u * np.cos(lean) + v * np.sin(lean), v * np.cos(lean) - u * np.sin(lean)
    wide, high, power = rng.uniform(0.12, 0.34), rng.uniform(0.10, 0.26), rng.choice([2.0, 2.5, 4.0, 10.0])
    level = (np.abs(u / wide) ** power + np.abs(v / high) ** power) ** (1 / power)
    cover = _inside((1 - level) * min(wide, high), n, rng.uniform(1, 3)) * rng.uniform(0.8, 1.0)
    colour = _hsv(rng.random(), rng.uniform(0.25, 0.95), rng.uniform(0.55, 1.0))
    ribs = 1 + rng.uniform(0, 0.06) * np.sin(2 * np.pi * u * n / rng.uniform(3, 8))
    shade = ribs * (1 + rng.uniform(-0.25, 0.25) * v / high)
    return _paint(image, colour * np.clip(shade, 0.6, 1.3)[..., None], cover)


def strands(image: Pixels, rng: np.random.Generator) -> tuple[Pixels, Field]:
    """Lay hairs: parabolas in turned coordinates, thin and dark, tapering or not."""
    n = image.shape[0]
    x, y = _grid(n)
    cover = np.zeros((n, n))
    main, spread = rng.uniform(0, np.pi), rng.uniform(0.1, 1.2)
    for _ in range(int(rng.integers(3, 19))):
        turn = main + rng.normal(0, spread)
        u = (x - rng.random()) * np.cos(turn) + (y - rng.random()) * np.sin(turn)
        v = (y - rng.random()) * np.cos(turn) - (x - rng.random()) * np.sin(turn)
        tilt, bow, half = rng.normal(0, 0.15), rng.normal(0, 0.7), rng.uniform(0.15, 0.8)
        distance = np.abs(v - tilt * u - bow * u * u) / np.sqrt(1 + (tilt + 2 * bow * u) ** 2)
        strand = _inside(rng.uniform(0.0025, 0.0075) - distance, n, 1.2) * (np.abs(u) < half)
        cover = np.maximum(cover, strand * rng.uniform(0.55, 1.0))
    return _paint(image, _hsv(rng.uniform(0, 0.12), rng.uniform(0, 0.6), rng.uniform(0.03, 0.32)), cover)


def marker(image: Pixels, rng: np.random.Generator) -> tuple[Pixels, Field]:
    """Draw with a skin marker: rings, spots, dashes or a zigzag in blue to violet, uneven in pressure."""
    n = image.shape[0]
    x, y = _grid(n)
    shape = (_ring, _spots, _dashes, _zigzag)[int(rng.integers(4))]
    wobble = rng.uniform(0, 0.012) * np.sin(2 * np.pi * (rng.uniform(1, 4) * x + rng.uniform(1, 4) * y))
    cover = _inside(shape(rng, x, y) + wobble, n, rng.uniform(1, 2.5))
    pressure = 1 - rng.uniform(0, 0.35) * (0.5 + 0.5 * np.sin(9 * x + 7 * y + rng.uniform(0, 6)))
    colour = _hsv(rng.uniform(0.57, 0.82), rng.uniform(0.4, 0.85), rng.uniform(0.3, 0.75))
    return _paint(image, colour, cover * pressure * rng.uniform(0.55, 0.95))


def _ring(rng: np.random.Generator, x: Field, y: Field) -> Field:
    u, v = x - rng.normal(0.5, 0.05), (y - rng.normal(0.5, 0.05)) * rng.uniform(0.8, 1.25)
    drawn = (np.arctan2(v, u) - rng.uniform(0, 6.28)) % (2 * np.pi) < rng.uniform(1.2, 6.5)
    band = rng.uniform(0.009, 0.022) - np.abs(np.hypot(u, v) - rng.uniform(0.3, 0.5))
    return np.where(drawn, band, -0.1)


def _spots(rng: np.random.Generator, x: Field, y: Field) -> Field:
    best = np.full_like(x, -1.0)
    for _ in range(int(rng.integers(2, 9))):
        turn, away = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.6)
        distance = np.hypot(x - 0.5 - away * np.cos(turn), y - 0.5 - away * np.sin(turn))
        best = np.maximum(best, rng.uniform(0.014, 0.04) - distance)
    return best


def _segment(x: Field, y: Field, start: NDArray[np.float64], end: NDArray[np.float64]) -> Field:
    """Return the distance to a straight segment."""
    (ax, ay), (dx, dy) = start, end - start
    part = np.clip(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy + 1e-9), 0, 1)
    return np.asarray(np.hypot(x - ax - part * dx, y - ay - part * dy))


def _dashes(rng: np.random.Generator, x: Field, y: Field) -> Field:
    """Return one to six separate strokes, some of them crossing."""
    best, width = np.full_like(x, -1.0), rng.uniform(0.009, 0.02)
    for _ in range(int(rng.integers(1, 7))):
        turn, away = rng.uniform(0, 2 * np.pi), rng.uniform(0.25, 0.55)
        middle = 0.5 + away * np.array([np.cos(turn), np.sin(turn)])
        step = rng.normal(0, 0.09, 2)
        best = np.maximum(best, width - _segment(x, y, middle - step, middle + step))
    return best


def _zigzag(rng: np.random.Generator, x: Field, y: Field) -> Field:
    best, width = np.full_like(x, -1.0), rng.uniform(0.009, 0.02)
    turn = rng.uniform(0, 2 * np.pi)
    point = 0.5 + 0.42 * np.array([np.cos(turn), np.sin(turn)])
    for _ in range(int(rng.integers(3, 9))):
        following = point + rng.normal(0, 0.09, 2)
        best = np.maximum(best, width - _segment(x, y, point, following))
        point = following
    return best


def flush(image: Pixels, rng: np.random.Generator) -> tuple[Pixels, Field]:
    """Redden the skin: lower green and blue by gains, lower the contrast, evenly or with a slope."""
    n = image.shape[0]
    x, y = _grid(n)
    turn = rng.uniform(0, 2 * np.pi)
    slope = rng.uniform(0, 0.5) * ((x - 0.5) * np.cos(turn) + (y - 0.5) * np.sin(turn))
    amount = np.clip(1 + slope, 0, 1.3)[..., None]
    gains = np.array([rng.uniform(1.0, 1.08), rng.uniform(0.70, 0.88), rng.uniform(0.86, 1.03)])
    centre = image.reshape(-1, 3).mean(0)
    flat = centre + (image - centre) * rng.uniform(0.55, 0.95)
    red = flat * gains
    return np.clip(image + (red - image) * amount, 0, 255).astype(np.uint8), np.ones((n, n))


def aperture(image: Pixels, rng: np.random.Generator) -> tuple[Pixels, Field]:
    """Blacken outside a superelliptic opening, or in one to three corners only, softly or sharply."""
    n = image.shape[0]
    x, y = _grid(n)
    u, v = 2 * x - 1 - rng.normal(0, 0.07), 2 * y - 1 - rng.normal(0, 0.07)
    power = rng.choice([2.0, 2.0, 2.4, 3.0])
    level = (np.abs(u) ** power + np.abs(v) ** power) ** (1 / power) / rng.uniform(0.86, 1.2) / 2 ** (1 / power - 0.5)
    cover = _inside((level - 1) / 2, n, rng.uniform(1, 22))
    if rng.random() < 0.2:
        cover = cover * np.clip(0.5 + 1.5 * u * rng.choice([-1.0, 1.0]), 0, 1)
    black = _hsv(rng.random(), rng.uniform(0, 0.4), rng.uniform(0, 0.12))
    return _paint(image, black, cover * rng.uniform(0.75, 1.0))


FOUNDATION_ARTEFACTS: Final[dict[str, Renderer]] = {
    "red_skin": flush,
    "ink": marker,
    "hair": strands,
    "band_aid": sticker,
    "ruler": graduated_scale,
    "dark_corner": aperture,
}
