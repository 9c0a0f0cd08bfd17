"""Tensors with a changed gradient and unchanged values."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def is_active(values: Any) -> bool:
    """Whether it is a tensor that depends on what is explained; weights do not."""
    return isinstance(values, Tensor) and values.requires_grad and not isinstance(values, torch.nn.Parameter)


def share(values: Tensor, factor: float) -> Tensor:
    """Return the same values; their gradient is multiplied by the factor."""
    shared: Tensor = _Shared.apply(values, factor)
    return shared


def with_factor(values: Tensor, replaced: Tensor, factor: Tensor) -> Tensor:
    """Return other values in the place of these; the gradient is multiplied by the factor, element by element."""
    factored: Tensor = _Factored.apply(values, (replaced, factor))
    return factored


class _Shared(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0] * ctx.factor, None


class _Factored(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, made: tuple[Tensor, Tensor]) -> Tensor:
        replaced, factor = made
        ctx.save_for_backward(factor)
        return replaced

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0] * ctx.saved_tensors[0], None
