"""Clarity, redundancy and polysemanticity against slow forms of their definitions, and k-means against scikit-learn."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics.pairwise import cosine_similarity

from auditlens.examine import interpretability as room


def mean_pairwise_cosine(vectors):
    cosines = cosine_similarity(vectors)
    return cosines[~np.eye(len(vectors), dtype=bool)].mean()


def mixtures(seed, components=12, m=20, dim=16, apart=6.0):
    """Components with two well separated groups of examples of different sizes."""
    rng = np.random.default_rng(seed)
    centres = apart * rng.normal(size=(components, 2, dim)) / np.sqrt(dim)
    sides = rng.random((components, m)) < rng.uniform(0.25, 0.75, size=(components, 1))
    sides[:, :2] = [False, True]
    picked = np.where(sides[..., None], centres[:, 1:], centres[:, :1])
    return picked + 0.3 * rng.normal(size=(components, m, dim)), sides


@pytest.mark.parametrize("seed", range(4))
def test_clarity_is_the_mean_pairwise_cosine(seed):
    examples = np.random.default_rng(seed).normal(size=(7, 11, 6)) + seed
    slow = [mean_pairwise_cosine(vectors) for vectors in examples]
    np.testing.assert_allclose(room.clarity(examples), slow, atol=1e-10)


@pytest.mark.parametrize("n", [2, 5, 17])
def test_redundancy_is_the_mean_of_the_highest_similarity(n):
    """Also where the number of components equals the width."""
    thetas = np.random.default_rng(n).normal(size=(n, 5))
    cosines = cosine_similarity(thetas)
    slow = np.mean([max(cosines[k, j] for j in range(n) if j != k) for k in range(n)])
    assert room.redundancy(thetas) == pytest.approx(slow)
    np.testing.assert_allclose(room.similarity_matrix(thetas), cosines, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_two_means_agrees_with_scikit_learn_on_separable_data(seed):
    examples, sides = mixtures(seed)
    labels = room.two_means(examples)
    for k, vectors in enumerate(examples):
        exact = KMeans(2, n_init=10, random_state=0).fit(vectors).labels_
        assert np.array_equal(labels[k], exact) or np.array_equal(labels[k], 1 - exact)
        assert np.array_equal(labels[k], sides[k] ^ sides[k, 0])


@pytest.mark.parametrize("seed", range(5))
def test_polysemanticity_is_that_of_scikit_learns_clusters(seed):
    examples, _ = mixtures(seed)
    slow = []
    for vectors in examples:
        labels = KMeans(2, n_init=10, random_state=0).fit(vectors).labels_
        slow.append(1 - mean_pairwise_cosine(np.stack([vectors[labels == side].sum(0) for side in (0, 1)])))
    np.testing.assert_allclose(room.polysemanticity(examples), slow, atol=1e-9)


def test_on_data_without_clusters_the_split_is_almost_as_good_as_ten_random_starts():
    examples = np.random.default_rng(0).normal(size=(40, 20, 8))
    labels = room.two_means(examples)
    ratios = []
    for k, vectors in enumerate(examples):
        own = sum(((vectors[labels[k] == s] - vectors[labels[k] == s].mean(0)) ** 2).sum() for s in (0, 1))
        ratios.append(own / KMeans(2, n_init=10, random_state=0).fit(vectors).inertia_)
    assert np.mean(ratios) < 1.03 and np.max(ratios) < 1.12


def test_theta_is_the_mean_of_the_examples():
    examples = np.random.default_rng(0).normal(size=(3, 4, 5))
    slow = [[sum(examples[k, i, d] for i in range(4)) / 4 for d in range(5)] for k in range(3)]
    np.testing.assert_allclose(room.component_embeddings(examples), slow)
