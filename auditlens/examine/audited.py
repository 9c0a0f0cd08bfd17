"""What this room needs of the audited model and of the images, and how a layer's output is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from auditlens.data.loader import batches
from auditlens.data.sample import DataIndex
from auditlens.errors import LayerError, nearest

Pooling: TypeAlias = Literal["mean", "max"]
Progress: TypeAlias = Callable[[int], None]
"""Called with the number of images just finished."""


class Layer(Protocol):
    """A layer of the audited model."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def n_components(self) -> int: ...  # noqa: D102
    @property
    def kind(self) -> Literal["spatial", "token", "flat"]: ...  # noqa: D102


class Audited(Protocol):
    """The audited model, as `auditlens.subject.Subject` gives it."""

    @property
    def module(self) -> torch.nn.Module: ...  # noqa: D102
    @property
    def layers(self) -> Sequence[Layer]: ...  # noqa: D102
    @property
    def device(self) -> torch.device: ...  # noqa: D102
    def prepare(self, image: NDArray[np.uint8], /) -> torch.Tensor: ...  # noqa: D102
    def to_logits(self, output: torch.Tensor, /) -> torch.Tensor: ...  # noqa: D102


def find_layer(subject: Audited, name: str) -> Layer:
    """Return the layer of that name; LayerError where there is none."""
    for layer in subject.layers:
        if layer.name == name:
            return layer
    names = [layer.name for layer in subject.layers]
    raise LayerError(f"layer {name!r} is not examined; valid are {', '.join(names)}{nearest(name, names)}")


def input_batches(
    subject: Audited, index: DataIndex, rows: NDArray[np.integer], batch_size: int
) -> Iterator[tuple[NDArray[np.int64], torch.Tensor]]:
    """Yield rows and their model inputs, (B, C, H, W) on the model's device, in the order given."""
    for part, inputs in batches(index, rows, subject.prepare, batch_size):
        yield part, inputs.to(subject.device)


def components_first(activation: torch.Tensor, layer: Layer) -> torch.Tensor:
    """Bring a layer's output into the form (B, components, positions); flat layers have one position."""
    if layer.kind == "flat" or activation.ndim == 2:
        return activation.reshape(len(activation), -1, 1)
    if layer.kind == "token":
        return activation.flatten(1, -2).transpose(1, 2)
    return activation.flatten(2)


def pool(activation: torch.Tensor, layer: Layer, pooling: Pooling) -> torch.Tensor:
    """Make one number of each component's activation map, (B, components), by mean or maximum over positions."""
    positions = components_first(activation, layer)
    return positions.mean(dim=2) if pooling == "mean" else positions.amax(dim=2)


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
