"""Skin-like images, and models whose answers are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import TypeAdapter
from torch import Tensor

from auditlens.challenge.strokes import smooth_noise
from auditlens.spec.artefacts import Artefact


def artefact_of(kind: str, **fields: object) -> Artefact:
    """One artefact of the spec by its kind."""
    found: Artefact = TypeAdapter(Artefact).validate_python({"kind": kind, **fields})
    return found


def skin(seed: int, height: int = 128, width: int = 128) -> np.ndarray:
    """Mid-tone skin with a lesion in the middle, grain on both."""
    rng = np.random.default_rng(seed)
    tone = np.array([200, 155, 135]) * rng.uniform(0.75, 1.05)
    grain = 0.05 * smooth_noise(rng, (height, width), 12) + 0.02 * rng.standard_normal((height, width))
    image = tone * (1 + grain[:, :, None])
    rows, columns = np.mgrid[:height, :width]
    inside = np.hypot((rows + 0.5) / height - 0.5, (columns + 0.5) / width - 0.5) < 0.17
    image[inside] = image[inside] * 0.5
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class FakeModel:
    """A model whose logits are a function of the batch."""

    answer: Callable[[Tensor], Tensor]
    classes: tuple[str, ...] = ("benign", "melanoma")
    output: str = "logits"

    def prepare(self, image: np.ndarray) -> Tensor:
        return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255

    def logits(self, batch: Tensor) -> Tensor:
        return self.answer(batch)
