"""Small images, a data index of them, and models whose answers are known."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from auditlens.data.sample import Cell, DataIndex, Sample
from auditlens.errors import Location

from .scenes import FakeModel, skin


@pytest.fixture
def image() -> np.ndarray:
    return skin(0)


@pytest.fixture
def make_index(tmp_path: Path) -> Callable[..., DataIndex]:
    def make(
        n: int = 6, size: tuple[int, int] = (48, 48), columns: Mapping[str, list[Cell]] | None = None
    ) -> DataIndex:
        columns = columns or {}
        samples = []
        for number in range(n):
            path = tmp_path / f"{number:03}.png"
            Image.fromarray(skin(number, 48, 48)).save(path)
            samples.append(
                Sample(
                    id=path.name,
                    path=path,
                    label=number % 2,
                    unit=path.name,
                    mask=None,
                    columns={name: cells[number] for name, cells in columns.items()},
                    digest=hashlib.sha256(path.read_bytes()).hexdigest(),
                    location=Location(str(path)),
                )
            )
        return DataIndex(tuple(samples), ("benign", "melanoma"), "fake", None, (), tuple(columns), 0, (), "0" * 64)

    return make


@pytest.fixture
def constant_model() -> FakeModel:
    return FakeModel(lambda batch: torch.tensor([[0.3, -0.7]]).repeat(len(batch), 1))


@pytest.fixture
def blue_model() -> FakeModel:
    """Melanoma's logit is the mean blue minus the mean red, times ten."""
    return FakeModel(
        lambda batch: torch.stack([torch.zeros(len(batch)), 10 * (batch[:, 2] - batch[:, 0]).mean(dim=(1, 2))], dim=1)
    )
