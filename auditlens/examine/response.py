"""How components respond when something is put into the image (decision rule 16)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from auditlens.errors import ModelError
from auditlens.examine.audited import Pooling, components_first, find_layer, watch
from auditlens.examine.collect import forward
from auditlens.stages.evidence import Floats
from auditlens.subject import LayerInfo, Subject, margin, pool_components


@dataclass(frozen=True, slots=True)
class Moved:
    """What two versions of the same images do inside a layer, pair by pair.

    Attributes
    ----------
    inserted, reference : float32 (B, components)
        Pooled activations with the artefact, and of what it is compared with (the sham, or the clean image).
    contributions : float32 (B, classes, components)
        What each component adds to the difference of the margins, in log-odds.
    """

    inserted: NDArray[np.float32]
    reference: NDArray[np.float32]
    contributions: NDArray[np.float32]


def pooled(
    subject: Subject, layers: Sequence[str], batch: torch.Tensor, pooling: Pooling = "mean"
) -> dict[str, Floats]:
    """Pooled activations of some layers for a batch of model inputs, (B, C, H, W) -> layer to (B, components)."""
    _, found = forward(subject, batch.to(subject.device), [find_layer(subject, name) for name in layers], pooling)
    return dict(found)


def paired_response(clean: Floats, inserted: Floats, sham: Floats | None, spread: Floats) -> NDArray[np.float64]:
    """Change of each component when the artefact goes in, beyond the sham.

    Parameters
    ----------
    clean, inserted : (B, components)
        Pooled activations of the same images without and with the artefact.
    sham : (B, components) or None
        With the sham; None where there is none: then the change against the clean image.
    spread : (components,)
        Standard deviation over the clean images of the data, the unit of the result.

    Returns
    -------
    (B, components)
        Positive where the artefact activates the component more; NaN for components that never vary.
    """
    unit = np.where(spread > 0, spread, np.nan)
    return np.asarray((inserted - (clean if sham is None else sham)) / unit, dtype=float)


def moved(
    subject: Subject,
    layers: Sequence[str],
    class_indices: Sequence[int],
    inserted: torch.Tensor,
    reference: torch.Tensor,
    pooling: Pooling = "mean",
) -> tuple[dict[str, Moved], NDArray[np.float32]]:
    """Compare two versions of the same images inside, in one forward pass and one backward pass per class.

    The contribution of component k to the difference of the margins is

        sum over positions of (A_k(inserted) - A_k(reference)) * (g_k(inserted) + g_k(reference)) / 2,

    g_k the gradient of the margin at the layer: integrated gradients between the two activations (Sundararajan et al.
    2017) by the trapezoidal rule. Over all components of a layer through which everything passes they add up to the
    difference of the margins, exactly where the margin is linear or quadratic behind the layer.

    Parameters
    ----------
    layers : sequence of str
    class_indices : sequence of int
        Classes whose margins are looked at.
    inserted, reference : (B, C, H, W)
        Model inputs with the artefact and without it.

    Returns
    -------
    dict of layer name to Moved, and float32 (B, classes)
        The second is the difference of the margins itself.

    Raises
    ------
    ModelError
        Activations or gradients that are not finite.
    """
    found = [find_layer(subject, name) for name in layers]
    batch, seen = torch.cat([inserted, reference]).to(subject.device), dict[str, torch.Tensor]()
    with torch.enable_grad(), ExitStack() as stack:
        for name in layers:
            stack.enter_context(watch(subject.module, name, _into_graph(seen, name)))
        logits = subject.logits(batch)
        margins = torch.stack([margin(logits, index, subject.output) for index in class_indices], dim=1)
        gradients = [_gradients(margins[:, place].sum(), seen) for place in range(len(class_indices))]
    change = (margins[: len(inserted)] - margins[len(inserted) :]).detach().float().cpu().numpy()
    parts = {
        layer.name: _layer_moved(seen[layer.name].detach(), [one[layer.name] for one in gradients], layer, pooling)
        for layer in found
    }
    for name, part in parts.items():
        _demand_finite(name, part)
    return parts, change


def _demand_finite(layer: str, part: Moved) -> None:
    if not all(np.isfinite(values).all() for values in (part.inserted, part.reference, part.contributions)):
        raise ModelError(
            f"layer {layer!r} has activations or gradients that are not finite for an image with an artefact",
            hint="challenge.response_images: 0 leaves responses by component out",
        )


def _into_graph(seen: dict[str, torch.Tensor], name: str) -> Callable[[torch.Tensor], torch.Tensor]:
    """Keep a layer's output in `seen`; the graph starts at the first such layer, which saves memory."""

    def see(output: torch.Tensor) -> torch.Tensor:
        seen[name] = output if output.requires_grad else output.detach().requires_grad_()
        return seen[name].clone()  # a layer behind may work in place

    return see


def _gradients(score: torch.Tensor, seen: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Gradient of a sum at each layer's output; zeros where it does not depend on the layer."""
    zeros = {name: torch.zeros_like(output) for name, output in seen.items()}
    if not score.requires_grad:
        return zeros
    found = torch.autograd.grad(score, list(seen.values()), retain_graph=True, allow_unused=True)
    return zeros | {name: one.detach() for name, one in zip(seen, found, strict=True) if one is not None}


def _layer_moved(
    activation: torch.Tensor, gradients: Sequence[torch.Tensor], layer: LayerInfo, pooling: Pooling
) -> Moved:
    """Split one layer's output for both halves of the batch into what each component does."""
    inserted, reference = activation.chunk(2)
    change = _sides(inserted, layer) - _sides(reference, layer)
    slopes = [torch.stack(components_first(one, layer).chunk(2)).mean(dim=0) for one in gradients]
    contributions = [(change * _signed(slope, layer)).sum(dim=2) for slope in slopes]
    values = pool_components(activation.float(), pooling, layer).chunk(2)
    return Moved(
        values[0].cpu().numpy(),
        values[1].cpu().numpy(),
        torch.stack(contributions, dim=1).float().cpu().numpy(),
    )


def _sides(activation: torch.Tensor, layer: LayerInfo) -> torch.Tensor:
    """Activation of every component, (B, components, positions): of an unrectified channel, either side of zero."""
    values = components_first(activation, layer)
    return values if layer.n_sides == 1 else torch.cat([values.clamp_min(0), (-values).clamp_min(0)], dim=1)


def _signed(slope: torch.Tensor, layer: LayerInfo) -> torch.Tensor:
    """Gradient with respect to each component: what grows on the negative side lowers the channel."""
    return slope if layer.n_sides == 1 else torch.cat([slope, -slope], dim=1)
