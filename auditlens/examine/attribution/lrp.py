"""Layer-wise relevance propagation with the epsilon / z+ / flat composite (paper, H.2).

LRP is patented in some places; `gradient_x_activation` is the alternative.
"""

from __future__ import annotations

from typing import Final

import torch

from auditlens.examine.attribution.gradient import activation_grid, layer_gradient, up_sampled
from auditlens.examine.attribution.rules import hang_rules
from auditlens.examine.attribution.twin import make_twin
from auditlens.examine.audited import as_leaf, channels_and_signs, find_layer, sum_by_component, watch
from auditlens.subject import LayerInfo, Subject, margin
from auditlens.subject.outputs import to_logits

PAIRS: Final = 32
"""Heatmaps per backward pass: bounds the memory, and more of them are not faster."""


class _ReachedError(Exception):
    """The layer has its output; the rest of the forward pass is not needed."""


class Lrp:
    """LRP on a rewritten twin of the model; the audited module itself is never touched.

    The relevance that enters at the output is output x gradient of the margin, image by image: for the logits +z at
    the class and -softmax(rest) * z at the others. A linear head then gets activation x weight, whatever the signs
    of the logits; entering +-1 instead would turn the sign of every relevance where a logit is negative.

    Attributes
    ----------
    gap : float
        Largest difference between the outputs of the model and of its twin on noise, as a share of the largest output.

    Raises
    ------
    UnsupportedError
        No rule set fits the architecture.
    """

    name = "lrp"

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        made = make_twin(subject)
        self.gap, self._twin, self._output = made.gap, made.module, made.output
        hang_rules(self._twin)
        self._n_runs: dict[str, int] = {}

    def relevance(self, batch: torch.Tensor, class_index: int, layer: str) -> torch.Tensor:
        """Relevance for the margin of a class, (B, components); see `Attributor`."""
        seen: list[torch.Tensor] = []
        with torch.enable_grad(), watch(self._twin, layer, as_leaf(seen)):
            output = self._twin(batch)
        entering = self._entering(output.detach(), class_index)
        relevance = layer_gradient((output * entering).sum(), seen[0])
        return sum_by_component(relevance, seen[0].detach(), find_layer(self._subject, layer))

    def heatmaps(self, batch: torch.Tensor, layer: str, components: torch.Tensor) -> torch.Tensor:
        """Heatmaps of single components, (B, T, H, W); relevance enters as the component's own activation map.

        The z+ rule explains only what excites, so negative sides get their up-sampled activation map instead.
        """
        data, found = batch.detach().clone().requires_grad_(), find_layer(self._subject, layer)
        activation = self._run_to(layer, data)
        components = components.to(activation.device)
        channels, signs = channels_and_signs(components, found)
        chosen = torch.where(signs > 0, channels, -1)
        parts = torch.split(chosen.T, max(1, PAIRS // len(batch)))
        maps = [_propagate(activation, data, part, found.kind) for part in parts]
        explained = torch.cat(maps).transpose(0, 1)
        if not bool((signs < 0).any()):
            return explained
        return torch.where((signs < 0)[:, :, None, None], _shown(activation, components, found, batch), explained)

    def _run_to(self, layer: str, data: torch.Tensor) -> torch.Tensor:
        """Output of a layer in a forward pass that ends there; of a layer that runs twice, the last run."""
        seen: list[torch.Tensor] = []

        def see(output: torch.Tensor) -> None:
            seen.append(output)
            if len(seen) == self._n_runs.get(layer):
                raise _ReachedError

        try:
            with torch.enable_grad(), watch(self._twin, layer, see):
                self._twin(data)
        except _ReachedError:
            pass
        self._n_runs[layer] = len(seen)
        return seen[-1]

    def _entering(self, output: torch.Tensor, class_index: int) -> torch.Tensor:
        with torch.enable_grad():
            leaf = output.clone().requires_grad_()
            score = margin(to_logits(leaf, self._output), class_index, self._output)
            return output * layer_gradient(score.sum(), leaf)


def _shown(activation: torch.Tensor, components: torch.Tensor, found: LayerInfo, batch: torch.Tensor) -> torch.Tensor:
    grid = activation_grid(activation.detach(), found.kind) if found.kind != "flat" else activation.detach()
    grid = grid if grid.ndim == 4 else grid[:, :, None, None]
    return up_sampled(grid, components.to(grid.device), found, batch.shape[-2:])


def _propagate(activation: torch.Tensor, data: torch.Tensor, channels: torch.Tensor, kind: str) -> torch.Tensor:
    """Heatmaps of some channels of each image, (T, B) -> (T, B, H, W), in one backward pass for all of them."""
    entering = torch.stack([activation.detach() * _mask(activation, turn, kind) for turn in channels]).clamp_min(0)
    (relevance,) = torch.autograd.grad(activation, data, entering, retain_graph=True, is_grads_batched=True)
    return relevance.sum(dim=2)


def _mask(activation: torch.Tensor, column: torch.Tensor, kind: str) -> torch.Tensor:
    """One at the chosen component of each image, (B, ...) as the activation; all zero for -1."""
    axis = activation.ndim - 1 if kind == "token" else 1
    shape = [1] * activation.ndim
    shape[axis] = activation.shape[axis]
    numbers = torch.arange(activation.shape[axis], device=activation.device).reshape(shape)
    chosen = column.to(activation.device).reshape(-1, *[1] * (activation.ndim - 1))
    return (numbers == chosen).to(activation.dtype)
