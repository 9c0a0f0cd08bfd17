"""How well a person could understand the components: clarity, redundancy, polysemanticity (paper, 3.5). Numpy only.

V are the embeddings of concept examples, (components, m, dim), with rows of NaN where there is no example.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auditlens.stages.evidence import Floats

MAX_STEPS = 100
PART = 256
"""Components whose examples are held in double precision at a time."""


def component_embeddings(examples: Floats, weights: Floats | None = None) -> NDArray[np.float64]:
    """Semantic embedding theta of each component: the mean of its examples (paper, eq. 2); NaN without any.

    (components, m, dim) -> (components, dim). With weights, (components, m) and summing to one, the weighted mean.
    """
    there = _present(examples)
    if weights is not None:
        sums = np.einsum("km,kmd->kd", weights, np.where(there[..., None], examples, 0), dtype=float)
        return np.where(there.any(axis=1, keepdims=True), sums, np.nan)
    counts = there.sum(axis=1)
    sums = np.where(there[..., None], examples, 0).sum(axis=1, dtype=float)
    return np.asarray(sums / np.where(counts > 0, counts, np.nan)[:, None])


def clarity(examples: Floats) -> NDArray[np.float64]:
    """Mean pairwise cosine of a component's examples (paper, eq. 7): one concept is clear, a mixture is not.

    n/(n-1) * (||mean of unit vectors||^2 - 1/n), between -1/(n-1) and 1; higher is clearer.

    Returns
    -------
    (components,)
        NaN for fewer than two examples.
    """
    there = _present(examples)
    counts = np.where(there.sum(axis=1) > 1, there.sum(axis=1), np.nan)
    mean = _unit(np.where(there[..., None], examples, 0)).sum(axis=1) / counts[:, None]
    return np.asarray(counts / (counts - 1) * ((mean**2).sum(axis=1) - 1 / counts))


def similarity_matrix(thetas: Floats) -> NDArray[np.float64]:
    """Cosine of the embeddings of all pairs of components, (K, dim) -> (K, K), -1 to 1; NaN rows for missing ones."""
    directions = _unit(np.asarray(thetas, float))
    return np.clip(directions @ directions.T, -1, 1)


def nearest_components(thetas: Floats) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Most similar other component of each.

    Returns
    -------
    nearest : (K,)
        Position in `thetas`; -1 where there is no other.
    similarity : (K,)
        NaN beside -1.
    """
    similarity = similarity_matrix(thetas)
    np.fill_diagonal(similarity, np.nan)
    found = np.where(np.isnan(similarity), -np.inf, similarity)
    if not len(found):
        return np.empty(0, np.int64), np.empty(0)
    nearest = found.argmax(axis=1)
    best = found.max(axis=1)
    return np.where(np.isfinite(best), nearest, -1), np.where(np.isfinite(best), best, np.nan)


def redundancy(thetas: Floats) -> float:
    """Mean over components of the highest similarity to another (paper, 3.5), -1 to 1; lower is leaner.

    NaN for fewer than two components with an embedding.
    """
    _, similarity = nearest_components(thetas)
    known = similarity[~np.isnan(similarity)]
    return float(known.mean()) if len(known) else float("nan")


def polysemanticity(examples: Floats) -> NDArray[np.float64]:
    """One minus the clarity of the sums of two clusters of each component's examples (paper, eq. 10, h = 2).

    0: both clusters point the same way; 1: they are orthogonal. k-means always splits, so compare with
    `polysemanticity_null`.

    Returns
    -------
    (components,)
        0 to 2; NaN for fewer than two examples.
    """
    products, there = _products(examples)
    return _divergence(products, _two_means(products, there))


def polysemanticity_null(examples: Floats, n_draws: int = 20, seed: int = 0) -> NDArray[np.float64]:
    """Mean of the same measure over random splits into clusters of the sizes that k-means found, (components,).

    What a split gives that finds nothing: the lower end against which polysemanticity is read.
    """
    products, there = _products(examples)
    sizes = (_two_means(products, there) == 1).sum(axis=1)
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(n_draws):
        ranks = np.where(there, rng.random(there.shape), np.inf).argsort(axis=1).argsort(axis=1)
        drawn = np.where(there, (ranks < sizes[:, None]).astype(np.int64), -1)
        draws.append(_divergence(products, drawn))
    return np.asarray(np.mean(draws, axis=0))


def two_means(examples: Floats) -> NDArray[np.int64]:
    """Split the examples of every component into two clusters by k-means, all components at once.

    Deterministic: started once from the two farthest examples and once from the sides of the first principal
    component; the split with the smaller within-cluster sum of squares is taken.

    Returns
    -------
    (components, m)
        0 or 1; -1 where there is no example. The first example present is in cluster 0.
    """
    return _two_means(*_products(examples))


def _two_means(products: Floats, there: NDArray[np.bool_]) -> NDArray[np.int64]:
    starts = (_farthest_start(products, there), _principal_start(products, there))
    (first, low), (second, high) = (_lloyd(products, there, start) for start in starts)
    labels = np.where((high < low - 1e-12)[:, None], second, first)
    leading = np.take_along_axis(labels, there.argmax(axis=1)[:, None], axis=1)
    return np.where(there, labels ^ leading, -1)


def _present(examples: Floats) -> NDArray[np.bool_]:
    return np.asarray(~np.isnan(examples).any(axis=2))


def _unit(vectors: Floats) -> NDArray[np.float64]:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(lengths == 0, 1, lengths), float)


def _products(examples: Floats) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Inner products of each component's examples, (K, m, m), zero where one is missing, and which are there, (K, m).

    Distances, means and sums of clusters follow from them: from here on the width of the space costs nothing.
    """
    n_components, m, _ = examples.shape
    products, there = np.zeros((n_components, m, m)), np.zeros((n_components, m), bool)
    for start in range(0, n_components, PART):
        part = np.asarray(examples[start : start + PART], float)
        present = _present(part)
        part = part if present.all() else np.where(present[..., None], part, 0)
        products[start : start + PART] = part @ part.transpose(0, 2, 1)
        there[start : start + PART] = present
    return products, there


def _divergence(products: Floats, labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """One minus the cosine of the two clusters' sums; 0 where all examples are in one cluster."""
    sides = np.stack([labels == side for side in (0, 1)], axis=2).astype(float)
    of_sums = sides.transpose(0, 2, 1) @ products @ sides
    lengths = np.sqrt(np.maximum(of_sums[:, 0, 0] * of_sums[:, 1, 1], 0))
    apart = 1 - of_sums[:, 0, 1] / np.where(lengths == 0, np.inf, lengths)
    enough = (labels >= 0).sum(axis=1) > 1
    single = ~(labels == 1).any(axis=1) | ~(labels == 0).any(axis=1)
    return np.where(enough, np.where(single, 0, apart), np.nan)


def _farthest_start(products: Floats, there: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Each example joins the nearer of the two examples that lie farthest apart."""
    squares = np.diagonal(products, axis1=1, axis2=2)
    distances = squares[:, :, None] + squares[:, None, :] - 2 * products
    pairs = np.where(there[:, :, None] & there[:, None, :], distances, -1)
    one, other = np.divmod(pairs.reshape(len(products), -1).argmax(axis=1), products.shape[1])
    pick = np.arange(len(products))
    return (distances[pick, other] < distances[pick, one]).astype(np.int64)


def _principal_start(products: Floats, there: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Split at the mean along the direction of the largest variance."""
    counts = np.maximum(there.sum(axis=1), 1)[:, None, None]
    by_row = products.sum(axis=2, keepdims=True) / counts
    centred = products - by_row - by_row.transpose(0, 2, 1) + by_row.sum(axis=1, keepdims=True) / counts
    centred = np.where(there[:, :, None] & there[:, None, :], centred, 0)
    _, vectors = np.linalg.eigh(centred)
    return (vectors[:, :, -1] > 0).astype(np.int64)


def _lloyd(
    products: Floats, there: NDArray[np.bool_], labels: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Iterate assignment and means until nothing moves; labels and within-cluster sums of squares."""
    distances = np.zeros((*labels.shape, 2))
    for _ in range(MAX_STEPS):
        distances = _to_means(products, np.stack([there & (labels == side) for side in (0, 1)], axis=2))
        moved = distances.argmin(axis=2)
        if np.array_equal(moved[there], labels[there]):
            break
        labels = moved
    return labels, np.where(there, distances.min(axis=2), 0).sum(axis=1)


def _to_means(products: Floats, members: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Squared distance of every example to the mean of each cluster's members, (K, m, 2); infinite to empty ones."""
    counts = members.sum(axis=1)[:, None, :]
    weights = members / np.maximum(counts, 1)
    with_means = products @ weights
    of_means = (weights * with_means).sum(axis=1, keepdims=True)
    squares = np.diagonal(products, axis1=1, axis2=2)[..., None]
    return np.where(counts > 0, squares - 2 * with_means + of_means, np.inf)
