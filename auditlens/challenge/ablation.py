"""Components are silenced, and the model goes on without them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from auditlens.subject import LayerInfo, Subject
from auditlens.subject.silencing import keep_sides, kept_sides, tensor_of

LARGEST_STACK = 2**24
"""Values of a layer's output that are held at once when many groups are changed in one pass (64 MiB)."""

Edit = Callable[[Tensor, Tensor], Tensor]
"""A layer's output, and what is kept of the sides of its channels (2, channels), to the output to go on with."""


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
    with _edited(module, layer, kept_sides(layer, [components])[0], _silencing(layer)):
        yield


@torch.no_grad()
def ablated_logits(
    subject: Subject, batch: Tensor, layer: LayerInfo, groups: Sequence[Sequence[int]], *, in_one_pass: bool
) -> Tensor:
    """Logits of a batch with each group of components silenced in turn.

    Parameters
    ----------
    subject : Subject
    batch : Tensor (B, C, H, W)
    layer : LayerInfo
    groups : sequence of sequences of int
        An empty group silences nothing.
    in_one_pass : bool
        Run the part of the model before the layer once for many groups; only where `goes_on_from(layer)`.

    Returns
    -------
    Tensor (groups, B, classes)
    """
    return changed_logits(subject, batch, layer, groups, _silencing(layer), in_one_pass=in_one_pass)


@torch.no_grad()
def changed_logits(
    subject: Subject,
    batch: Tensor,
    layer: LayerInfo,
    groups: Sequence[Sequence[int]],
    edit: Edit,
    *,
    in_one_pass: bool,
) -> Tensor:
    """Logits of a batch with the layer's output edited at each group of components in turn, (groups, B, classes).

    Parameters
    ----------
    subject : Subject
    batch : Tensor (B, C, H, W)
    layer : LayerInfo
    groups : sequence of sequences of int
    edit : Edit
        Told for each group what is kept of every side of a channel.
    in_one_pass : bool
        As for `ablated_logits`.
    """
    batch = batch.to(subject.device)
    kept = kept_sides(layer, groups)
    if not in_one_pass:
        return torch.stack([_one_by_one(subject, batch, layer, sides, edit) for sides in kept])
    found: list[Tensor] = []
    while len(found) < len(groups):
        found += _stacked(subject, batch, layer, kept[len(found) :], edit)
    return torch.stack(found)


@torch.no_grad()
def goes_on_from(subject: Subject, batch: Tensor, layer: LayerInfo) -> bool:
    """Whether everything behind the layer depends on its output alone, image by image.

    Then copies of the output can run through the rest of the model as further images. It is tried: a model that takes
    a path around the layer refuses a stacked batch, or gives other logits for it.
    """
    batch = batch.to(subject.device)
    plain = subject.logits(batch)
    try:
        stacked = ablated_logits(subject, batch, layer, [(), ()], in_one_pass=True)
    except (RuntimeError, ValueError, IndexError):  # shapes that do not fit: the answer is no
        return False
    return all(torch.allclose(part, plain, atol=1e-4, rtol=1e-4) for part in stacked)


def _silencing(layer: LayerInfo) -> Edit:
    return lambda output, kept: keep_sides(output, layer, kept)


def _one_by_one(subject: Subject, batch: Tensor, layer: LayerInfo, kept: Tensor, edit: Edit) -> Tensor:
    with _edited(subject.module, layer, kept, edit):
        return subject.logits(batch)


@contextmanager
def _edited(module: nn.Module, layer: LayerInfo, kept: Tensor, edit: Edit) -> Iterator[None]:
    def change(part: nn.Module, inputs: Any, output: Any) -> Tensor:
        return edit(tensor_of(output, layer), kept)

    with replacing(module, layer, change):
        yield


def _stacked(subject: Subject, batch: Tensor, layer: LayerInfo, kept: Tensor, edit: Edit) -> list[Tensor]:
    """Logits of the first groups of `kept`, as many as fit into one pass."""
    fits: list[int] = []

    def multiply(part: nn.Module, inputs: Any, output: Any) -> Tensor:
        values = tensor_of(output, layer)
        fits[:] = [max(1, min(len(kept), LARGEST_STACK // max(values.numel(), 1)))]
        return torch.cat([edit(values, sides) for sides in kept[: fits[0]]])

    with replacing(subject.module, layer, multiply):
        logits = subject.logits(batch)
    if len(logits) != fits[0] * len(batch):
        raise ValueError(f"{len(logits)} rows of logits for {fits[0]} groups of {len(batch)} images")
    return list(logits.reshape(fits[0], len(batch), -1))


@contextmanager
def replacing(module: nn.Module, layer: LayerInfo, hook: Any) -> Iterator[None]:
    """Let a forward hook of the layer replace its output while the context lasts."""
    handle = module.get_submodule(layer.name).register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
