"""Pooled activations and the top-m images of each component (paper, 3.1 and B.1), as loops over every position."""

import numpy as np
import pytest

from auditlens.examine.collect import collect
from tests.oracle.networks import load, pixels_of, write_images

M = 5
CASES = [
    ("two_convolutions", "relu2"),
    ("two_convolutions", "conv2"),
    ("two_convolutions", "head"),
    ("tokens", "norm"),
    ("resnet", "layer2"),
]


def positions_of(output, channel):
    """All values of one channel of one image, whatever the layer's form."""
    if output.ndim == 3:  # channels, height, width
        return [float(value) for row in output[channel] for value in row]
    if output.ndim == 2:  # tokens, channels
        return [float(token[channel]) for token in output]
    return [float(output[channel])]


def pooled_by_loops(subject, images, layer, pooling):
    """(images, components): image by image, component by component; negative sides after the positive ones."""
    info = subject.layer(layer)
    rows = []
    for pixels in images:
        seen = []
        handle = subject.module.get_submodule(layer).register_forward_hook(
            lambda _part, _inputs, output, seen=seen: seen.append(output.detach().clone())
        )
        subject.module(subject.prepare(pixels)[None])
        handle.remove()
        sides = [1.0] if info.rectified else [1.0, -1.0]
        row = []
        for side in sides:
            for channel in range(info.n_channels):
                values = [side * value for value in positions_of(seen[0][0], channel)]
                row.append(max(values) if pooling == "max" else sum(values) / len(values))
        rows.append(row)
    return rows


def ranked_by_loops(values, digests, m):
    """Rows of the m highest values; of equal ones the smaller digest first."""
    order = sorted(range(len(values)), key=lambda row: (-np.float32(values[row]), digests[row]))
    return order[:m]


@pytest.mark.parametrize("pooling", ["mean", "max"])
@pytest.mark.parametrize(("factory", "layer"), CASES)
def test_top_images_are_those_of_the_definition(tmp_path, factory, layer, pooling):
    size = 32 if factory == "resnet" else 8
    subject = load(factory, [layer], size=size)
    index = write_images(tmp_path, 11, (size, size))
    _, examples = collect(subject, index, [layer], M, pooling, batch_size=4)
    slow = np.array(pooled_by_loops(subject, pixels_of(index), layer, pooling))
    found = examples[layer]
    assert found.image_indices.shape == (slow.shape[1], M)
    for component in range(slow.shape[1]):
        expected = ranked_by_loops(slow[:, component], index.digests, M)
        assert found.image_indices[component].tolist() == expected
        np.testing.assert_allclose(found.activations[component], slow[expected, component], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_the_negative_side_has_the_least_activating_images(tmp_path, pooling):
    """Without ReLU components are doubled: most and least activating (paper, B.1)."""
    subject = load("two_convolutions", ["conv2"])
    index = write_images(tmp_path, 9)
    _, examples = collect(subject, index, ["conv2"], 9, pooling, batch_size=4)
    rows = examples["conv2"].image_indices
    assert len(rows) == 10
    if pooling == "mean":
        np.testing.assert_array_equal(rows[5:], rows[:5, ::-1])
    slow = np.array(pooled_by_loops(subject, pixels_of(index), "conv2", pooling))
    np.testing.assert_array_equal(rows[5:, 0], slow[:, 5:].argmax(axis=0))


def test_scores_of_the_clean_pass_are_those_of_single_images(tmp_path):
    subject = load("two_convolutions", ["relu2"])
    index = write_images(tmp_path, 7)
    predictions, _ = collect(subject, index, ["relu2"], M, batch_size=3)
    for row, pixels in enumerate(pixels_of(index)):
        logits = subject.module(subject.prepare(pixels)[None])[0].tolist()
        total = sum(np.exp(value) for value in logits)
        np.testing.assert_allclose(predictions.logits[row], logits, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(
            predictions.probabilities[row], [np.exp(value) / total for value in logits], rtol=1e-5
        )
