"""Bounds and symmetries of clarity, similarity, redundancy and polysemanticity."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditlens.examine import interpretability as room

some = settings(max_examples=60, deadline=None)
seeds = st.integers(0, 2**32 - 1)


@st.composite
def embeddings(draw, most=9):
    """Examples of some components: Gaussian, in clusters, or on a coarse grid with many duplicates."""
    components, m, dim = draw(st.integers(1, 5)), draw(st.integers(2, most)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(seeds))
    values = rng.normal(size=(components, m, dim)) + draw(st.sampled_from([0, 0.5, 5]))
    kind = draw(st.sampled_from(["gaussian", "clusters", "grid"]))
    if kind == "clusters":
        values += 20 * rng.normal(size=(components, 1, dim)) * (rng.random((components, m, 1)) < 0.5)
    return np.round(values) if kind == "grid" else values


def gaussian(seed, components=4, m=7, dim=5):
    return np.random.default_rng(seed).normal(size=(components, m, dim)) + 0.5


@some
@given(embeddings())
def test_bounds(examples):
    n = examples.shape[1]
    clear, apart = room.clarity(examples), room.polysemanticity(examples)
    none_zero = np.linalg.norm(examples, axis=2).all(axis=1)
    assert (clear <= 1 + 1e-9).all() and (clear[none_zero] >= -1 / (n - 1) - 1e-9).all()
    assert ((apart >= -1e-9) & (apart <= 2 + 1e-9)).all()
    null = room.polysemanticity_null(examples, 3)
    assert ((null >= -1e-9) & (null <= 2 + 1e-9)).all()
    similarity = room.similarity_matrix(room.component_embeddings(examples))
    assert (np.abs(similarity) <= 1).all()
    np.testing.assert_allclose(similarity, similarity.T, atol=1e-12)


@some
@given(embeddings(most=25))
def test_k_means_never_leaves_a_better_single_cluster(examples):
    """Both clusters are filled unless all examples are one point, and no example is nearer to the other mean."""
    labels = room.two_means(examples)
    for values, sides in zip(examples, labels, strict=True):
        if len(np.unique(values, axis=0)) == 1:
            continue
        assert set(sides) == {0, 1} and sides[0] == 0
        means = np.stack([values[sides == side].mean(axis=0) for side in (0, 1)])
        distances = ((values[:, None] - means) ** 2).sum(axis=2)
        assert (distances[np.arange(len(values)), sides] <= distances.min(axis=1) + 1e-9).all()


@some
@given(seeds, st.permutations(range(4)), st.permutations(range(7)))
def test_the_order_of_components_and_examples_changes_nothing(seed, components, order):
    examples = gaussian(seed)
    turned = examples[list(components)][:, list(order)]
    for measure in (room.clarity, room.component_embeddings, room.polysemanticity):
        np.testing.assert_allclose(measure(turned), measure(examples)[list(components)], atol=1e-9)
    thetas = room.component_embeddings(examples)
    assert room.redundancy(thetas[list(components)]) == pytest.approx(room.redundancy(thetas))
    nearest, similarity = room.nearest_components(thetas)
    found, again = room.nearest_components(thetas[list(components)])
    assert [components[place] for place in found] == nearest[list(components)].tolist()
    np.testing.assert_allclose(again, similarity[list(components)], atol=1e-12)


@some
@given(seeds, st.floats(1e-3, 1e3))
def test_scale_changes_no_cosine(seed, scale):
    examples = gaussian(seed)
    each = np.random.default_rng(seed + 1).uniform(0.1, 10, size=(4, 7, 1))
    np.testing.assert_allclose(room.clarity(examples * each), room.clarity(examples), atol=1e-9)
    np.testing.assert_allclose(room.polysemanticity(examples * scale), room.polysemanticity(examples), atol=1e-9)
    thetas = room.component_embeddings(examples)
    np.testing.assert_allclose(room.similarity_matrix(thetas * scale), room.similarity_matrix(thetas), atol=1e-12)
    assert room.redundancy(thetas * each[:, 0]) == pytest.approx(room.redundancy(thetas))


@some
@given(seeds)
def test_turning_the_whole_space_changes_nothing(seed):
    examples = gaussian(seed)
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(5, 5)))
    for measure in (room.clarity, room.polysemanticity):
        np.testing.assert_allclose(measure(examples @ turn), measure(examples), atol=1e-9)
    thetas = room.component_embeddings(examples)
    np.testing.assert_allclose(room.component_embeddings(examples @ turn), thetas @ turn, atol=1e-9)


@some
@given(seeds, st.integers(1, 4))
def test_missing_examples_count_for_nothing(seed, n_missing):
    examples = gaussian(seed)
    padded = np.concatenate([examples, np.full((4, n_missing, 5), np.nan)], axis=1)
    for measure in (room.clarity, room.component_embeddings, room.polysemanticity):
        np.testing.assert_allclose(measure(padded), measure(examples), atol=1e-12)


@some
@given(seeds)
def test_duplicates(seed):
    """One example again and again is perfectly clear; a component listed twice is redundant with itself."""
    examples = gaussian(seed)
    same = np.repeat(examples[:, :1], 5, axis=1)
    np.testing.assert_allclose(room.clarity(same), 1, atol=1e-9)
    np.testing.assert_allclose(room.polysemanticity(same), 0, atol=1e-9)
    thetas = room.component_embeddings(examples)
    _, similarity = room.nearest_components(np.concatenate([thetas, thetas]))
    np.testing.assert_allclose(similarity, 1, atol=1e-9)
    twice = np.repeat(examples, 2, axis=1)
    np.testing.assert_allclose(room.component_embeddings(twice), thetas, atol=1e-12)
