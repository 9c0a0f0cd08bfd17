"""Row 1: the running top 3m of all components of four layers, beside a bare forward loop over the same loader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from auditlens.data.loader import batches
from auditlens.examine.collect import collect
from benchmarks.bench.timing import Row, interleave, ratio
from benchmarks.bench.workload import pictures, resnet18

LAYERS = ("layer1", "layer2", "layer3", "layer4")
M = 30
BATCH = 32


def measure(folder: Path, quick: bool, device: str = "cpu") -> Row:
    """Time the clean pass."""
    n_images, repeats = (64, 2) if quick else (160, 7)
    subject, index = resnet18(LAYERS, device), pictures(folder, n_images)

    @torch.no_grad()
    def bare() -> None:
        for _, inputs in batches(index, np.arange(n_images), subject.prepare, BATCH):
            subject.module(inputs.to(device)).cpu()

    candidates = {"bare forward": bare, "collection": lambda: collect(subject, index, LAYERS, 3 * M, "mean", BATCH)}
    seconds = interleave(candidates, repeats)
    return Row(
        key="collection",
        title="Top examples of all components of four layers of a ResNet-18",
        setting={"images": n_images, "layers": list(LAYERS), "components": 960, "kept": 3 * M, "batch": BATCH},
        seconds=seconds,
        ratios=(ratio(seconds, "collection", "bare forward", 1.10),),
        bound="the bare forward pass over the same loader",
    )
