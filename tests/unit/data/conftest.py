import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auditlens.data.index import read_index
from auditlens.spec.model import Data
from auditlens.store import Store

CLASSES = ("benign", "melanoma")


def picture(seed: int, size: tuple[int, int] = (8, 6)) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(values)


def write_images(folder: Path, names) -> None:
    for seed, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(seed).save(path)


def write_csv(path: Path, rows, **options) -> Path:
    with path.open("w", newline="", encoding=options.pop("encoding", "utf-8")) as file:
        csv.writer(file, **options).writerows(rows)
    return path


@pytest.fixture
def read(tmp_path):
    """Read a spec's data part, given as keywords, relative to the test's folder."""

    def reading(classes=CLASSES, **data):
        return read_index(Data(**data), tmp_path, classes, Store(tmp_path / "store"))

    return reading
