"""Where in the image something lies, as one layer of the audited model tells it: maps on the layer's own grid."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from auditlens.errors import LayerError
from auditlens.examine.attribution.gradient import activation_grid, layer_gradient
from auditlens.examine.audited import as_leaf, find_layer, watch
from auditlens.examine.boxes import SMOOTHING
from auditlens.examine.geometry import InputMap
from auditlens.stages.evidence import Floats
from auditlens.subject import LayerInfo, Subject, margin


def grid_layer(subject: Subject, name: str | None = None) -> LayerInfo | None:
    """Find the examined layer whose positions are those of the image.

    Parameters
    ----------
    subject : Subject
    name : str, optional
        The last one that has positions by default.

    Returns
    -------
    LayerInfo or None
        None where no examined layer has positions.

    Raises
    ------
    LayerError
        The named layer is not examined, or has no positions.
    """
    if name is None:
        return next((layer for layer in reversed(subject.layers) if layer.kind != "flat"), None)
    layer = find_layer(subject, name)
    if layer.kind == "flat":
        raise LayerError(
            f"layer {name!r} has no positions, so no map of it can be drawn; name a spatial or token layer"
        )
    return layer


@torch.no_grad()
def activation_grids(subject: Subject, batch: torch.Tensor, layer: LayerInfo) -> NDArray[np.float32]:
    """Activations of a layer on its grid of positions, (B, channels, rows, columns); of tokens, those of patches."""
    seen: list[torch.Tensor] = []
    with watch(subject.module, layer.name, seen.append):
        subject.module(batch.to(subject.device))
    return np.asarray(activation_grid(seen[-1], layer.kind).float().cpu().numpy())


def direction_map(grids: Floats, direction: Floats, offset: float) -> NDArray[np.float64]:
    """Score every position by a linear score of pooled activations, as if it were the whole image.

    h(p) = max(0, sum_c v_c a_c(p) + b), with v the concept activation vector in units of the activations and b its
    offset. Before the positive part is taken, the mean over positions is the image's own score, since activations are
    pooled by their mean.

    Parameters
    ----------
    grids : (B, channels, rows, columns)
    direction : (channels,)
    offset : float

    Returns
    -------
    (B, rows, columns)
        Not negative; larger where the image looks more like the concept.
    """
    signed = np.einsum("bcij,c->bij", np.asarray(grids, float), np.asarray(direction, float)) + offset
    return np.asarray(np.maximum(signed, 0.0))


def relevance_map(
    subject: Subject, batch: torch.Tensor, class_index: int, layer: LayerInfo | None
) -> NDArray[np.float64]:
    """Say how much each position speaks for a class: gradient of its margin times activation, summed over channels.

    Parameters
    ----------
    subject : Subject
    batch : (B, C, H, W)
    class_index : int
        The class whose margin is looked at.
    layer : LayerInfo or None
        None takes the input itself, lightly smoothed.

    Returns
    -------
    (B, rows, columns)
        The positive part: what speaks for the class.
    """
    if layer is None:
        return _input_map(subject, batch, class_index)
    seen: list[torch.Tensor] = []
    with torch.enable_grad(), watch(subject.module, layer.name, as_leaf(seen)):
        value = margin(subject.logits(batch), class_index, subject.output).sum()
        gradient = layer_gradient(value, seen[0])
    return _positive(activation_grid(seen[0].detach() * gradient, layer.kind).sum(dim=1))


def _input_map(subject: Subject, batch: torch.Tensor, class_index: int) -> NDArray[np.float64]:
    with torch.enable_grad():
        inputs = batch.detach().to(subject.device).clone().requires_grad_()
        gradient = layer_gradient(margin(subject.logits(inputs), class_index, subject.output).sum(), inputs)
    found = _positive((inputs.detach() * gradient).sum(dim=1))
    width = SMOOTHING * min(found.shape[1:])
    return np.asarray(gaussian_filter(found, (0, width, width), mode="constant"))


def _positive(grid: torch.Tensor) -> NDArray[np.float64]:
    return np.asarray(grid.clamp_min(0).double().cpu().numpy())


def on_image(
    grid: Floats, geometry: InputMap, input_size: tuple[int, int], size: tuple[int, int]
) -> NDArray[np.float32]:
    """Up-sample a map from a layer's grid to the frame of the original image, between positions linearly.

    Parameters
    ----------
    grid : (rows, columns)
        Evenly spread over the model's input.
    geometry : InputMap
        From the input back to the original image.
    input_size, size : tuple of int
        Width and height of the model's input, and of the result.

    Returns
    -------
    float32 array (height, width)
        Over the whole image, whatever its size; 0 where the model does not see it.
    """
    across, down = (_weights(grid.shape[1 - axis], geometry, axis, input_size[axis], size[axis]) for axis in (0, 1))
    return np.asarray(down @ np.asarray(grid, float) @ across.T, dtype=np.float32)


def _weights(n_cells: int, geometry: InputMap, axis: int, input_side: int, side: int) -> NDArray[np.float64]:
    """Weight of every cell in every pixel along one axis, (side, cells)."""
    pixels = (np.arange(side) + 0.5) * geometry.size[axis] / side
    positions = (pixels - geometry.offset[axis]) / geometry.scale[axis]
    seen = (positions >= 0) & (positions <= input_side)
    cells = np.clip(positions * n_cells / input_side - 0.5, 0, n_cells - 1)
    return np.asarray(np.maximum(1 - np.abs(cells[:, None] - np.arange(n_cells)), 0) * seen[:, None])
