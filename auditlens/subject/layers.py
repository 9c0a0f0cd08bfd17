"""The layers whose components are examined, by name or found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from auditlens.errors import LayerError
from auditlens.subject.layer_names import select_parts, valid_names
from auditlens.subject.trace import Event, Kind, Trace, has_extent, kind_of, n_components


@dataclass(frozen=True, slots=True)
class LayerInfo:
    """One examined layer.

    Attributes
    ----------
    name : str
        As in `module.named_modules()`.
    n_channels : int
    kind : {"spatial", "token", "flat"}
        Maps (batch, channels, height, width); tokens (batch, ..., channels); or features (batch, channels).
    rectified : bool
        Whether no value on the trial images was negative, or the part is a ReLU. Where it is not, each channel is two
        components, its positive and its negative side (paper, B.1).
    """

    name: str
    n_channels: int
    kind: Kind
    rectified: bool

    @property
    def n_sides(self) -> int:
        """1 for rectified layers, 2 for others."""
        return 1 if self.rectified else 2

    @property
    def n_components(self) -> int:
        """Component i is channel i % n_channels: its positive side below n_channels, its negative side from there."""
        return self.n_channels * self.n_sides


def choose_layers(trace: Trace, module: nn.Module, layers: str | Sequence[str]) -> tuple[LayerInfo, ...]:
    """Resolve the spec's `layers`: names, globs, `auto`, in the order in which the parts finish.

    Raises
    ------
    LayerError
        A name the model does not have (with the nearest ones), a glob that matches nothing, a part that returns no
        tensor per image, or no layer to find for `auto`.
    """
    return tuple(_info(event, trace) for event in select_parts(trace, module, layers, find_auto_layer))


def find_auto_layer(trace: Trace) -> Event:
    """Find the last layer of components before global pooling.

    It is the last map or row of tokens that is ready before the classifier (the last part with a weight matrix)
    begins, so that a map of class scores is none. Outputs of pooling, dropout and flattening do not count. Of the
    parts that return this very tensor, the innermost one that ran only once is taken: hooks on a part that ran twice
    see both runs.
    """
    events = trace.events[: trace.classifier]
    pooled = _pooled(events)
    found = [event for event in events if event.makes_components and id(event.output) not in pooled]
    found = [event for event in found if has_extent(event.output)]
    if not found:
        raise LayerError(
            "found no spatial or token layer before global pooling",
            hint=f"name layers in `model.layers`; valid are {valid_names(trace)}",
        )
    return _innermost(found, trace)


def _pooled(events: Sequence[Event]) -> set[int]:
    """Identities of the tensors that pooling made, which a container may return as its own."""
    first: dict[int, Event] = {}
    for event in events:
        if event.makes_components or not event.is_input:
            first.setdefault(id(event.output), event)
    computed = {id(event.output) for event in events if event.makes_components and event.is_leaf}
    return {key for key, event in first.items() if not event.makes_components} - computed


def _innermost(found: Sequence[Event], trace: Trace) -> Event:
    """Of the parts that return the last tensor, take the innermost that ran once."""
    same = [event for event in found if event.output is found[-1].output]
    leaves = [place for place, event in enumerate(same) if event.is_leaf]
    candidates = same[leaves[-1] :] if leaves else same
    calls = trace.n_calls
    return next((event for event in candidates if calls[event.name] == 1), candidates[-1])


def _info(event: Event, trace: Trace) -> LayerInfo:
    kind = kind_of(event.output, trace.feature_width, event.module)
    rectified = event.lowest >= 0.0 or isinstance(event.module, (nn.ReLU, nn.ReLU6))
    return LayerInfo(event.name, n_components(event.output, kind), kind, rectified)


def pool(activation: Tensor, pooling: Literal["mean", "max"], kind: Kind | None = None) -> Tensor:
    """Make one number of each activation map or row of tokens; channels, not sides.

    Parameters
    ----------
    activation : Tensor
        Output of a layer.
    pooling : {"mean", "max"}
    kind : {"spatial", "token", "flat"}, optional
        Kind of the layer; told by the number of axes (4, 3, 2) where it is not given.

    Returns
    -------
    Tensor, (batch, channels)
    """
    kind = kind or kind_of(activation, None)
    if kind == "flat":
        return activation
    axes = (2, 3) if kind == "spatial" else tuple(range(1, activation.ndim - 1))
    return activation.mean(axes) if pooling == "mean" else activation.amax(axes)


def pool_components(activation: Tensor, pooling: Literal["mean", "max"], layer: LayerInfo) -> Tensor:
    """Pooled activation of every component, (batch, components); the negative sides are those of the negated map."""
    positive = pool(activation, pooling, layer.kind)
    if layer.n_sides == 1:
        return positive
    return torch.cat([positive, pool(-activation, pooling, layer.kind)], dim=1)


@contextmanager
def recording(module: nn.Module, layers: Sequence[str]) -> Iterator[Mapping[str, Tensor]]:
    """Record what layers put out while the context is open; the hooks are gone afterwards.

    The recorded tensors are part of the graph: gradients with respect to them can be taken. What follows a layer gets a
    copy, so that a later in-place operation cannot change what was recorded.

    Yields
    ------
    mapping of layer name to Tensor
        Filled by each forward pass; of a part that runs twice, the last run.
    """
    recorded: dict[str, Tensor] = {}

    def recorder(name: str) -> Any:
        def record(_part: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
            recorded[name] = output
            return output.clone()

        return record

    handles = [module.get_submodule(name).register_forward_hook(recorder(name)) for name in layers]
    try:
        yield recorded
    finally:
        for handle in handles:
            handle.remove()
