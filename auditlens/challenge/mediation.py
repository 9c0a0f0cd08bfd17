"""Mediation: an artefact goes in, and some components keep the values that they have on the clean image (rule 11).

It differs from ablation (`auditlens.challenge.ablation`), which sets components to zero: there the baseline moves, here
every component holds a value that it has on an image of the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from auditlens.challenge.ablation import Edit, changed_logits, replacing
from auditlens.subject import LayerInfo, Subject
from auditlens.subject.silencing import keep_sides, tensor_of


@torch.no_grad()
def patched_logits(
    subject: Subject,
    clean: Tensor,
    inserted: Tensor,
    layer: LayerInfo,
    groups: Sequence[Sequence[int]],
    *,
    in_one_pass: bool,
) -> tuple[Tensor, Tensor]:
    """Logits of images with an artefact, with each group of components set to its values on the clean images.

    A component of a layer that is not rectified is one side of a channel: only the part of the output on that side of
    zero comes from the clean image.

    Parameters
    ----------
    subject : Subject
    clean, inserted : Tensor (B, C, H, W)
        The same images without and with the artefact.
    layer : LayerInfo
    groups : sequence of sequences of int
        An empty group changes nothing: f(x_art).
    in_one_pass : bool
        Run the part of the model before the layer once for many groups; only where `goes_on_from(layer)`.

    Returns
    -------
    clean : Tensor (B, classes)
        Logits of the clean images, f(x_clean).
    patched : Tensor (groups, B, classes)

    Raises
    ------
    LayerError
        When the layer has no such component, or its output is no tensor.
    """
    plain, values = _recorded(subject, clean, layer)
    return plain, changed_logits(subject, inserted, layer, groups, _patching(layer, values), in_one_pass=in_one_pass)


def _recorded(subject: Subject, batch: Tensor, layer: LayerInfo) -> tuple[Tensor, Tensor]:
    """Logits of a batch, and the layer's output on the way."""
    seen: list[Tensor] = []

    def record(part: nn.Module, inputs: Any, output: Any) -> None:
        seen[:] = [tensor_of(output, layer).clone()]  # a layer behind may work in place

    with replacing(subject.module, layer, record):
        logits = subject.logits(batch.to(subject.device))
    return logits, seen[0]


def _patching(layer: LayerInfo, clean: Tensor) -> Edit:
    return lambda output, kept: keep_sides(output, layer, kept) + keep_sides(clean, layer, 1 - kept)
