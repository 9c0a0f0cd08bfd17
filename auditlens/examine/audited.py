"""How this room runs the audited model: batches in, a layer's output seen or cut on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from auditlens.data.loader import batches
from auditlens.data.sample import DataIndex
from auditlens.errors import LayerError, nearest
from auditlens.subject import LayerInfo, Subject

Pooling: TypeAlias = Literal["mean", "max"]
Progress: TypeAlias = Callable[[int], None]
"""Called with the number of images just finished."""


def find_layer(subject: Subject, name: str) -> LayerInfo:
    """Return the layer of that name; LayerError where there is none."""
    for layer in subject.layers:
        if layer.name == name:
            return layer
    names = [layer.name for layer in subject.layers]
    raise LayerError(f"layer {name!r} is not examined; valid are {', '.join(names)}{nearest(name, names)}")


def input_batches(
    subject: Subject, index: DataIndex, rows: NDArray[np.integer], batch_size: int
) -> Iterator[tuple[NDArray[np.int64], torch.Tensor]]:
    """Yield rows and their model inputs, (B, C, H, W) on the model's device, in the order given."""
    for part, inputs in batches(index, rows, subject.prepare, batch_size):
        yield part, inputs.to(subject.device)


def components_first(activation: torch.Tensor, layer: LayerInfo) -> torch.Tensor:
    """Bring a layer's output into the form (B, channels, positions); flat layers have one position."""
    if layer.kind == "flat" or activation.ndim == 2:
        return activation.reshape(len(activation), -1, 1)
    if layer.kind == "token":
        return activation.flatten(1, -2).transpose(1, 2)
    return activation.flatten(2)


def sum_by_component(relevance: torch.Tensor, activation: torch.Tensor, layer: LayerInfo) -> torch.Tensor:
    """Sum relevance over positions, (B, components); positions count for the side on which the activation lies.

    Parameters
    ----------
    relevance, activation : tensors as the layer puts out
        Of the same shape.
    layer : LayerInfo
    """
    by_position = components_first(relevance, layer)
    if layer.n_sides == 1:
        return by_position.sum(dim=2)
    negative = components_first(activation, layer) < 0
    sides = by_position.masked_fill(negative, 0), by_position.masked_fill(~negative, 0)
    return torch.cat([side.sum(dim=2) for side in sides], dim=1)


def channels_and_signs(components: torch.Tensor, layer: LayerInfo) -> tuple[torch.Tensor, torch.Tensor]:
    """Channel of each component, and +1 or -1 for its side; component -1 gives channel 0 and sign 0."""
    there = components >= 0
    signs = torch.where(components < layer.n_channels, 1, -1) * there
    return components.clamp_min(0) % layer.n_channels, signs


@contextmanager
def watch(module: torch.nn.Module, layer: str, see: Callable[[torch.Tensor], torch.Tensor | None]) -> Iterator[None]:
    """Call `see` with the layer's output at each forward; what it returns, if anything, replaces the output.

    Raises
    ------
    LayerError
        The model has no such layer, or the layer returns something other than one tensor.
    """

    def hook(_module: torch.nn.Module, _inputs: object, output: object) -> torch.Tensor | None:
        if not isinstance(output, torch.Tensor):
            raise LayerError(f"layer {layer!r} returns {type(output).__name__}; only layers that return one tensor fit")
        return see(output)

    try:
        target = module.get_submodule(layer)
    except AttributeError as error:
        names = [name for name, _ in module.named_modules()]
        raise LayerError(f"the model has no layer {layer!r}{nearest(layer, names)}") from error
    handle = target.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def as_leaf(seen: list[torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
    """Make a `see` that cuts the graph: the output becomes a leaf, kept in `seen`, and the model goes on from it."""

    def see(output: torch.Tensor) -> torch.Tensor:
        leaf = output.detach().requires_grad_()
        seen[:] = [leaf]
        return leaf.clone()  # a layer behind may work in place

    return see
