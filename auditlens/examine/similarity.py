"""How far the concepts of one set of components are found in another (paper, 3.3, eq. 5). Numpy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auditlens.stages.evidence import Floats


def best_matches(source: Floats, target: Floats) -> NDArray[np.float64]:
    """Highest cosine of each source component to any component of the target.

    Parameters
    ----------
    source : (K, dim)
        Semantic embeddings theta; rows with NaN (components without examples) have no match.
    target : (L, dim)

    Returns
    -------
    (K,)
        -1 to 1; NaN where the source component, or every target component, has no embedding.

    Raises
    ------
    ValueError
        The two sets lie in spaces of different width.
    """
    ours, theirs = _directions(source), _directions(target)
    if ours.shape[1] != theirs.shape[1]:
        raise ValueError(
            f"embeddings of width {ours.shape[1]} cannot be compared with those of width {theirs.shape[1]}"
        )
    theirs = theirs[~np.isnan(theirs).any(axis=1)]
    if not len(theirs):
        return np.full(len(ours), np.nan)
    return np.asarray(np.clip((ours @ theirs.T).max(axis=1), -1, 1))


def set_similarity(source: Floats, target: Floats) -> float:
    """S of source in target: the mean over theta in the source of the highest cosine to a theta of the target (eq. 5).

    Asymmetric: a small set may be found in a large one, and not the other way round.

    Returns
    -------
    float
        -1 to 1; higher: more of the source's concepts are found. NaN where nothing can be compared.
    """
    matches = best_matches(source, target)
    known = matches[~np.isnan(matches)]
    return float(known.mean()) if len(known) else float("nan")


def _directions(thetas: Floats) -> NDArray[np.float64]:
    rows = np.asarray(thetas, dtype=np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, lengths, out=np.full_like(rows, np.nan), where=lengths > 0))
