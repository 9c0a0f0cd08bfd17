"""The paired response, relevance shares and silenced components, written out number by number."""

import statistics

import numpy as np
import pytest
import torch

from auditlens.challenge.ablation import silenced
from auditlens.examine.attribution.attributor import shares
from auditlens.examine.attribution.gradient import GradientXActivation
from auditlens.examine.relevance import class_relevance
from auditlens.examine.response import paired_response, pooled
from tests.oracle.networks import batch_of, load, pixels_of, write_images


def test_the_response_is_the_change_beyond_the_sham_in_standard_deviations():
    rng = np.random.default_rng(0)
    clean, inserted, sham = (rng.normal(size=(6, 4)).tolist() for _ in range(3))
    spread = [statistics.pstdev(row[k] for row in clean) for k in range(4)]
    beyond = [[(inserted[i][k] - sham[i][k]) / spread[k] for k in range(4)] for i in range(6)]
    without = [[(inserted[i][k] - clean[i][k]) / spread[k] for k in range(4)] for i in range(6)]
    arrays = [np.array(values) for values in (clean, inserted, sham, spread)]
    np.testing.assert_allclose(paired_response(*arrays), beyond, atol=1e-12)
    np.testing.assert_allclose(paired_response(arrays[0], arrays[1], None, arrays[3]), without, atol=1e-12)


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_pooled_activations_are_those_of_each_image_alone(pooling):
    subject, batch = load("two_convolutions", ["relu2"]), batch_of(5)
    found = pooled(subject, ["relu2"], batch, pooling)["relu2"]
    for row, image in enumerate(batch):
        maps = subject.module[:4](image[None])[0]
        for channel in range(5):
            values = [float(value) for line in maps[channel] for value in line]
            expected = max(values) if pooling == "max" else sum(values) / len(values)
            assert found[row, channel] == pytest.approx(expected, rel=1e-6, abs=1e-7)


def test_shares_divide_by_the_sum_of_magnitudes():
    relevance = torch.randn(6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    relevance[3] = 0
    for found, row in zip(shares(relevance).tolist(), relevance.tolist(), strict=True):
        total = sum(abs(value) for value in row)
        assert found == pytest.approx([value / total if total else 0.0 for value in row], abs=1e-15)


def test_class_relevance_is_the_share_of_each_image_alone(tmp_path):
    subject, index = load("two_convolutions", ["relu1"]), write_images(tmp_path, 5)
    attributor = GradientXActivation(subject)
    found = class_relevance(subject, attributor, index, 2, "relu1", np.array([4, 1, 0]), batch_size=2)
    for place, row in enumerate((4, 1, 0)):
        one = attributor.relevance(subject.prepare(pixels_of(index)[row])[None], 2, "relu1")[0].tolist()
        expected = [value / sum(abs(other) for other in one) for value in one]
        np.testing.assert_allclose(found[place], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("factory", "name"), [("two_convolutions", "relu2"), ("two_convolutions", "conv2"), ("tokens", "norm")]
)
def test_silencing_is_going_on_with_the_values_on_that_side_at_zero(factory, name):
    """Value by value: what belongs to a silenced component becomes zero, the rest of the network runs on it."""
    subject, batch = load(factory, [name]), batch_of(2)
    info = subject.layer(name)
    chosen = [1, 3] if info.rectified else [1, 3, info.n_channels + 3, info.n_channels + 4]
    seen = []
    handle = subject.module.get_submodule(name).register_forward_hook(lambda *args: seen.append(args[2].clone()))
    plain = subject.module(batch)
    handle.remove()
    for place in np.ndindex(*seen[0].shape):
        channel = place[1] if info.kind == "spatial" else place[-1]
        side = 0 if info.rectified or seen[0][place] >= 0 else info.n_channels
        if channel + side in chosen:
            seen[0][place] = 0
    handle = subject.module.get_submodule(name).register_forward_hook(lambda *_: seen[0].clone())
    expected = subject.module(batch)
    handle.remove()
    with silenced(subject.module, info, chosen):
        found = subject.module(batch)
    torch.testing.assert_close(found, expected)
    assert not torch.allclose(found, plain)
    torch.testing.assert_close(subject.module(batch), plain)
