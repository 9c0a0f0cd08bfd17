"""A data index on disk whose images have lesion masks, columns and groups."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from auditlens.data.sample import Cell, DataIndex, Sample
from auditlens.errors import Location

from .scenes import skin


def disc(height: int, width: int, share: float = 0.17) -> np.ndarray:
    """The lesion of `skin`."""
    rows, columns = np.mgrid[:height, :width]
    return np.hypot((rows + 0.5) / height - 0.5, (columns + 0.5) / width - 0.5) < share


def index_of(
    folder: Path,
    images: Sequence[np.ndarray],
    masks: Sequence[np.ndarray | None] = (),
    columns: Mapping[str, Sequence[Cell]] | None = None,
    labels: Sequence[int] | None = None,
) -> DataIndex:
    """Write images (and masks) and list them."""
    samples = []
    for number, image in enumerate(images):
        path = folder / "images" / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
        mask = masks[number] if masks else None
        where = folder / "masks" / f"{number:03}.png" if mask is not None else None
        if where is not None:
            where.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.asarray(mask, dtype=np.uint8) * 255).save(where)
        samples.append(
            Sample(
                id=path.name,
                path=path,
                label=number % 2 if labels is None else labels[number],
                unit=path.name,
                mask=where,
                columns={name: cells[number] for name, cells in (columns or {}).items()},
                digest=hashlib.sha256(path.read_bytes()).hexdigest(),
                location=Location(str(path)),
            )
        )
    names = tuple(columns or {})
    return DataIndex(tuple(samples), ("benign", "melanoma"), "fake", None, (), names, 0, (), "0" * 64)


def skins(n: int, size: tuple[int, int] = (64, 80)) -> list[np.ndarray]:
    """Images of `skin` with different seeds."""
    return [skin(seed, *size) for seed in range(n)]


def with_columns(index: DataIndex, **columns: Sequence[Cell]) -> DataIndex:
    """The same images with further columns."""
    samples = tuple(
        replace(sample, columns={**sample.columns, **{name: cells[row] for name, cells in columns.items()}})
        for row, sample in enumerate(index.samples)
    )
    return replace(index, samples=samples, columns=(*index.columns, *columns))
