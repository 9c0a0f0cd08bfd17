"""Generated chest radiographs, drawn from ellipses: an opacity in a lung is the finding; markers and tubes are not.

They look like an X-ray as a pictogram does, so that the X-ray example of `auditlens init` runs without data.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageFont

from auditlens.testbed.pictures import SIDE, Picture, Values, canvas, cover, write_pictures
from auditlens.testbed.streams import Purpose, stream

CLASSES: Final = ("normal", "opacity")
NATURAL_RATES: Final[Mapping[str, float]] = {"side_marker": 0.3, "tube": 0.2}
PREVALENCE: Final = 0.4
LETTERS: Final = ("L", "R")


def radiographs(
    *, n: int, seed: int, rates: Mapping[str, tuple[float, float]] | None = None, purpose: Purpose = "test"
) -> Iterator[Picture]:
    """Yield ``n`` radiographs of a seed.

    Parameters
    ----------
    n, seed : int
    rates : mapping of str to (float, float), optional
        Rate of an artefact in opaque and in normal images; `NATURAL_RATES` in both by default.
    purpose : str
        Family of random streams.
    """
    by_class = {name: (rate, rate) for name, rate in NATURAL_RATES.items()} | dict(rates or {})
    for index in range(n):
        yield _radiograph(purpose, seed, index, by_class)


def write_radiographs(folder: Path, *, n: int, seed: int, purpose: Purpose = "test") -> Path:
    """Write ``n`` radiographs, masks of the lungs, and a manifest with `side_marker`, `tube` and `site`."""
    return write_pictures(Path(folder), radiographs(n=n, seed=seed, purpose=purpose), unit="patient")


def _radiograph(purpose: Purpose, seed: int, index: int, rates: Mapping[str, tuple[float, float]]) -> Picture:
    rng = stream(f"{purpose}/radiograph", seed, index)
    opaque, site = bool(rng.random() < PREVALENCE), "AB"[int(rng.integers(2))]
    grey, lungs = _chest(rng, opaque)
    present = {name: int(rng.random() < (high if opaque else low)) for name, (high, low) in rates.items()}
    for name, draw in (("tube", _tube), ("side_marker", _side_marker)):
        if present[name]:
            grey = draw(rng, grey)
    grey = np.clip(grey * (1.0 if site == "A" else 0.88) + rng.normal(0, 5, grey.shape), 0, 255)
    image = np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
    mask = ((lungs > 0.5) * 255).astype(np.uint8)
    return Picture(image, mask, CLASSES[opaque], index // 2, present | {"site": site})


def _chest(rng: np.random.Generator, opaque: bool) -> tuple[Values, Values]:
    """Draw the trunk, two lungs with ribs, the heart, and the opacity."""
    width, drop = rng.uniform(0.92, 1.08), rng.uniform(-0.03, 0.03)
    trunk = cover(_ellipse(0.5, 0.62 + drop, 0.44 * width, 0.60), blur=2)
    sides = [(0.5 - 0.185 * width, 0.5 + drop), (0.5 + 0.185 * width, 0.5 + drop)]
    left, right = (cover(_ellipse(x, y, 0.135 * width, 0.30), blur=1.5) for x, y in sides)
    lungs = left + right
    heart = cover(_ellipse(0.56, 0.66 + drop, 0.13 * rng.uniform(0.85, 1.15), 0.13), blur=3)
    spine = cover(_ellipse(0.5, 0.55, 0.035, 0.6), blur=2)
    down = np.linspace(0, 1, SIDE, dtype=np.float32)[:, None]
    ribs = np.sin(2 * np.pi * (9 * down + rng.random())) * 9 * lungs
    grey = 12 + 150 * trunk - 95 * lungs + 45 * heart + 40 * spine + ribs
    return (grey + _opacity(rng, sides, lungs) if opaque else grey).astype(np.float32), lungs


def _opacity(rng: np.random.Generator, sides: list[tuple[float, float]], lungs: Values) -> Values:
    x, y = sides[int(rng.integers(2))]
    across, along = rng.uniform(0.035, 0.075), rng.uniform(0.035, 0.08)
    spot = cover(_ellipse(x + rng.uniform(-0.05, 0.05), y + rng.uniform(-0.15, 0.18), across, along), blur=3.5)
    return np.asarray(spot * lungs * rng.uniform(22, 75), np.float32)


def _ellipse(x: float, y: float, across: float, along: float) -> Image.Image:
    mask, pen, side = canvas()
    pen.ellipse([(x - across) * side, (y - along) * side, (x + across) * side, (y + along) * side], fill=255)
    return mask


def _side_marker(rng: np.random.Generator, grey: Values) -> Values:
    """Put a bright letter into an upper corner."""
    mask, pen, side = canvas()
    letter = int(rng.integers(2))
    x, y = (0.10 if letter else 0.90) + rng.uniform(-0.03, 0.03), rng.uniform(0.07, 0.16)
    font = ImageFont.load_default(size=rng.uniform(0.09, 0.13) * side)
    pen.text((x * side, y * side), LETTERS[letter], fill=255, font=font, anchor="mm")
    if rng.random() < 0.5:
        half = 0.075
        box = [(x - half) * side, (y - half) * side, (x + half) * side, (y + half) * side]
        pen.rectangle(box, outline=255, width=4)
    return np.asarray(grey + (245 - grey) * cover(mask), np.float32)


def _tube(rng: np.random.Generator, grey: Values) -> Values:
    """Lay a bright line from an upper edge towards the middle."""
    mask, pen, side = canvas()
    start, end = np.array([rng.uniform(0.2, 0.8), -0.05]), np.array([rng.uniform(0.35, 0.65), rng.uniform(0.5, 0.9)])
    bow = np.array([rng.uniform(-0.25, 0.25), 0.0])
    steps = np.linspace(0, 1, 24)[:, None]
    points = start + (end - start) * steps + bow * np.sin(np.pi * steps)
    pen.line([(float(x) * side, float(y) * side) for x, y in points], fill=255, width=5, joint="curve")
    return np.asarray(grey + (225 - grey) * cover(mask) * 0.8, np.float32)
