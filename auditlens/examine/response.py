"""How components respond when something is put into the image (decision rule 16)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from auditlens.examine.audited import Pooling, find_layer
from auditlens.examine.collect import forward
from auditlens.stages.evidence import Floats
from auditlens.subject import Subject


def pooled(subject: Subject, layer: str, batch: torch.Tensor, pooling: Pooling = "mean") -> NDArray[np.float32]:
    """Pooled activations of a layer's components for a batch of model inputs, (B, C, H, W) -> (B, components)."""
    _, found = forward(subject, batch.to(subject.device), [find_layer(subject, layer)], pooling)
    return found[layer]


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
