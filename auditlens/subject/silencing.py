"""Components of the audited model set to zero for good: pruning (definition 10 of the method; paper, 4.3.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from auditlens.errors import LayerError
from auditlens.stages.component_names import read_name
from auditlens.subject.layer_names import is_glob
from auditlens.subject.layers import LayerInfo, choose_layers
from auditlens.subject.trace import Trace


class Silence:
    """A forward hook that sets components of a layer to zero; a copy of the model takes it along.

    Parameters
    ----------
    layer : LayerInfo
    components : sequence of int
        Below `layer.n_components`; of a layer that is not rectified each is one side of a channel, and only the values
        on that side become zero.

    Raises
    ------
    LayerError
        The layer has no such component.
    """

    def __init__(self, layer: LayerInfo, components: Sequence[int]) -> None:
        self._layer, self._kept = layer, kept_sides(layer, [components])[0]

    def __call__(self, part: nn.Module, inputs: Any, output: Any) -> Tensor:
        """Return the output without the components."""
        return keep_sides(tensor_of(output, self._layer), self._layer, self._kept)


def silence(module: nn.Module, components: Mapping[LayerInfo, Sequence[int]]) -> None:
    """Hang the hooks that silence components on a model, for good."""
    for layer, chosen in components.items():
        module.get_submodule(layer.name).register_forward_hook(Silence(layer, chosen))


def named_components(names: Sequence[str], tried: Trace, module: nn.Module) -> dict[LayerInfo, tuple[int, ...]]:
    """Find the components that `model.silenced` names, by layer.

    Raises
    ------
    LayerError
        With `field`, the place in the spec: no such layer, or the layer has no such component.
    """
    found: dict[LayerInfo, list[int]] = {}
    for place, name in enumerate(names):
        try:
            layer, component = _component(name, tried, module)
        except LayerError as error:
            error.field = ("model", "silenced", place)
            raise
        found.setdefault(layer, []).append(component)
    return {layer: tuple(sorted(chosen)) for layer, chosen in found.items()}


def _component(text: str, tried: Trace, module: nn.Module) -> tuple[LayerInfo, int]:
    name = read_name(text)
    if name.layer == "auto" or is_glob(name.layer):
        raise LayerError(f"model.silenced: {text!r} names no single layer; `auto` and globs have no place here")
    try:
        (layer,) = choose_layers(tried, module, [name.layer])
    except LayerError as error:
        raise LayerError(f"model.silenced: {text!r}: {error.message}", hint=error.hint) from error
    return layer, component_index(layer, name.channel, negative=name.negative)


def component_index(layer: LayerInfo, channel: int, *, negative: bool) -> int:
    """Row of a channel's side among the components of a layer.

    Raises
    ------
    LayerError
        There is no such channel, or the layer is rectified and has no negative sides.
    """
    if channel >= layer.n_channels:
        raise LayerError(
            f"layer {layer.name!r} has no channel {channel}; valid are {layer.name}:0 to "
            f"{layer.name}:{layer.n_channels - 1}"
        )
    if negative and layer.n_sides == 1:
        raise LayerError(
            f"layer {layer.name!r} is rectified, so its channels have no negative side; write {layer.name}:{channel}"
        )
    return channel + (layer.n_channels if negative else 0)


def kept_sides(layer: LayerInfo, groups: Sequence[Sequence[int]]) -> Tensor:
    """One where a side of a channel stays, zero where it is silenced, (groups, 2, channels)."""
    chosen = [sorted({int(component) for component in group}) for group in groups]
    for group in chosen:
        if group and not 0 <= group[0] <= group[-1] < layer.n_components:
            wrong = group[-1] if group[0] >= 0 else group[0]
            raise LayerError(f"layer {layer.name!r} has no component {wrong}; valid are 0 to {layer.n_components - 1}")
    kept = torch.ones(len(chosen), layer.n_sides, layer.n_channels)
    for place, group in enumerate(chosen):
        kept[place].view(-1)[group] = 0
    return kept.expand(-1, 2, -1)


def keep_sides(output: Tensor, layer: LayerInfo, kept: Tensor) -> Tensor:
    """Multiply the values above zero, and those below, by what is kept of them.

    Parameters
    ----------
    output : Tensor (images, ...)
        Of the layer.
    layer : LayerInfo
    kept : Tensor (2, channels) or (images, 2, channels)
        The same for all images, or image by image.
    """
    shape = [kept.shape[0] if kept.ndim == 3 else 1, *[1] * (output.ndim - 1)]
    shape[1 if layer.kind == "spatial" else -1] = layer.n_channels
    above, below = kept.to(output).movedim(-2, 0).reshape(2, *shape)
    return torch.where(output < 0, output * below, output * above)


def tensor_of(output: Any, layer: LayerInfo) -> Tensor:
    """Return a layer's output; LayerError where it is no tensor."""
    if not isinstance(output, Tensor):
        raise LayerError(f"{layer.name!r} returns {type(output).__name__}; only a tensor can be silenced")
    return output
