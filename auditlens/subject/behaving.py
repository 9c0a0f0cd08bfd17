"""What is needed of a model to measure how it behaves; its inside is another matter."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from auditlens.spec.model import Output
from auditlens.subject.preprocessing import Prepare


class Behaving(Protocol):
    """A model from its outside: both the eager model (`Subject`) and the file that ships (`ReleasedModel`) are one."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the outputs."""

    @property
    def prepare(self) -> Prepare:
        """Pixels, uint8 (height, width, 3), to the model's input (channels, height, width)."""

    @property
    def output(self) -> Output:
        """What the model returns."""

    @property
    def device(self) -> torch.device:
        """Where it runs."""

    @property
    def digest(self) -> str:
        """SHA-256 over everything that decides the outputs."""

    def logits(self, batch: Tensor) -> Tensor:
        """Logits on the log-odds scale, (batch, classes)."""

    def probabilities(self, batch: Tensor) -> Tensor:
        """Probabilities, (batch, classes)."""
