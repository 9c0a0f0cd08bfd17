"""Components are silenced, and the model goes on without them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from auditlens.errors import LayerError


@contextmanager
def silenced(layer: nn.Module, components: Sequence[int], axis: int = 1) -> Iterator[None]:
    """Set components of a layer to zero while the context lasts (definition 10; ablation, not mediation: rule 11).

    Parameters
    ----------
    layer : nn.Module
        Its output is a tensor, such as (batch, components, height, width).
    components : sequence of int
        Channels or neurons.
    axis : int
        Axis of the components; -1 for tokens, (batch, tokens, components).

    Raises
    ------
    LayerError
        When the layer's output is no tensor or has no such component.
    """
    chosen = sorted({int(component) for component in components})

    def silence(module: nn.Module, inputs: Any, output: Any) -> Tensor:
        if not isinstance(output, Tensor):
            raise LayerError(f"{type(module).__name__} returns {type(output).__name__}; only a tensor can be silenced")
        n_components = output.shape[axis]
        if chosen and not 0 <= chosen[0] <= chosen[-1] < n_components:
            wrong = chosen[-1] if chosen[0] >= 0 else chosen[0]
            raise LayerError(f"no component {wrong}; valid are 0 to {n_components - 1}")
        return output.index_fill(axis, torch.tensor(chosen, dtype=torch.long, device=output.device), 0.0)

    handle = layer.register_forward_hook(silence)
    try:
        yield
    finally:
        handle.remove()
