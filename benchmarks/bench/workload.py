"""What is timed on: generated pictures, a random ResNet-18, a random foundation model. No weights, no downloads."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from auditlens.data.sample import DataIndex, Sample
from auditlens.errors import Location
from auditlens.spec.model import Model
from auditlens.store.folders import file_sha256
from auditlens.subject import Subject, load_subject

CLASSES = tuple("abcdefghij")


def resnet18(layers: Sequence[str], device: str = "cpu") -> Subject:
    """Random ResNet-18 with ten classes at 224 px; the same weights every time."""
    preprocessing = {"resize": 224, "mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}
    described = {"architecture": "torchvision:resnet18", "classes": CLASSES, "layers": tuple(layers)}
    subject = load_subject(Model.model_validate({**described, "preprocessing": preprocessing}), Path.cwd(), device)
    _settle(subject.module)
    return subject


def _settle(module: nn.Module) -> None:
    """Give the batch norms statistics that are not the trivial ones."""
    torch.manual_seed(0)
    for norm in (part for part in module.modules() if isinstance(part, nn.BatchNorm2d)):
        device = norm.weight.device
        norm.running_mean = torch.empty(norm.num_features).uniform_(-0.1, 0.1).to(device)
        norm.running_var = torch.empty(norm.num_features).uniform_(0.5, 1.5).to(device)


def pictures(folder: Path, n: int, side: int = 224) -> DataIndex:
    """Write `n` pictures of coloured blobs of several sizes, and index them."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(n):
        _blobs(rng, side).save(folder / f"{number:05d}.jpg", quality=90)
    return read_pictures(folder, n)


def read_pictures(folder: Path, n: int) -> DataIndex:
    """Index the first `n` pictures of a folder."""
    samples = []
    for number, path in enumerate(sorted(folder.glob("*.jpg"))[:n]):
        digest, label = file_sha256(path), number % len(CLASSES)
        samples.append(Sample(path.name, path, label, path.name, None, {}, digest, Location(str(path))))
    digest = hashlib.sha256("".join(sample.digest for sample in samples).encode()).hexdigest()
    return DataIndex(tuple(samples), CLASSES, "generated", None, (), (), 0, (), digest)


def _blobs(rng: np.random.Generator, side: int) -> Image.Image:
    cells = int(rng.integers(2, 24))
    tile = rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
    return Image.fromarray(tile).resize((side, side), Image.Resampling.BICUBIC)


class RandomEncoder:
    """open_clip image tower without pretrained weights, in the form of the engine's foundation models."""

    sha256 = "0" * 64
    settings = "random"
    reads_text = False

    def __init__(self, name: str = "ViT-B-32", device: str = "cpu") -> None:
        import open_clip  # not for those who only need the pictures: it is large

        logging.getLogger("root").setLevel(logging.ERROR)
        torch.manual_seed(0)
        module, _, self.transform = open_clip.create_model_and_transforms(name, pretrained=None, device=device)
        self.name, self.device = name, torch.device(device)
        self.module: Any = module.eval().requires_grad_(False)
        self.dimension = int(self.encode(np.zeros((1, 8, 8, 3), np.uint8)).shape[1])

    @torch.no_grad()
    def encode(self, images: Sequence[np.ndarray]) -> torch.Tensor:
        """Embed one batch, (images, dim), not normalised."""
        batch = torch.stack([self.transform(Image.fromarray(image)) for image in images])
        encoded: torch.Tensor = self.module.encode_image(batch.to(self.device)).cpu()
        return encoded

    def embed_images(self, images: Sequence[np.ndarray], batch_size: int = 32, /) -> np.ndarray:
        """Embed images as unit vectors, (images, dim) float32."""
        from auditlens.semantics.encoding import unit_rows

        return unit_rows(self.encode, images, batch_size, self.name)


def deal(n_components: int, m: int, n_images: int, seed: int = 0) -> np.ndarray:
    """Examples of components, (n_components, m), in which every image appears at least once; the rest is random."""
    rng = np.random.default_rng(seed)
    rows = np.full((n_components, m), -1, np.int64)
    deck = rng.permutation(n_images)
    for place, image in enumerate(deck):
        rows[place % n_components, place // n_components] = image
    for row in rows:
        empty = np.flatnonzero(row < 0)
        others = np.setdiff1d(np.arange(n_images), row[row >= 0])
        row[empty] = rng.choice(others, len(empty), replace=False)
    return rows
