import numpy as np
import torch

from auditlens.examine.collect import collect
from auditlens.examine.response import paired_response, pooled


def test_pooled_activations_are_those_of_the_collection(subject, index):
    from auditlens.data.images import load_rgb

    batch = torch.stack([subject.prepare(load_rgb(sample)) for sample in index.samples])
    found = pooled(subject, ["relu2"], batch, "max")["relu2"]
    _, examples = collect(subject, index, ["relu2"], 23, "max", 23)
    np.testing.assert_allclose(-np.sort(-found.T, 1), examples["relu2"].activations, atol=1e-6)


def test_the_response_is_the_change_beyond_the_sham_in_clean_spreads():
    clean, inserted, sham = np.array([[1.0, 1.0]]), np.array([[5.0, 2.0]]), np.array([[2.0, 4.0]])
    assert paired_response(clean, inserted, sham, np.array([2.0, 4.0])).tolist() == [[1.5, -0.5]]
    assert paired_response(clean, inserted, None, np.array([2.0, 4.0])).tolist() == [[2.0, 0.25]]
    assert np.isnan(paired_response(clean, inserted, sham, np.array([0.0, 1.0]))[0, 0])
