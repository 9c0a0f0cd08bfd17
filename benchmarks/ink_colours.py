"""Measure what surgical ink does to the skin's colour in real photographs, and what the drawn ink does.

    python benchmarks/ink_colours.py ../shared/data/isic2017

For every image with a mask of skin markers: the transmittance (colour over that of the skin, per channel) of the marked
pixels that are bluer than the skin; and its strongest fifth, which is what the pen's colour should be. Below it the
same of the drawn designs, on the same images without ink. Images and masks: docs/artefacts.md says where they are from.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 224
LEAST_SHIFT = 0.06
"""How much the share of blue must exceed the skin's for a pixel to count as ink."""
LEAST_PIXELS = 40
QUANTILES = (10, 25, 50, 75, 90)


def pixels(path: Path) -> np.ndarray:
    """RGB at one size, float."""
    return np.asarray(Image.open(path).convert("RGB").resize((SIDE, SIDE)), dtype=np.float64)


def transmittances(image: np.ndarray, marked: np.ndarray, skin: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Medians over the ink of a marked region and over its strongest fifth, (3,) each; None without enough ink."""
    inside = image[marked]
    shift = inside[:, 2] / np.maximum(inside.sum(axis=1), 1) - skin[2] / skin.sum()
    chosen = shift > LEAST_SHIFT
    if chosen.sum() < LEAST_PIXELS:
        return None
    ink, order = inside[chosen] / skin, np.argsort(-shift[chosen])
    return np.median(ink, axis=0), np.median(ink[order[: max(len(order) // 5, 20)]], axis=0)


def skin_of(image: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Median colour of what is neither marked nor black, (3,)."""
    return np.median(image[free & (image.sum(axis=2) > 300)], axis=0)


def real(root: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """One row per image with a mask and ink."""
    found = []
    for path in sorted((root / "masks" / "skin_marker").iterdir()):
        source = root / "images" / f"{path.stem}.jpg"
        if not source.is_file():
            continue
        image, heat = pixels(source), np.asarray(Image.open(path).convert("L").resize((SIDE, SIDE)))
        marked = heat > heat.max() / 2
        row = transmittances(image, marked, skin_of(image, ~marked))
        found += [row] if row is not None else []
    return found


def drawn(root: Path, n: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The same of drawn ink, every design in images that people call free of ink."""
    from auditlens.challenge.draws import stream
    from auditlens.challenge.instances import load_artefact
    from auditlens.challenge.placement import centre_ellipse
    from auditlens.spec.artefacts import Rendered

    with (root / "labels.csv").open(encoding="utf-8") as file:
        names = [row["image"] for row in csv.DictReader(file) if row["ink"] == "0"][:n]
    source, found = load_artefact(Rendered(kind="ink"), Path(), 0), []
    for number, name in enumerate(names):
        before = pixels(root / "images" / name).astype(np.uint8)
        rng = stream("ink colours", number)
        shown = source.render(before, number % source.n_instances, rng, centre_ellipse(SIDE, SIDE))
        marked = shown.alpha > 0.05
        row = transmittances(shown.inserted.astype(np.float64), marked, skin_of(before.astype(np.float64), ~marked))
        found += [row] if row is not None else []
    return found


def table(name: str, rows: list[tuple[np.ndarray, np.ndarray]]) -> list[str]:
    """Quantiles over the images, as Markdown rows."""
    lines = []
    for place, what in ((0, "all ink"), (1, "strongest fifth")):
        found = np.percentile(np.stack([row[place] for row in rows]), QUANTILES, axis=0)
        cells = [" / ".join(f"{value:.2f}" for value in one) for one in found]
        lines.append(f"| {name}, {len(rows)} images, {what} | {' | '.join(cells)} |")
    return lines


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, help="folder with images/, masks/skin_marker/ and labels.csv")
    parser.add_argument("--drawn", type=int, default=120, help="images that ink is drawn into")
    options = parser.parse_args()
    print("| red / green / blue over the skin's | " + " | ".join(f"{q} %" for q in QUANTILES) + " |")
    print("| --- " * (len(QUANTILES) + 1) + "|")
    print("\n".join(table("real", real(options.root)) + table("drawn", drawn(options.root, options.drawn))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
