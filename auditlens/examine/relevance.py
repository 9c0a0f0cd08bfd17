"""Which components matter for a class: their share of the relevance for its margin, image by image (paper, H.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auditlens.data.sample import DataIndex
from auditlens.examine.attribution.attributor import Attributor, shares
from auditlens.examine.audited import Progress, find_layer, input_batches
from auditlens.subject import Subject


def class_relevance(
    subject: Subject,
    attributor: Attributor,
    index: DataIndex,
    class_index: int,
    layer: str,
    rows: NDArray[np.integer],
    batch_size: int = 16,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Relevance of a layer's components for the margin of one class.

    Parameters
    ----------
    subject, attributor, index
    class_index : int
    layer : str
    rows : (n,)
        Rows of the data index, of all classes: shortcuts act on the other one too.
    batch_size : int
    progress : callable, optional

    Returns
    -------
    float32 array (n, components)
        R_k / sum_k |R_k| per image: signed, magnitudes sum to one; zeros where nothing is relevant.
    """
    found = np.zeros((len(rows), find_layer(subject, layer).n_components), np.float32)
    done = 0
    for part, inputs in input_batches(subject, index, rows, batch_size):
        relevance = shares(attributor.relevance(inputs, class_index, layer))
        found[done : done + len(part)] = relevance.float().cpu().numpy()
        done += len(part)
        if progress is not None:
            progress(len(part))
    return found
