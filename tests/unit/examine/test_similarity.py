"""Set similarity against its definition, one pair at a time."""

import numpy as np
import pytest

from auditlens.examine.similarity import best_matches, set_similarity


def slow(source, target):
    """Equation 5 of the paper, word for word."""
    total = 0.0
    for ours in source:
        total += max(float(ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs)) for theirs in target)
    return total / len(source)


@pytest.mark.parametrize("shape", [(7, 12, 5), (12, 7, 5), (6, 6, 6), (6, 9, 6), (9, 6, 6)])
def test_is_the_mean_of_the_highest_cosines_also_where_components_are_as_many_as_dimensions(shape):
    n_source, n_target, dim = shape
    rng = np.random.default_rng(n_source)
    source, target = rng.normal(size=(n_source, dim)), rng.normal(size=(n_target, dim))
    assert set_similarity(source, target) == pytest.approx(slow(source, target))


def test_the_product_without_transposition_is_another_number():
    rng = np.random.default_rng(1)
    square = rng.normal(size=(6, 6))
    unit = square / np.linalg.norm(square, axis=1, keepdims=True)
    assert set_similarity(square, square) == pytest.approx(1.0)
    assert (unit @ unit).max(axis=1).mean() != pytest.approx(1.0, abs=0.05)  # what semanticlens 0.2.1 computes here


def test_is_asymmetric_a_part_is_found_in_the_whole():
    rng = np.random.default_rng(2)
    whole = rng.normal(size=(20, 8))
    assert set_similarity(whole[:5], whole) == pytest.approx(1.0)
    assert set_similarity(whole, whole[:5]) < 0.9


def test_scale_and_order_do_not_matter():
    rng = np.random.default_rng(3)
    source, target = rng.normal(size=(5, 4)), rng.normal(size=(6, 4))
    scaled = source[::-1] * np.arange(1, 6)[:, None]
    assert set_similarity(scaled, target[::-1]) == pytest.approx(set_similarity(source, target))


def test_components_without_examples_take_no_part():
    rng = np.random.default_rng(4)
    source, target = rng.normal(size=(5, 4)), rng.normal(size=(6, 4))
    gaps, holes = np.vstack([source, np.full(4, np.nan)]), np.vstack([target, np.full(4, np.nan), np.zeros(4)])
    assert set_similarity(gaps, holes) == pytest.approx(set_similarity(source, target))
    assert np.isnan(best_matches(gaps, target)[-1])
    assert np.isnan(set_similarity(source, np.full((2, 4), np.nan)))


def test_spaces_of_different_width_are_refused():
    with pytest.raises(ValueError, match="width 4 cannot be compared with those of width 5"):
        set_similarity(np.ones((2, 4)), np.ones((2, 5)))
