"""A small training folder and a spec with two artefacts."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask the network for a newer version

SPEC = """\
auditlens: 1
audit: {id: TRAIN-1}
model: {architecture: "torchvision:resnet18", weights: not_there.pt, classes: [benign, melanoma]}
data: {manifest: not_there.csv, mask: mask}
decision: {class: melanoma, threshold: 0.5}
classes: {melanoma: {}}
artefacts:
  ruler: {kind: ruler, column: ruler, n_instances: 6}
  red_skin: {kind: tint, colour: [231, 128, 151], strength: [0.3, 0.3]}
gates:
  works: {metric: sensitivity, class: melanoma, limit: ">= 0.5"}
seed: 1
"""


@pytest.fixture(scope="session")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spec") / "spec.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def training(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ninety different images: 30 melanomas in a subfolder of their own, 60 benign."""
    folder, rng = tmp_path_factory.mktemp("training"), np.random.default_rng(0)
    for label, n in (("benign", 60), ("melanoma", 30)):
        for number in range(n):
            place = folder / label / ("site_a" if number % 2 else "") / f"{number:03}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.clip(rng.normal(190, 8, (48, 64, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(place)
    return folder


@pytest.fixture
def image() -> np.ndarray:
    return np.full((60, 80, 3), 180, dtype=np.uint8)
