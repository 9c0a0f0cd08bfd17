import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from auditlens.data.images import load_rgb
from auditlens.examine.attribution.gradient import GradientXActivation
from auditlens.examine.relevance import class_relevance, mean_share, select_components


def test_shares_are_signed_and_sum_to_one_in_magnitude(subject, index):
    done = []
    rows = np.array([3, 0, 22, 7])
    made = GradientXActivation(subject)
    got = class_relevance(subject, made, index, 1, "relu2", rows, 3, done.append)
    assert got.shape == (4, 8) and got.dtype == np.float32 and done == [3, 1]
    np.testing.assert_allclose(np.abs(got).sum(1), 1, atol=1e-6)
    assert (got < 0).any() and (got > 0).any()
    image = subject.prepare(load_rgb(index.samples[22]))[None]
    raw = made.relevance(image, 1, "relu2")[0].numpy()
    np.testing.assert_allclose(got[2], raw / np.abs(raw).sum(), rtol=1e-4, atol=1e-6)


def test_no_rows_give_no_relevance(subject, index):
    got = class_relevance(subject, GradientXActivation(subject), index, 0, "relu2", np.array([], int))
    assert got.shape == (0, 8)
    assert select_components(got, 0.01, 5).tolist() == []


def test_images_that_nothing_is_relevant_for_are_zero(subject, index):
    subject.module.head.weight[:] = 0
    got = class_relevance(subject, GradientXActivation(subject), index, 0, "relu2", np.arange(3))
    assert got.shape == (3, 8) and not got.any()


def test_the_strongest_come_first_above_the_floor_and_under_the_cap():
    relevance = np.array([[0.5, -0.3, 0.2, 0.0], [-0.5, 0.3, 0.0, 0.2]])
    assert select_components(relevance, 0.0, 9).tolist() == [0, 1, 2, 3]
    assert select_components(relevance, 0.2, 9).tolist() == [0, 1]
    assert select_components(relevance, 0.0, 1).tolist() == [0]
    assert select_components(relevance, 0.9, 9).tolist() == []


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 0.3), st.integers(1, 12))
def test_selection_is_blind_to_sign_and_image_order(seed, floor, cap):
    rng = np.random.default_rng(seed)
    relevance = rng.normal(size=(9, 12))
    relevance /= np.abs(relevance).sum(1, keepdims=True)
    chosen = select_components(relevance, floor, cap)
    assert (mean_share(relevance)[chosen] >= floor).all() and len(chosen) <= cap
    turned = relevance[rng.permutation(9)] * rng.choice([-1, 1], size=(9, 12))
    np.testing.assert_array_equal(chosen, select_components(turned, floor, cap))
    assert mean_share(relevance).sum() <= 1 + 1e-9
