"""Silenced components folded into the weights, where a trial shows that the weights alone can do it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import torch
from torch import Tensor, nn

from auditlens.subject.layers import LayerInfo
from auditlens.subject.model import Subject, activations
from auditlens.subject.silencing import Silence

TOLERANCE: Final = 1e-5
"""Largest accepted gap between the logits of folded and of silenced components, and as a share of the largest logit."""

Rows = list[tuple[nn.Parameter, Tensor]]


@torch.no_grad()
def fold(subject: Subject, layer: LayerInfo, components: Sequence[int], batch: Tensor) -> bool:
    """Zero the weights that make components, in place, if that silences them and changes nothing else.

    The part that computes a layer's output is looked for from the output downwards, through what has one input (an
    activation, pooling, a change of shape): a norm, convolution or linear layer, whose rows of weight and bias become
    zero. Whether that silences the components is tried: their output must be exactly zero, and the logits those of
    the model with the components silenced by a hook. Where it is not so, as behind the sum of a residual block, the
    weights are left as they were.

    Parameters
    ----------
    subject : Subject
        Its module may be changed.
    layer : LayerInfo
    components : sequence of int
        Below `layer.n_components`.
    batch : Tensor (B, C, H, W)
        Prepared images of the audited data.

    Returns
    -------
    bool
        Whether the weights now silence the components.
    """
    channels = whole_channels(layer, components)
    if channels is None:
        return False
    part = source_part(subject, layer, batch[:1])
    if part is None:
        return False
    with hooked(subject, layer, components):
        expected = subject.logits(batch)
    kept = _zero_rows(part, channels, layer.n_channels)
    if _is_silent(subject, layer, channels, batch) and same_logits(subject.logits(batch), expected):
        return True
    for parameter, before in kept:
        parameter.copy_(before)
    return False


def whole_channels(layer: LayerInfo, components: Sequence[int]) -> list[int] | None:
    """Channels of the components; None where only one side of some channel is among them, which no weight can do."""
    chosen = set(components)
    channels = sorted({component % layer.n_channels for component in chosen})
    return channels if len(chosen) == len(channels) * layer.n_sides else None


@contextmanager
def hooked(subject: Subject, layer: LayerInfo, components: Sequence[int]) -> Iterator[None]:
    """Silence components by a hook while the context lasts."""
    handle = subject.module.get_submodule(layer.name).register_forward_hook(Silence(layer, components))
    try:
        yield
    finally:
        handle.remove()


def same_logits(found: Tensor, expected: Tensor) -> bool:
    """Whether logits are the same to `TOLERANCE`."""
    return torch.allclose(found, expected, atol=TOLERANCE, rtol=TOLERANCE)


def source_part(subject: Subject, layer: LayerInfo, batch: Tensor) -> nn.Module | None:
    """Find the part with weights that alone makes a layer's output; None where a sum or a product of parts does."""
    makers: dict[Any, nn.Module] = {}
    reached: list[Any] = []

    def see(part: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.grad_fn is not None:
            makers[output.grad_fn] = part

    def reach(part: nn.Module, inputs: Any, output: Any) -> None:
        reached[:] = [getattr(output, "grad_fn", None)]

    with _hooks(subject.module, see, layer.name, reach), torch.enable_grad():
        try:
            subject.module(batch.detach().to(subject.device).clone().requires_grad_())
        except RuntimeError:  # the model's own code may not work on tensors that ask for gradients
            return None
        return _downwards(reached[-1] if reached else None, makers)


@contextmanager
def _hooks(module: nn.Module, see: Callable[..., None], layer: str, reach: Callable[..., None]) -> Iterator[None]:
    """Watch all parts with weights of their own, and then the layer."""
    parts = [part for part in module.modules() if isinstance(getattr(part, "weight", None), nn.Parameter)]
    handles = [part.register_forward_hook(see) for part in parts]
    handles.append(module.get_submodule(layer).register_forward_hook(reach))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _downwards(step: Any, makers: dict[Any, nn.Module]) -> nn.Module | None:
    """Go down from a step of autograd while it has one input, to the first that a part with weights made."""
    while step is not None and step not in makers:
        below = [inner for inner, _ in step.next_functions if inner is not None]
        step = below[0] if len(below) == 1 else None
    return makers.get(step)


def _zero_rows(part: nn.Module, channels: Sequence[int], n_channels: int) -> Rows:
    """Set the rows of weight and bias to zero; return what they were."""
    rows: Rows = []
    for name in ("weight", "bias"):
        parameter = getattr(part, name, None)
        if isinstance(parameter, nn.Parameter) and len(parameter) == n_channels:
            rows.append((parameter, parameter.detach().clone()))
            parameter[list(channels)] = 0
    return rows


def _is_silent(subject: Subject, layer: LayerInfo, channels: Sequence[int], batch: Tensor) -> bool:
    output = activations(subject, (layer.name,), batch)[layer.name]
    axis = 1 if layer.kind == "spatial" else -1
    return not output.index_select(axis, torch.tensor(channels, device=output.device)).any()
