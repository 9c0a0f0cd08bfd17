from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from auditlens.errors import LayerError, ModelError
from auditlens.examine.collect import Tops, collect, collect_shard, digest_ranks, finish, merge_tops, no_tops


def slow_pooled(subject, index, layer, pooling, sign=1):
    """Every image on its own, with a plain hook."""
    from auditlens.data.images import load_rgb

    rows = []
    for sample in index.samples:
        seen = []
        handle = subject.module.get_submodule(layer).register_forward_hook(
            lambda _m, _i, output, seen=seen: seen.append(output.clone())
        )
        logits = subject.module(subject.prepare(load_rgb(sample))[None])
        handle.remove()
        maps = sign * (seen[0][0].flatten(1) if seen[0].ndim == 4 else seen[0][0][:, None])
        rows.append((logits[0].numpy(), (maps.mean(1) if pooling == "mean" else maps.amax(1)).numpy()))
    return np.stack([row[0] for row in rows]), np.stack([row[1] for row in rows])


@pytest.mark.parametrize("pooling", ["mean", "max"])
@pytest.mark.parametrize("layer", ["conv2", "relu2", "head"])
def test_top_examples_and_scores_equal_the_slow_way(subject, index, layer, pooling):
    predictions, examples = collect(subject, index, [layer], 6, pooling, batch_size=11)
    logits, pooled = slow_pooled(subject, index, layer, pooling)
    if layer != "relu2":  # not rectified: the negative sides are components too
        _, negated = slow_pooled(subject, index, layer, pooling, sign=-1)
        pooled = np.concatenate([pooled, negated], axis=1)
    np.testing.assert_allclose(predictions.logits, logits, atol=1e-5)
    exact = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(predictions.probabilities, exact, atol=1e-5)
    found = examples[layer]
    assert found.activations.dtype == np.float32
    expected = -np.sort(-pooled.T, axis=1)[:, :6]
    np.testing.assert_allclose(found.activations, expected, atol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(pooled.T, found.image_indices, 1), expected, atol=1e-5)


def test_the_inplace_relu_behind_a_layer_does_not_reach_it(subject, index):
    _, examples = collect(subject, index, ["conv2"], 30, "mean", 8)
    assert np.nanmin(examples["conv2"].activations) < 0


@pytest.mark.parametrize("batch_size", [1, 2, 22, 100])
def test_batch_size_changes_nothing_but_float_noise(subject, index, batch_size):
    """22 leaves a last batch of one image."""
    first, one = collect(subject, index, ["conv2", "relu2"], 5, "mean", 8)
    second, two = collect(subject, index, ["conv2", "relu2"], 5, "mean", batch_size)
    np.testing.assert_allclose(first.logits, second.logits, atol=1e-5)
    for layer in one:
        np.testing.assert_allclose(one[layer].activations, two[layer].activations, atol=1e-5)


def test_fewer_images_than_examples(subject, make_index, noise):
    _, examples = collect(subject, make_index(noise(3)), ["relu2"], 5, "mean", 2)
    found = examples["relu2"]
    assert (found.image_indices[:, 3:] == -1).all() and np.isnan(found.activations[:, 3:]).all()
    assert (np.sort(found.image_indices[:, :3], axis=1) == [0, 1, 2]).all()


def test_components_that_are_never_positive_have_examples(make_subject, make_layer, make_index, noise):
    module = nn.Sequential(nn.Conv2d(3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    nn.init.zeros_(module[0].weight)
    nn.init.constant_(module[0].bias, -3.0)
    subject = make_subject(module.eval(), (make_layer("0", 2),))
    _, examples = collect(subject, make_index(noise(4)), ["0"], 3, "mean", 4)
    assert (examples["0"].image_indices >= 0).all()
    np.testing.assert_array_equal(examples["0"].activations, -3.0)


def test_ties_go_to_the_smaller_digest_whatever_the_order(make_subject, make_layer, make_index, noise):
    module = nn.Sequential(nn.Conv2d(3, 1, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    nn.init.zeros_(module[0].weight)
    subject = make_subject(module.eval(), (make_layer("0", 1),))
    pictures = noise(6)
    index = make_index(pictures)
    _, examples = collect(subject, index, ["0"], 3, "mean", 4)
    expected = sorted(index.digests)[:3]
    assert [index.digests[row] for row in examples["0"].image_indices[0]] == expected
    turned = make_index(pictures[::-1])
    _, examples = collect(subject, turned, ["0"], 3, "mean", 5)
    assert [turned.digests[row] for row in examples["0"].image_indices[0]] == expected


def test_shards_merged_in_any_grouping_equal_one_pass(subject, index):
    _, whole = collect(subject, index, ["relu2"], 7, "mean", 23)
    parts = [np.array([5, 0, 9]), np.arange(10, 23), np.array([1, 2, 3, 4, 6, 7, 8])]
    shards = [collect_shard(subject, index, rows, ["relu2"], 7, "mean", 4) for rows in parts]
    for order in ([0, 1, 2], [2, 0, 1]):
        predictions, merged = finish([shards[i] for i in order], "logits")
        np.testing.assert_array_equal(merged["relu2"].image_indices, whole["relu2"].image_indices)
        np.testing.assert_allclose(merged["relu2"].activations, whole["relu2"].activations, atol=1e-6)
        assert predictions.logits.shape == (23, 3)


def _tops(values, rows, ranks):
    return Tops(np.array(values, np.float32), np.array(rows), np.array(ranks))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=25), st.integers(1, 6), st.randoms(use_true_random=False))
def test_merge_is_associative_commutative_and_has_a_neutral_element(values, kept, random):
    """Few distinct values, so that there are many ties."""
    ranks = list(range(len(values)))
    random.shuffle(ranks)
    shape = [(np.float32(value), row, rank) for row, (value, rank) in enumerate(zip(values, ranks, strict=True))]
    singles = [merge_tops(no_tops(1, kept), _tops([[v]], [[r]], [[k]])) for v, r, k in shape]
    left = no_tops(1, kept)
    for single in singles:
        left = merge_tops(left, single)
    shuffled = singles[:]
    random.shuffle(shuffled)
    while len(shuffled) > 1:
        second, first = shuffled.pop(), shuffled.pop(0)
        shuffled.insert(random.randrange(len(shuffled) + 1), merge_tops(second, first))
    expected = [row for _, _, row in sorted((-v, k, r) for v, r, k in shape)][:kept]
    for tops in (left, shuffled[0]):
        assert tops.rows[0, : len(expected)].tolist() == expected
        assert (tops.rows[0, len(expected) :] == -1).all()


def test_equal_digests_keep_the_order_of_rows():
    assert digest_ranks(["b", "a", "b", "a"]).tolist() == [2, 0, 3, 1]


def test_what_is_not_finite_is_said(make_subject, make_layer, index):
    module = nn.Sequential(nn.Conv2d(3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    nn.init.constant_(module[0].bias, float("nan"))
    with pytest.raises(ModelError, match="layer '0' gives values that are not finite"):
        collect(make_subject(module.eval(), (make_layer("0", 2),)), index, ["0"], 3)


def test_unknown_layers_are_said(subject, index):
    with pytest.raises(LayerError, match="did you mean 'relu2'"):
        collect(subject, index, ["relu22"], 3)


def test_progress_counts_every_image(subject, index):
    done = []
    collect(subject, index, ["relu2"], 3, "mean", 10, done.append)
    assert done == [10, 10, 3]


def test_with_several_labels_each_probability_is_a_sigmoid(subject, index):
    predictions, _ = collect(replace(subject, output="multi_label"), index, ["relu2"], 3)
    np.testing.assert_allclose(predictions.probabilities, 1 / (1 + np.exp(-predictions.logits)), rtol=1e-5)
    assert not np.allclose(predictions.probabilities.sum(1), 1)
