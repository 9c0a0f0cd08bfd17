"""The demonstration's images with their concept columns shuffled: the same images, names and rates, no link between."""

import csv
from pathlib import Path

import numpy as np

from auditlens.testbed.scenes import write_dermoscopy

FACTS = ("path", "image", "label", "patient", "mask")


def write_shuffled(folder: Path, *, n: int, seed: int, shuffle: int) -> Path:
    """Write the images of `write_dermoscopy`; then put each 0/1 column into an order of its own.

    Returns
    -------
    Path
        The manifest.
    """
    manifest = write_dermoscopy(folder, n=n, seed=seed)
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    rng = np.random.default_rng(shuffle)
    for column in rows[0]:
        cells = [row[column] for row in rows]
        if set(cells) <= {"0", "1"}:
            for row, place in zip(rows, rng.permutation(len(rows)), strict=True):
                row[column] = cells[place]
    with manifest.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return manifest
