import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditlens.examine import interpretability as room


def with_gaps(seed, components=6, m=9, dim=5):
    rng = np.random.default_rng(seed)
    examples = rng.normal(size=(components, m, dim))
    examples[rng.random((components, m)) < 0.25] = np.nan
    return examples


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 100))
def test_bounds_and_blindness_to_order_and_common_scale(seed, scale):
    examples = with_gaps(seed)
    order = np.random.default_rng(seed).permutation(9)
    for measure in (room.clarity, room.polysemanticity):
        values = measure(examples)
        np.testing.assert_allclose(measure(examples[:, order] * scale), values, atol=1e-7)
        known = values[~np.isnan(values)]
        assert (known >= -1 - 1e-9).all() and (known <= 2 + 1e-9).all()
    assert np.nanmax(room.clarity(examples), initial=0) <= 1 + 1e-9
    assert -1 <= room.redundancy(room.component_embeddings(examples)) <= 1


def test_equal_examples_are_clear_and_have_one_meaning():
    examples = np.tile(np.array([3.0, 4.0]), (1, 7, 1))
    assert room.clarity(examples) == pytest.approx(1)
    assert room.polysemanticity(examples) == pytest.approx(0)


def test_two_orthogonal_meanings():
    examples = np.array([[[1, 0], [1, 0], [0, 1], [0, 1.0]]])
    assert room.polysemanticity(examples) == pytest.approx(1)
    assert room.clarity(examples) == pytest.approx(1 / 3)


def test_too_few_examples_have_no_value():
    examples = np.full((2, 4, 3), np.nan)
    examples[1, 2] = 1
    assert np.isnan(room.clarity(examples)).all()
    assert np.isnan(room.polysemanticity(examples)).all()
    assert np.isnan(room.polysemanticity_null(examples)).all()
    assert np.isnan(room.component_embeddings(examples)).tolist() == [[True] * 3, [False] * 3]
    assert np.isnan(room.redundancy(room.component_embeddings(examples)))


def test_gaps_change_nothing():
    rng = np.random.default_rng(1)
    full = rng.normal(size=(3, 6, 4))
    gaps = np.full((3, 9, 4), np.nan)
    gaps[:, [0, 2, 3, 5, 7, 8]] = full
    for measure in (room.clarity, room.polysemanticity):
        np.testing.assert_allclose(measure(gaps), measure(full))
    np.testing.assert_allclose(room.component_embeddings(gaps), full.mean(1))


def test_components_do_not_mix():
    examples = with_gaps(4)
    for measure in (room.clarity, room.polysemanticity):
        alone = np.concatenate([measure(examples[k : k + 1]) for k in range(len(examples))])
        np.testing.assert_allclose(measure(examples), alone)


def test_the_nearest_component_is_another_one():
    thetas = np.array([[1, 0], [0.9, 0.1], [0, 1], [np.nan, np.nan]])
    nearest, similarity = room.nearest_components(thetas)
    assert nearest.tolist() == [1, 0, 1, -1]
    assert np.isnan(similarity[3]) and similarity[0] == pytest.approx(0.9 / np.hypot(0.9, 0.1))
    assert room.redundancy(thetas) == pytest.approx(similarity[:3].mean())
    assert room.nearest_components(np.empty((0, 3)))[0].tolist() == []


def test_a_mixture_stands_out_against_random_splits_and_one_meaning_does_not():
    rng = np.random.default_rng(0)
    one = np.array([1, 0, 0, 0]) + 0.05 * rng.normal(size=(20, 4))
    two = one.copy()
    two[::2] = np.array([0, 1, 0, 0]) + 0.05 * rng.normal(size=(10, 4))
    examples = np.stack([one, two])
    found, null = room.polysemanticity(examples), room.polysemanticity_null(examples)
    assert found[1] > 0.9 and null[1] < 0.3
    assert found[0] < 0.02 and null[0] < found[0]
    np.testing.assert_array_equal(null, room.polysemanticity_null(examples))
