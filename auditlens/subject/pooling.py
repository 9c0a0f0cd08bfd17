"""Maximum pooling without a graph, on the CPU: the same numbers as PyTorch's own, several times sooner."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional


def quicken_pooling(model: nn.Module) -> None:
    """Let the plain `MaxPool2d` of a model take running maxima where no gradient is asked for, in place.

    PyTorch's kernel looks for the place of each maximum, one value at a time, also where nobody wants it. A maximum is
    exact, so the values are equal bit for bit (but for the sign of a zero). With gradients, which go to that place,
    and on other devices PyTorch's own runs.
    """
    for module in model.modules():
        if type(module) is nn.MaxPool2d and _is_plain(module):
            setattr(module, "forward", partial(_pooled, module))  # noqa: B010


def _is_plain(pool: nn.MaxPool2d) -> bool:
    """Whether windows are whole blocks of neighbours, and the places of the maxima are not wanted."""
    return _pair(pool.dilation) == (1, 1) and not pool.return_indices and not pool.ceil_mode


def _pooled(pool: nn.MaxPool2d, batch: Tensor) -> Tensor:
    sizes, strides, (rows, columns) = _pair(pool.kernel_size), _pair(pool.stride), _pair(pool.padding)
    fits = batch.shape[-2] + 2 * rows >= sizes[0] and batch.shape[-1] + 2 * columns >= sizes[1]
    if torch.is_grad_enabled() or batch.device.type != "cpu" or not batch.is_floating_point() or not fits:
        values: Tensor = nn.MaxPool2d.forward(pool, batch)
        return values
    if rows or columns:
        batch = functional.pad(batch, (columns, columns, rows, rows), value=-torch.inf)
    return _largest(_largest(batch, -2, sizes[0], strides[0]), -1, sizes[1], strides[1])


def _largest(batch: Tensor, axis: int, size: int, stride: int) -> Tensor:
    """Maximum of `size` neighbours along an axis, every `stride` places."""
    windows = batch.unfold(axis, size, stride)
    found = windows[..., 0]
    for place in range(1, size):
        found = torch.maximum(found, windows[..., place])
    return found


def _pair(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return (value, value) if isinstance(value, int) else tuple(value)
