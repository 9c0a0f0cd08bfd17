import numpy as np

from auditlens.data.images import load_rgb
from auditlens.examine.attribution.gradient import GradientXActivation
from auditlens.examine.relevance import class_relevance


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


def test_images_that_nothing_is_relevant_for_are_zero(subject, index):
    subject.module.head.weight[:] = 0
    got = class_relevance(subject, GradientXActivation(subject), index, 0, "relu2", np.arange(3))
    assert got.shape == (3, 8) and not got.any()
