"""Generated pictures of animals on land: a zebra has stripes, a horse has none; snow, grass and watermarks say nothing.

They are toys, so that the example of everyday pictures of `auditlens init` runs without data.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageFont

from auditlens.testbed.pictures import SIDE, Picture, Pixels, Values, canvas, cover, write_pictures
from auditlens.testbed.streams import Purpose, stream

CLASSES: Final = ("horse", "zebra")
NATURAL_RATES: Final[Mapping[str, float]] = {"watermark": 0.25}
LANDS: Final[Mapping[str, tuple[int, int, int]]] = {"grass": (104, 142, 70), "savanna": (190, 160, 96)}
SKY: Final = (158, 190, 224)
COATS: Final = ((92, 58, 34), (60, 44, 36), (150, 104, 60), (206, 196, 180), (130, 129, 125), (118, 116, 112))
NOISE: Final = 9.0
MARKS: Final = ("STOCK", "(c) PHOTO", "SAMPLE", "www.img")


def animals(
    *, n: int, seed: int, rates: Mapping[str, tuple[float, float]] | None = None, purpose: Purpose = "test"
) -> Iterator[Picture]:
    """Yield ``n`` pictures of a seed.

    Parameters
    ----------
    n, seed : int
    rates : mapping of str to (float, float), optional
        Rate of the `watermark` in pictures of zebras and of horses; `NATURAL_RATES` in both by default.
    purpose : str
        Family of random streams.
    """
    by_class = {name: (rate, rate) for name, rate in NATURAL_RATES.items()} | dict(rates or {})
    for index in range(n):
        yield _animal(purpose, seed, index, by_class)


def write_animals(folder: Path, *, n: int, seed: int, purpose: Purpose = "test") -> Path:
    """Write ``n`` pictures, masks of the animals, and a manifest with `watermark` and `land`."""
    return write_pictures(Path(folder), animals(n=n, seed=seed, purpose=purpose), unit="series")


def _animal(purpose: Purpose, seed: int, index: int, rates: Mapping[str, tuple[float, float]]) -> Picture:
    rng = stream(f"{purpose}/animal", seed, index)
    zebra, land = bool(rng.random() < 0.5), str(rng.choice(list(LANDS)))
    shape = _shape(rng)
    image = _landscape(rng, LANDS[land])
    image = image + (_coat(rng, zebra) - image) * shape[..., None]
    high, low = rates["watermark"]
    marked = bool(rng.random() < (high if zebra else low))
    if marked:
        image = _watermark(rng, image)
    pixels: Pixels = np.clip(image + rng.normal(0, NOISE, image.shape), 0, 255).astype(np.uint8)
    mask = ((shape > 0.5) * 255).astype(np.uint8)
    return Picture(pixels, mask, CLASSES[zebra], index // 2, {"watermark": int(marked), "land": land})


def _landscape(rng: np.random.Generator, colour: tuple[int, int, int]) -> Values:
    """Draw sky above a rough ground."""
    horizon = int(SIDE * rng.uniform(0.25, 0.5))
    grain = Image.fromarray(rng.integers(0, 255, (SIDE // 4, SIDE // 4), dtype=np.uint8)).resize((SIDE, SIDE))
    rough = (np.asarray(grain, np.float32)[..., None] / 255 - 0.5) * 50
    image = np.array(colour, np.float32) * np.float32(rng.uniform(0.8, 1.15)) + rough
    image[:horizon] = np.array(SKY, np.float32) * np.float32(rng.uniform(0.85, 1.1))
    return np.asarray(image, np.float32)


def _shape(rng: np.random.Generator) -> Values:
    """Draw body, neck, head, legs and tail, facing either way."""
    mask, pen, side = canvas()
    size, x, y = rng.uniform(0.8, 1.15), rng.uniform(0.42, 0.58), rng.uniform(0.5, 0.62)
    facing = 1 if rng.random() < 0.5 else -1

    def at(across: float, down: float) -> tuple[float, float]:
        return (x + facing * across * size) * side, (y + down * size) * side

    def blob(across: float, down: float, wide: float, high: float) -> None:
        (cx, cy), rx, ry = at(across, down), wide * size * side, high * size * side
        pen.ellipse([cx - rx, cy - ry, cx + rx, cy + ry], fill=255)

    blob(0, 0, 0.24, 0.12)
    pen.line([at(0.18, -0.02), at(0.29, -0.2)], fill=255, width=int(0.1 * size * side))
    blob(0.33, -0.21, 0.085, 0.045)
    for leg in (-0.17, -0.10, 0.12, 0.19):
        pen.line([at(leg, 0.05), at(leg + rng.uniform(-0.03, 0.03), 0.29)], fill=255, width=int(0.038 * size * side))
    pen.line([at(-0.23, -0.04), at(-0.29, 0.12)], fill=255, width=int(0.02 * size * side))
    return cover(mask)


def _coat(rng: np.random.Generator, zebra: bool) -> Values:
    """Colour the whole picture as the animal's coat: plain, or stripes, at times so faint that they are hardly seen."""
    across = np.linspace(0, 1, SIDE, dtype=np.float32)
    if not zebra:
        return np.broadcast_to(np.array(COATS[int(rng.integers(len(COATS)))], np.float32), (SIDE, SIDE, 3))
    angle, period = rng.uniform(-0.5, 0.5), rng.uniform(0.05, 0.09)
    phase = (across[None, :] * np.cos(angle) + across[:, None] * np.sin(angle)) / period + rng.random()
    wave = np.clip(np.sin(2 * np.pi * phase) * 3, -1, 1)
    contrast = 0.03 + 0.7 * rng.beta(0.8, 1.6)
    return np.asarray((130 + 105 * contrast * wave)[..., None] * np.array((1, 0.99, 0.96)), np.float32)


def _watermark(rng: np.random.Generator, image: Values) -> Values:
    """Write a half-transparent word across the picture."""
    mask, pen, side = canvas()
    font = ImageFont.load_default(size=rng.uniform(0.12, 0.18) * side)
    place = (rng.uniform(0.35, 0.65) * side, rng.uniform(0.15, 0.85) * side)
    pen.text(place, MARKS[int(rng.integers(len(MARKS)))], fill=255, font=font, anchor="mm")
    turned = mask.rotate(float(rng.uniform(-30, 30)))
    return np.asarray(image + (250 - image) * cover(turned)[..., None] * np.float32(rng.uniform(0.35, 0.7)), np.float32)
