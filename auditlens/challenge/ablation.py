"""Components are silenced, and the model goes on without them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from auditlens.errors import LayerError
from auditlens.subject import LayerInfo


@contextmanager
def silenced(module: nn.Module, layer: LayerInfo, components: Sequence[int]) -> Iterator[None]:
    """Set components of a layer to zero while the context lasts (definition 10; ablation, not mediation: rule 11).

    A component of a layer that is not rectified is one side of a channel: only the values on that side become zero.

    Parameters
    ----------
    module : nn.Module
        The audited model.
    layer : LayerInfo
        One of its layers.
    components : sequence of int
        Below `layer.n_components`.

    Raises
    ------
    LayerError
        When the layer has no such component, or its output is no tensor.
    """
    chosen = sorted({int(component) for component in components})
    if chosen and not 0 <= chosen[0] <= chosen[-1] < layer.n_components:
        wrong = chosen[-1] if chosen[0] >= 0 else chosen[0]
        raise LayerError(f"layer {layer.name!r} has no component {wrong}; valid are 0 to {layer.n_components - 1}")
    positive = [component for component in chosen if component < layer.n_channels]
    negative = [component - layer.n_channels for component in chosen if component >= layer.n_channels]
    axis = 1 if layer.kind == "spatial" else -1

    def silence(part: nn.Module, inputs: Any, output: Any) -> Tensor:
        if not isinstance(output, Tensor):
            raise LayerError(f"{layer.name!r} returns {type(output).__name__}; only a tensor can be silenced")
        if layer.n_sides == 1:
            return output.index_fill(axis, _index(positive, output), 0.0)
        result = _without_side(output, positive, axis, upper=True)
        return _without_side(result, negative, axis, upper=False)

    handle = module.get_submodule(layer.name).register_forward_hook(silence)
    try:
        yield
    finally:
        handle.remove()


def _without_side(output: Tensor, channels: Sequence[int], axis: int, *, upper: bool) -> Tensor:
    """Take the values above zero, or those below, from some channels."""
    index = _index(channels, output)
    values = output.index_select(axis, index)
    return output.index_copy(axis, index, values.clamp(max=0) if upper else values.clamp(min=0))


def _index(channels: Sequence[int], output: Tensor) -> Tensor:
    return torch.tensor(channels, dtype=torch.long, device=output.device)
