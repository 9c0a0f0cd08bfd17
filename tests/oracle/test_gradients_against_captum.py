"""Gradient x activation against captum's, layer by layer, for the margin of a class."""

import pytest
import torch

from auditlens.examine.attribution.gradient import GradientXActivation
from auditlens.subject import margin
from tests.oracle.networks import batch_of, load

captum = pytest.importorskip("captum.attr", reason="captum is not installed; `pip install -e .[oracles]`")

CASES = [
    ("two_convolutions", "relu2", 8),
    ("two_convolutions", "conv2", 8),
    ("two_convolutions", "head", 8),
    ("tokens", "norm", 8),
    ("vgg_bn", "features.6", 32),
    ("resnet", "layer3", 32),
    ("squeezenet", "features.2", 32),
]


def by_component(attributed, activation, info):
    """Sum captum's values over positions, apart for values below zero where the layer has two sides."""
    axes = {"spatial": (2, 3), "token": (1,), "flat": ()}[info.kind]
    sides = [attributed] if info.rectified else [attributed * (activation >= 0), attributed * (activation < 0)]
    return torch.cat([side.sum(axes) if axes else side for side in sides], dim=1)


def explained(subject, class_index):
    return lambda inputs: margin(subject.logits(inputs), class_index)


def activation_of(subject, layer, batch):
    return captum.LayerActivation(subject.module, subject.module.get_submodule(layer)).attribute(batch)


@pytest.mark.parametrize("class_index", [0, 2])
@pytest.mark.parametrize(("factory", "layer", "size"), CASES)
def test_gradient_x_activation(factory, layer, size, class_index):
    subject, batch = load(factory, [layer], size=size), batch_of(3, size)
    part = subject.module.get_submodule(layer)
    theirs = captum.LayerGradientXActivation(explained(subject, class_index), part).attribute(batch)
    expected = by_component(theirs.detach(), activation_of(subject, layer, batch), subject.layer(layer))
    found = GradientXActivation(subject).relevance(batch, class_index, layer)
    torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-10)
    assert found.any()
