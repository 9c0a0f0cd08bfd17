"""Gradient x activation: fits every differentiable model, and rests on no patented rule."""

from __future__ import annotations

import math

import torch
from torch.nn.functional import interpolate

from auditlens.examine.audited import as_leaf, channels_and_signs, components_first, find_layer, sum_by_component, watch
from auditlens.subject import LayerInfo, Subject, margin


class GradientXActivation:
    """First-order relevance: activation times the gradient of the margin, summed over positions.

    Heatmaps are the part of the channel's activation map on the component's side, up-sampled to the input (for tokens:
    of its token map, without class and register tokens); for flat layers, input times the gradient of the activation.
    """

    name = "gradient_x_activation"

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    def relevance(self, batch: torch.Tensor, class_index: int, layer: str) -> torch.Tensor:
        """Relevance for the margin of a class, (B, components); see `Attributor`."""
        seen: list[torch.Tensor] = []
        with torch.enable_grad(), watch(self._subject.module, layer, as_leaf(seen)):
            logits = self._subject.logits(batch)
            gradient = layer_gradient(margin(logits, class_index, self._subject.output).sum(), seen[0])
        found = find_layer(self._subject, layer)
        return sum_by_component(seen[0].detach() * gradient, seen[0].detach(), found)

    def heatmaps(self, batch: torch.Tensor, layer: str, components: torch.Tensor) -> torch.Tensor:
        """Heatmaps of single components, (B, T, H, W); see `Attributor`."""
        found = find_layer(self._subject, layer)
        seen: list[torch.Tensor] = []
        batch = batch.detach().clone().requires_grad_(found.kind == "flat")
        with torch.set_grad_enabled(found.kind == "flat"), watch(self._subject.module, layer, seen.append):
            self._subject.module(batch)
        if found.kind == "flat":
            return _input_maps(batch, components_first(seen[-1], found)[:, :, 0], components, found)
        return up_sampled(activation_grid(seen[-1], found.kind), components, found, batch.shape[-2:])


def layer_gradient(value: torch.Tensor, leaf: torch.Tensor) -> torch.Tensor:
    """Gradient of a sum with respect to a layer's output; zeros where the output does not depend on the layer."""
    if not value.requires_grad:
        return torch.zeros_like(leaf)
    (gradient,) = torch.autograd.grad(value, leaf, allow_unused=True)
    return torch.zeros_like(leaf) if gradient is None else gradient.detach()


def activation_grid(activation: torch.Tensor, kind: str) -> torch.Tensor:
    """Arrange a layer's output as (B, components, rows, columns).

    Tokens become the largest square grid that ends with the last token; what comes before (class, registers) is left.
    """
    if kind == "spatial":
        return activation
    if activation.ndim == 4:
        return activation.permute(0, 3, 1, 2)
    side = math.isqrt(activation.shape[1])
    patches = activation[:, activation.shape[1] - side * side :]
    return patches.transpose(1, 2).reshape(len(patches), -1, side, side)


def up_sampled(grid: torch.Tensor, components: torch.Tensor, layer: LayerInfo, size: torch.Size) -> torch.Tensor:
    """Maps of components on their sides, (B, channels, rows, columns) and (B, T) -> (B, T, *size), not negative."""
    channels, signs = channels_and_signs(components, layer)
    index = channels[:, :, None, None].expand(-1, -1, *grid.shape[2:])
    maps = (torch.gather(grid, 1, index) * signs[:, :, None, None]).clamp_min(0)
    return interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)


def _input_maps(
    batch: torch.Tensor, activation: torch.Tensor, components: torch.Tensor, layer: LayerInfo
) -> torch.Tensor:
    maps = []
    channels, signs = channels_and_signs(components, layer)
    for channel, sign in zip(channels.T, signs.T, strict=True):
        chosen = activation.gather(1, channel[:, None])[:, 0] * sign
        (gradient,) = torch.autograd.grad(chosen.sum(), batch, retain_graph=True)
        maps.append((gradient * batch).sum(dim=1).detach())
    return torch.stack(maps, dim=1)
