"""Whether a label is faithful: do images of the label activate the component that carries it (paper, D.4)? Numpy only.

The paper draws images of each label with a text-to-image model. Here the labels of the data take their place: its
classes, and its 0/1 columns. Such images show more than the label, so a low score may also come from the company that
the label keeps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from auditlens.stages.evidence import Floats, Samples


def label_members(samples: Samples, classes: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Say which images carry which label: every class with an image, every 0/1 column with a flagged image.

    A column with the name of a class is left out; an empty cell is not flagged.

    Returns
    -------
    names : tuple of str
    members : (images, labels)
        0 or 1.
    """
    found = {name: (samples.labels == place).astype(float) for place, name in enumerate(classes)}
    for name, values in samples.columns.items():
        known = values[~np.isnan(values)]
        if name not in found and np.isin(known, (0.0, 1.0)).all():
            found[name] = (values > 0.5).astype(float)
    kept = {name: rows for name, rows in found.items() if rows.any()}
    return tuple(kept), np.stack(list(kept.values()), axis=1) if kept else np.empty((len(samples.ids), 0))


def label_means(
    sums: NDArray[np.float64], members: NDArray[np.float64], names: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """Mean pooled activation of every component over the images of each label.

    Parameters
    ----------
    sums : (labels, components)
    members : (images, labels)
    names : sequence of str
    """
    return dict(zip(names, sums / members.sum(axis=0)[:, None], strict=True))


def faithfulness(means: Mapping[str, Floats]) -> dict[str, NDArray[np.float64]]:
    """The paper's phi (D.4, eq. 1): (mean activation on a label's images - lowest) / (highest - lowest) over labels.

    Parameters
    ----------
    means : mapping of label to (components,)

    Returns
    -------
    dict of label to (components,)
        0 to 1; 1 is faithful: no other label's images activate the component more. NaN where all labels activate it
        alike, and where there are fewer than two labels.
    """
    if len(means) < 2:
        return {name: np.full(len(values), np.nan) for name, values in means.items()}
    table = np.stack([np.asarray(values, dtype=np.float64) for values in means.values()])
    low, spread = table.min(axis=0), np.ptp(table, axis=0)
    phi = np.divide(table - low, spread, out=np.full_like(table, np.nan), where=spread > 0)
    return dict(zip(means, phi, strict=True))
