"""What components add to a change of the margin, against the change itself."""

import numpy as np
import pytest
import torch

from auditlens.errors import ModelError
from auditlens.examine.collect import collect_shard
from auditlens.examine.response import moved, pooled


@pytest.fixture
def pair(subject, index):
    from auditlens.data.images import load_rgb

    batch = torch.stack([subject.prepare(load_rgb(sample)) for sample in index.samples[:6]])
    changed = batch.clone()
    changed[:, :, 4:20, 6:14] = 1.0
    return batch, changed


def test_contributions_of_the_last_layer_add_up_to_the_change(make_subject, subject, pair):
    """One logit against none: the margin of `multi_label` is linear behind the last convolution."""
    linear = make_subject(subject.module, subject.layers, output="multi_label")
    found, change = moved(linear, ["relu2"], [0, 2], pair[1], pair[0])
    assert np.abs(change).max() > 0.01
    np.testing.assert_allclose(found["relu2"].contributions.sum(axis=2), change, atol=1e-5)


def test_sides_of_an_unrectified_layer_share_the_change_of_their_channel(make_subject, subject, pair):
    linear = make_subject(subject.module, subject.layers, output="multi_label")
    found, change = moved(linear, ["conv2", "relu2", "head"], [1], pair[1], pair[0])
    both = found["conv2"].contributions[:, 0]
    assert both.shape == (6, 16)
    assert np.abs(both[:, 8:]).max() > 0
    head = found["head"].contributions[:, 0]
    np.testing.assert_allclose(head.sum(axis=1), change[:, 0], atol=1e-5)
    np.testing.assert_allclose(head[:, 1] + head[:, 4], change[:, 0], atol=1e-5)


def test_a_softmax_margin_is_met_to_second_order(subject, pair):
    near = pair[0] + 0.05 * (pair[1] - pair[0])
    found, change = moved(subject, ["relu2"], [0], near, pair[0])
    gap = np.abs(found["relu2"].contributions.sum(axis=2) - change).max()
    assert gap < 1e-3 * np.abs(change).max()


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_activations_are_those_of_the_clean_pass(subject, index, pair, pooling):
    found, _ = moved(subject, ["relu2", "conv2"], [0], pair[1], pair[0], pooling)
    before = pooled(subject, ["relu2", "conv2"], pair[0], pooling)
    for layer in before:
        np.testing.assert_allclose(found[layer].reference, before[layer], atol=1e-6)
    shard = collect_shard(subject, index, np.arange(6), ["relu2"], 6, pooling)
    np.testing.assert_allclose(np.sort(before["relu2"].T)[:, ::-1], shard.tops["relu2"].values, atol=1e-6)
    assert not np.allclose(found["relu2"].inserted, before["relu2"], atol=1e-3)


def test_the_part_before_the_first_layer_is_no_part_of_the_graph(subject, pair):
    seen = []
    handle = subject.module.conv1.register_forward_hook(lambda *found: seen.append(found[2].requires_grad))
    moved(subject, ["relu2", "conv2"], [0], pair[1], pair[0])
    handle.remove()
    assert seen == [False]


def test_values_that_are_not_finite_are_an_error(subject, pair):
    broken = pair[1].clone()
    broken[0, 0, 0, 0] = torch.inf
    with pytest.raises(ModelError, match="layer 'relu2' has activations or gradients that are not finite"):
        moved(subject, ["relu2"], [0], broken, pair[0])


def test_nothing_moves_where_nothing_changes(subject, pair):
    found, change = moved(subject, ["conv2"], [0, 1], pair[0], pair[0])
    assert not change.any() and not found["conv2"].contributions.any()
