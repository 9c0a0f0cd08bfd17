"""Integrated gradients at a layer (Sundararajan et al. 2017, arXiv 1703.01365): patent-free, for every network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from auditlens.examine.attribution.gradient import GradientXActivation, layer_gradient
from auditlens.examine.audited import as_leaf, find_layer, sum_by_component, watch
from auditlens.subject import Subject, margin

N_STEPS: Final = 32
"""Points on the way from the baseline to the image, in the middle of equal parts of it."""

GREY: Final = 128


@dataclass(frozen=True, slots=True)
class Completeness:
    """How far the relevances of a layer explain all of the margin.

    Attributes
    ----------
    total : (B,)
        Sum of the relevances.
    difference : (B,)
        Margin of the image minus margin of the baseline, which `total` approaches with the number of steps.
    """

    total: Tensor
    difference: Tensor

    @property
    def gap(self) -> Tensor:
        """Absolute difference of the two, as a share of the larger one; 0 is complete, (B,)."""
        larger = torch.maximum(self.total.abs(), self.difference.abs()).clamp_min(torch.finfo(self.total.dtype).tiny)
        return (self.total - self.difference).abs() / larger


class IntegratedGradients:
    """Mean gradient of the margin on the straight way between two activations of a layer, times their difference.

    The way leads from the layer's activation for the baseline to that for the image. The baseline is a uniform grey
    image (128, 128, 128) put through the model's own preprocessing: it shows no artefact, and black, white and coloured
    ones all differ from it. The relevances of a layer that everything passes through sum to the difference of the
    margins (completeness); `completeness` measures it. Heatmaps are those of `GradientXActivation`.

    Parameters
    ----------
    subject : Subject
    n_steps : int
        Forward and backward passes per image.
    """

    name = "integrated_gradients"

    def __init__(self, subject: Subject, n_steps: int = N_STEPS) -> None:
        self._subject = subject
        self._shown = GradientXActivation(subject)
        self._n_steps = n_steps
        grey = subject.prepare(np.full((256, 320, 3), GREY, dtype=np.uint8))
        self._baseline = grey[None].to(subject.device)

    def relevance(self, batch: Tensor, class_index: int, layer: str) -> Tensor:
        """Relevance for the margin of a class, (B, components); see `Attributor`.

        A position counts for the side on which the image's own activation lies.
        """
        here = self._activation(batch, layer)
        return sum_by_component(
            self._integrated(batch, class_index, layer, here), here, find_layer(self._subject, layer)
        )

    def heatmaps(self, batch: Tensor, layer: str, components: Tensor) -> Tensor:
        """Heatmaps of single components, (B, T, H, W); see `Attributor`."""
        return self._shown.heatmaps(batch, layer, components)

    def completeness(self, batch: Tensor, class_index: int, layer: str) -> Completeness:
        """Compare the sum of a layer's relevances with the difference of the margins."""
        total = self._integrated(batch, class_index, layer, self._activation(batch, layer)).flatten(1).sum(dim=1)
        with torch.no_grad():
            here, there = (self._margin(inputs, class_index) for inputs in (batch, self._baseline))
        return Completeness(total, here - there)

    def _integrated(self, batch: Tensor, class_index: int, layer: str, here: Tensor) -> Tensor:
        there = self._activation(self._baseline, layer)
        total = torch.zeros_like(here)
        for step in range(self._n_steps):
            share = (step + 0.5) / self._n_steps
            total += self._gradient(batch, class_index, layer, there + share * (here - there))
        return (here - there) * total / self._n_steps

    def _gradient(self, batch: Tensor, class_index: int, layer: str, activation: Tensor) -> Tensor:
        seen: list[Tensor] = []
        cut = as_leaf(seen)
        with torch.enable_grad(), watch(self._subject.module, layer, lambda _: cut(activation)):
            return layer_gradient(self._margin(batch, class_index).sum(), seen[0])

    def _activation(self, batch: Tensor, layer: str) -> Tensor:
        seen: list[Tensor] = []
        with torch.no_grad(), watch(self._subject.module, layer, as_leaf(seen)):
            self._subject.module(batch)
        return seen[0].detach()

    def _margin(self, batch: Tensor, class_index: int) -> Tensor:
        return margin(self._subject.logits(batch), class_index, self._subject.output)
