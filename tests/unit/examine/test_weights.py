import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditlens.examine.interpretability import component_embeddings
from auditlens.examine.weights import effective_number, example_weights


def test_equal_weights_are_none():
    assert example_weights(np.ones((2, 3)), "equal") is None


def test_weights_are_in_proportion_to_the_activation():
    activations = np.array([[6.0, 3.0, 1.0], [4.0, -9.0, np.nan], [-1.0, -2.0, np.nan]])
    expected = [[0.6, 0.3, 0.1], [1, 0, 0], [0.5, 0.5, 0]]
    np.testing.assert_allclose(example_weights(activations, "activation"), expected)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(1e-3, 1e3))
def test_weights_sum_to_one_and_are_blind_to_scale(seed, scale):
    activations = np.random.default_rng(seed).normal(size=(5, 7))
    weights = example_weights(activations, "activation")
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_allclose(example_weights(scale * activations, "activation"), weights, atol=1e-9)
    assert (effective_number(weights) >= 1 - 1e-9).all() and (effective_number(weights) <= 7 + 1e-9).all()


def test_theta_is_the_weighted_mean():
    rng = np.random.default_rng(0)
    examples, weights = rng.normal(size=(2, 4, 3)), rng.dirichlet(np.ones(4), 2)
    slow = [sum(weights[k, i] * examples[k, i] for i in range(4)) for k in range(2)]
    np.testing.assert_allclose(component_embeddings(examples, weights), slow)
    equal = np.full((2, 4), 0.25)
    np.testing.assert_allclose(component_embeddings(examples, equal), component_embeddings(examples))
    examples[1] = np.nan
    assert np.isnan(component_embeddings(examples, weights)[1]).all()


def test_the_effective_number_counts_equal_examples():
    assert effective_number(np.array([[0.25] * 4, [0.5, 0.5, 0, 0], [1, 0, 0, 0]])) == pytest.approx([4, 2, 1])
