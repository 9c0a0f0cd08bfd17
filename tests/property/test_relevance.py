"""Relevance belongs to its image and its component, wherever these stand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from auditlens.examine.attribution.attributor import shares
from auditlens.examine.attribution.gradient import GradientXActivation
from auditlens.examine.attribution.lrp import Lrp
from auditlens.examine.relevance import class_relevance
from tests.oracle.networks import batch_of, load, write_images

N, LAYERS = 6, ["relu1", "conv2", "relu2"]
ATTRIBUTORS = {"lrp": Lrp, "gradient_x_activation": GradientXActivation}
few = settings(max_examples=7, deadline=None)


@pytest.fixture(scope="module")
def subject():
    return load("two_convolutions", LAYERS)


@pytest.fixture(scope="module", params=list(ATTRIBUTORS))
def attributor(request, subject):
    return ATTRIBUTORS[request.param](subject)


@few
@given(st.permutations(range(N)), st.sampled_from(LAYERS), st.integers(0, 2))
def test_permuting_images_permutes_relevance(attributor, order, layer, class_index):
    batch, order = batch_of(N), list(order)
    found = attributor.relevance(batch[order], class_index, layer)
    torch.testing.assert_close(found, attributor.relevance(batch, class_index, layer)[order], rtol=1e-9, atol=1e-12)


@few
@given(st.lists(st.integers(0, N - 1), min_size=1, max_size=9), st.sampled_from(LAYERS))
def test_neighbours_and_duplicates_change_nothing(attributor, rows, layer):
    batch = batch_of(N)
    found = attributor.relevance(batch[rows], 1, layer)
    torch.testing.assert_close(found, attributor.relevance(batch, 1, layer)[rows], rtol=1e-9, atol=1e-12)
    numbers = torch.tensor([[0, 2]] * N)
    maps = attributor.heatmaps(batch[rows], "relu2", numbers[:1].expand(len(rows), 2))
    torch.testing.assert_close(maps, attributor.heatmaps(batch, "relu2", numbers)[rows], rtol=1e-9, atol=1e-12)


def with_channels(order):
    """The same function, its last channels in another order."""
    moved = load("two_convolutions", LAYERS)
    conv, head = moved.module.conv2, moved.module.head
    conv.weight.copy_(conv.weight[order].clone())
    conv.bias.copy_(conv.bias[order].clone())
    head.weight.copy_(head.weight.reshape(3, 5, 16)[:, order].reshape(3, 80).clone())
    return moved


@settings(max_examples=4, deadline=None)
@given(st.permutations(range(5)), st.integers(0, 2))
def test_permuting_components_permutes_relevance_and_heatmaps(attributor, order, class_index):
    order, batch = list(order), batch_of(3)
    moved = type(attributor)(with_channels(order))
    both_sides = [*order, *(5 + channel for channel in order)]
    for layer, places in (("relu2", order), ("conv2", both_sides)):
        expected = attributor.relevance(batch, class_index, layer)[:, places]
        torch.testing.assert_close(moved.relevance(batch, class_index, layer), expected, rtol=1e-7, atol=1e-10)
    below = attributor.relevance(batch, class_index, "relu1")
    torch.testing.assert_close(moved.relevance(batch, class_index, "relu1"), below, rtol=1e-7, atol=1e-10)
    maps = moved.heatmaps(batch, "relu2", torch.arange(5).repeat(3, 1))
    expected = attributor.heatmaps(batch, "relu2", torch.tensor([order] * 3))
    torch.testing.assert_close(maps, expected, rtol=1e-7, atol=1e-10)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.floats(1e-6, 1e6), st.integers(1, 8))
def test_shares_sum_to_one_and_are_blind_to_scale(seed, scale, n_components):
    relevance = torch.randn(4, n_components, generator=torch.Generator().manual_seed(seed)).double()
    found = shares(relevance)
    torch.testing.assert_close(found.abs().sum(1), torch.ones(4).double())
    torch.testing.assert_close(shares(relevance * scale), found)
    assert torch.equal(found.sign(), relevance.sign())


@few
@given(st.integers(1, 9))
def test_the_batch_size_changes_no_share(subject, attributor, index, batch_size):
    rows = np.arange(N)
    found = class_relevance(subject, attributor, index, 0, "relu1", rows, batch_size)
    np.testing.assert_allclose(found, class_relevance(subject, attributor, index, 0, "relu1", rows, N), atol=1e-5)
    np.testing.assert_allclose(np.abs(found).sum(axis=1), 1, atol=1e-5)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images"), N)
