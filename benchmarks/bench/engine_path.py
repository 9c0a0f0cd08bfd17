"""The engine's examination of a small network: clean pass, relevance, crops, embeddings, all through the store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from auditlens.data.sample import DataIndex
from auditlens.examine.attribution.lrp import Lrp
from auditlens.gather.behaviour import clean_pass
from auditlens.gather.context import Context
from auditlens.gather.inside import chosen_components, component_examples, relevances
from auditlens.gather.memory import keep_freed_memory
from auditlens.gather.space import image_embeddings
from auditlens.semantics.encoding import unit_rows
from auditlens.spec.model import AuditSpec
from auditlens.stages.progress import Silent
from auditlens.store import Store
from auditlens.subject import load_subject
from benchmarks.bench.workload import CLASSES, read_pictures

SPEC = {
    "auditlens": 1,
    "audit": {"id": "memory"},
    "model": {
        "architecture": "python:benchmarks.bench.engine_path:network",
        "classes": CLASSES,
        "layers": ("features",),
    },
    "data": {"folder": "images"},
    "examine": {"n_examples": 10},
}


def network() -> nn.Module:
    """Three convolutions, 64 components."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 3, 1, 1)]
    features = nn.Sequential(*layers, nn.ReLU())
    model = nn.Sequential()
    for name, part in {"features": features, "pool": nn.AdaptiveAvgPool2d(1), "flat": nn.Flatten()}.items():
        model.add_module(name, part)
    model.add_module("head", nn.Linear(64, len(CLASSES)))
    return model


class TinyEncoder:
    """A random foundation model that costs nothing: the path is measured, not the encoder."""

    name, sha256, settings, dimension, reads_text = "tiny", "0" * 64, "", 64, False
    device = torch.device("cpu")

    def __init__(self) -> None:
        torch.manual_seed(1)
        self._module = nn.Sequential(nn.Conv2d(3, 64, 8, 8), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()

    @torch.no_grad()
    def _encode(self, images: list[np.ndarray]) -> torch.Tensor:
        resized = [np.asarray(Image.fromarray(image).resize((32, 32)), np.float32) for image in images]
        encoded: torch.Tensor = self._module(torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2) / 255)
        return encoded

    def embed_images(self, images: list[np.ndarray], batch_size: int = 32, /) -> np.ndarray:
        """Unit vectors, (images, 64)."""
        return unit_rows(self._encode, images, batch_size, self.name) if len(images) else np.empty((0, 64), np.float32)

    def embed_texts(self, texts: list[str], /) -> np.ndarray:
        """Read no text."""
        raise NotImplementedError(f"{self.name} reads no text ({len(texts)} given)")


def examine_all(folder: Path, n_images: int, store: Path, batch_size: int) -> None:
    """Measure everything inside the model, as `auditlens.gather.evidence.gather` does."""
    torch.set_num_threads(1)
    keep_freed_memory()
    context = _context(read_pictures(folder, n_images), store, batch_size)
    _, examples = clean_pass(context)
    attributor = Lrp(context.subject)
    found = relevances(context, attributor, (CLASSES[0], CLASSES[1]))
    for layer in context.layer_names():
        chosen = chosen_components(context, found, layer)
        component_examples(context, attributor, layer, chosen, examples[layer])
    image_embeddings(context, context.foundation)


def _context(index: DataIndex, store: Path, batch_size: int) -> Context:
    spec = AuditSpec.model_validate(SPEC)
    subject = load_subject(spec.model, Path.cwd())
    return Context(
        spec=spec,
        base=Path.cwd(),
        subject=subject,
        index=index,
        samples=index.to_samples(),
        foundation=TinyEncoder(),
        store=Store(store),
        progress=Silent(),
        batch_size=batch_size,
        model_key={"subject": subject.digest, "batch": batch_size},
    )
