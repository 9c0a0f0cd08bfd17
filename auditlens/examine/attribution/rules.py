"""The propagation rules of LRP as backward passes, for any number of starting relevances at once (paper, H.2).

Epsilon for linear layers, z+ for convolutions, flat for the first layer, each addition and average by the share of its
parts: the composite of the paper (`EpsilonPlusFlat` of zennit, whose values these are). Each rule keeps what it divides
by when the forward pass runs, so that a backward pass costs one transposed layer, however many follow.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias

import torch
from torch import nn
from torch.nn import functional

Rule: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
EPSILON: Final = 1e-6
CONVOLUTIONS: Final = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d)
AVERAGES: Final = (nn.AvgPool2d, nn.AdaptiveAvgPool2d)
RELUS: Final = (nn.ReLU, nn.ReLU6)


class Sum(nn.Module):
    """Sum over the last axis, as a module that a rule can hang on."""

    def forward(self, parts: torch.Tensor) -> torch.Tensor:
        """(..., parts) -> (...)."""
        return parts.sum(dim=-1)


def hang_rules(model: nn.Module) -> None:
    """Give every layer of a model, in place, a forward whose backward pass is its rule.

    The first layer that is a convolution or linear, in the order of the modules, gets the flat rule.

    Parameters
    ----------
    model : nn.Module
        Rewritten by `rewrite`, its batch norms merged, its parameters frozen.
    """
    first = True
    for module in model.modules():
        rule = _rule(module, first)
        if isinstance(module, (*CONVOLUTIONS, nn.Linear)):
            first = False
        if rule is not None:
            module.forward = rule


def _rule(module: nn.Module, first: bool) -> Rule | None:
    if isinstance(module, (*CONVOLUTIONS, nn.Linear)) and first:
        return partial(flat, module)
    if isinstance(module, CONVOLUTIONS):
        return _ZPlus(module)
    if isinstance(module, (nn.Linear, Sum, *AVERAGES)):
        return partial(epsilon, module.forward)
    return partial(unchanged, module.forward) if isinstance(module, RELUS) else None


def epsilon(layer: Rule, values: torch.Tensor) -> torch.Tensor:
    """Relevance by the share of each contribution in the output, Bach et al. 2015: x * W^T (R / z)."""
    if not values.requires_grad:
        return layer(values)
    output = layer(_contribution(values, values))
    return _explained(output.detach(), output)


def unchanged(layer: Rule, values: torch.Tensor) -> torch.Tensor:
    """Relevance passes a ReLU as it is."""
    if not values.requires_grad:
        return layer(values)
    passed: torch.Tensor = _Pass.apply(values, layer(values.detach()))
    return passed


def flat(module: nn.Module, values: torch.Tensor) -> torch.Tensor:
    """Relevance spreads evenly over the receptive field, whatever inputs and weights: for the first layer."""
    weight, bias = _parameters(module)
    output = apply(module, values.detach(), weight, bias)
    if not values.requires_grad:
        return output
    if isinstance(module, (nn.Conv1d, nn.Conv2d)) and module.groups == 1:
        # All channels get the same, and all outputs divide by the same: one channel stands for them.
        spread = apply(module, _Spread.apply(values), torch.ones_like(weight[:1, :1]), None)
        total = module.in_channels * spread.detach() + EPSILON
        return _explained(output, spread.expand_as(output), total)
    ones = _contribution(values, torch.ones_like(values))
    return _explained(output, apply(module, ones, torch.ones_like(weight), None))


class _ZPlus:
    """Relevance by the share of each positive contribution, among them those of positive biases."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        weight, bias = _parameters(module)
        self._up = weight.clamp(min=0)
        self._bias = None if bias is None else bias.clamp(min=0)

    def __call__(self, values: torch.Tensor) -> torch.Tensor:
        weight, bias = _parameters(self._module)
        plain = values.detach()
        output = apply(self._module, plain, weight, bias)
        if not values.requires_grad:
            return output
        negative = bool(plain.min() < 0) if plain.numel() else False
        above = plain.clamp(min=0) if negative else plain
        positive = apply(self._module, _contribution(values, above), self._up, self._bias)
        if negative:
            below = _contribution(values, plain.clamp(max=0))
            positive = positive + apply(self._module, below, weight.clamp(max=0), None)
        return _explained(output, positive, positive.detach() + EPSILON)


def _parameters(module: nn.Module) -> tuple[torch.Tensor, torch.Tensor | None]:
    weight, bias = module.weight, module.bias
    if not isinstance(weight, torch.Tensor) or not (bias is None or isinstance(bias, torch.Tensor)):
        raise TypeError(f"no layer with a weight: {type(module).__name__}")
    return weight.detach(), None if bias is None else bias.detach()


def apply(module: nn.Module, values: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """Run a convolution or a linear layer with other parameters than its own."""
    if isinstance(module, nn.Linear):
        return functional.linear(values, weight, bias)
    if isinstance(module, (nn.Conv1d, nn.Conv2d)):
        convolved: torch.Tensor = module._conv_forward(values, weight, bias)
        return convolved
    if isinstance(module, nn.ConvTranspose2d):
        further: Any = (module.stride, module.padding, module.output_padding, module.groups, module.dilation)
        return functional.conv_transpose2d(values, weight, bias, *further)
    raise TypeError(f"no convolution or linear layer: {type(module).__name__}")


def stabilise(values: torch.Tensor) -> torch.Tensor:
    """Move values away from zero by epsilon, zero itself upwards."""
    return torch.where(values < 0, values - EPSILON, values + EPSILON)


def _contribution(values: torch.Tensor, shown: torch.Tensor) -> torch.Tensor:
    contribution: torch.Tensor = _Contribution.apply(values, shown)
    return contribution


def _explained(output: torch.Tensor, parts: torch.Tensor, divisor: torch.Tensor | None = None) -> torch.Tensor:
    divisor = stabilise(parts.detach()) if divisor is None else divisor
    explained: torch.Tensor = _Explained.apply(output, parts, divisor.reciprocal())
    return explained


class _Contribution(torch.autograd.Function):
    """Goes on with the second tensor; backward, what arrives is multiplied by it."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, shown: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(shown)
        return shown.view_as(shown)

    @staticmethod
    def backward(ctx: Any, arriving: torch.Tensor) -> Any:
        (shown,) = ctx.saved_tensors
        return arriving * shown, None


class _Spread(torch.autograd.Function):
    """One channel of ones; backward, all channels get what it gets."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:
        ctx.shape = values.shape
        return torch.ones_like(values[:, :1])

    @staticmethod
    def backward(ctx: Any, arriving: torch.Tensor) -> Any:
        return arriving.expand(ctx.shape)


class _Explained(torch.autograd.Function):
    """The true output; backward, its relevance over the divisor goes to the parts that explain it."""

    @staticmethod
    def forward(ctx: Any, output: torch.Tensor, parts: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(factor)
        return output.view_as(output)

    @staticmethod
    def backward(ctx: Any, relevance: torch.Tensor) -> Any:
        (factor,) = ctx.saved_tensors
        return None, relevance * factor, None


class _Pass(torch.autograd.Function):
    """The output of a layer; backward, nothing changes."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        return output.view_as(output)

    @staticmethod
    def backward(ctx: Any, relevance: torch.Tensor) -> Any:
        return relevance, None
