"""LRP and gradient x activation on two convolutions and a linear layer, written as loops over single values (H.2)."""

import numpy as np
import pytest
import torch

from auditlens.examine.attribution.gradient import GradientXActivation
from auditlens.examine.attribution.lrp import Lrp
from auditlens.subject import margin
from tests.oracle.networks import batch_of, load

EPSILON = 1e-6
"""Zennit's stabiliser of the epsilon, z+ and flat rules."""

LAYERS = ["conv1", "relu1", "conv2", "relu2"]


@pytest.fixture(scope="module")
def subject():
    return load("two_convolutions", LAYERS)


def stabilised(value):
    return value + (EPSILON if value >= 0 else -EPSILON)


def connections(conv, below, above):
    """All (output place, input place, weight) of a convolution; places are (channel, row, column)."""
    weight, step, pad = conv.weight, conv.stride[0], conv.padding[0]
    for out in np.ndindex(*above):
        for channel in range(below[0]):
            for dy, dx in np.ndindex(*weight.shape[2:]):
                y, x = out[1] * step + dy - pad, out[2] * step + dx - pad
                if 0 <= y < below[1] and 0 <= x < below[2]:
                    yield out, (channel, y, x), float(weight[out[0], channel, dy, dx])


def zplus(conv, below, relevance):
    """Each output gives to its inputs in proportion to max(0, w) * x; biases keep theirs (inputs are not negative)."""
    total = {out: max(0.0, float(conv.bias[out[0]])) for out in np.ndindex(*relevance.shape)}
    wires = [wire for wire in connections(conv, below.shape, relevance.shape) if wire[2] > 0]
    for out, place, weight in wires:
        total[out] += weight * below[place]
    found = np.zeros(below.shape)
    for out, place, weight in wires:
        found[place] += weight * below[place] * relevance[out] / stabilised(total[out])
    return found


def flat(conv, shape, relevance):
    """Each output gives the same to all its inputs."""
    wires = [(out, place) for out, place, _ in connections(conv, shape, relevance.shape)]
    total = {}
    for out, _ in wires:
        total[out] = total.get(out, 0) + 1
    found = np.zeros(shape)
    for out, place in wires:
        found[place] += relevance[out] / stabilised(total[out])
    return found


def epsilon(linear, features, logits, entering):
    """Feature i gets x_i * w_oi / z_o of what enters at output o."""
    found = [0.0] * len(features)
    for o, total in enumerate(logits):
        for i, value in enumerate(features):
            found[i] += value * float(linear.weight[o, i]) * entering[o] / stabilised(total)
    return np.array(found)


def activations(subject, image):
    """Values of each layer, as arrays (channels, rows, columns)."""
    values, found = image[None], {}
    for name, part in subject.module.named_children():
        values = part(values.clone())
        found[name] = values[0].numpy().copy()
    return found


def entering_by_hand(logits, class_index):
    """Output x gradient of the margin: +z at the class, -softmax of the rest * z at the others."""
    weights = [0.0 if c == class_index else float(np.exp(z)) for c, z in enumerate(logits)]
    return [z if c == class_index else -z * weights[c] / sum(weights) for c, z in enumerate(logits)]


def by_sides(relevance, activation, info):
    """Summed by channel; positions below zero count for the channel's negative side."""
    found = [0.0] * info.n_components
    for place in np.ndindex(*activation.shape):
        below = not info.rectified and activation[place] < 0
        found[place[0] + (info.n_channels if below else 0)] += relevance[place]
    return found


def lrp_by_hand(subject, image, class_index):
    """Relevance of every component of every layer for the margin."""
    seen, module = activations(subject, image), subject.module
    logits = seen["head"].tolist()
    high = epsilon(module.head, seen["flatten"].tolist(), logits, entering_by_hand(logits, class_index))
    high = high.reshape(seen["relu2"].shape)
    low = zplus(module.conv2, seen["relu1"], high)
    passed = {"relu2": high, "conv2": high, "relu1": low, "conv1": low}  # a ReLU passes relevance on
    return {name: by_sides(passed[name], seen[name], subject.layer(name)) for name in LAYERS}


@pytest.mark.parametrize("class_index", [0, 2])
@pytest.mark.parametrize("layer", LAYERS)
def test_lrp_follows_its_rules(subject, layer, class_index):
    batch = batch_of(2, seed=1)
    found = Lrp(subject).relevance(batch, class_index, layer)
    for row, image in enumerate(batch):
        expected = lrp_by_hand(subject, image, class_index)[layer]
        np.testing.assert_allclose(found[row], expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("component", [0, 2, 4])
def test_a_components_heatmap_is_its_own_map_sent_down(subject, component):
    """z+ through the second convolution, flat through the first, summed over colours."""
    image = batch_of(1, seed=2)[0]
    seen, module = activations(subject, image), subject.module
    own = np.zeros_like(seen["relu2"])
    own[component] = seen["relu2"][component]
    assert own.any()
    expected = flat(module.conv1, tuple(image.shape), zplus(module.conv2, seen["relu1"], own)).sum(axis=0)
    found = Lrp(subject).heatmaps(image[None], "relu2", torch.tensor([[component]]))[0, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(("factory", "layer"), [("two_convolutions", "conv2"), ("tokens", "norm")])
def test_gradient_x_activation_is_the_slope_of_the_margin_times_the_value(factory, layer):
    """The slope by central differences: each value of the layer is moved a little, and the network goes on from it."""
    subject, image, step = load(factory, [layer]), batch_of(1, seed=3), 1e-5
    info = subject.layer(layer)
    seen = []
    handle = subject.module.get_submodule(layer).register_forward_hook(lambda *args: seen.append(args[2].clone()))
    subject.module(image)
    handle.remove()

    def margin_from(values):
        part = subject.module.get_submodule(layer)
        handle = part.register_forward_hook(lambda *_: values.clone())
        found = float(margin(subject.module(image), 1)[0])
        handle.remove()
        return found

    expected = [0.0] * info.n_components
    for place in np.ndindex(*seen[0].shape):
        up, down = seen[0].clone(), seen[0].clone()
        up[place] += step
        down[place] -= step
        slope = (margin_from(up) - margin_from(down)) / (2 * step)
        channel = place[1] if info.kind == "spatial" else place[2]
        expected[channel + (info.n_channels if seen[0][place] < 0 else 0)] += float(seen[0][place]) * slope
    found = GradientXActivation(subject).relevance(image, 1, layer)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-8)
    assert info.n_sides == 2 and sum(abs(value) for value in expected) > 0


def test_without_biases_what_enters_arrives(subject):
    """Conservation holds for epsilon and z+ without biases only; with them it is not asserted anywhere."""
    bare = load("two_convolutions", ["relu1", "relu2"])
    for part in ("conv1", "conv2", "head"):
        bare.module.get_submodule(part).bias.zero_()
    batch = batch_of(3, seed=4)
    entering = [sum(entering_by_hand(logits, 0)) for logits in bare.module(batch).tolist()]
    for layer in ("relu1", "relu2"):
        found = Lrp(bare).relevance(batch, 0, layer).sum(dim=1)
        np.testing.assert_allclose(found, entering, rtol=1e-3, atol=1e-4)
