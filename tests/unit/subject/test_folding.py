"""Folded equals hooked, or nothing is folded."""

import copy

import pytest
import torch

from auditlens.spec.model import Model, Preprocessing
from auditlens.subject import activations, load_subject
from auditlens.subject.folding import fold, hooked, whole_channels
from auditlens.subject.layers import LayerInfo

NETS = """
import torch
from torch import nn
from torch.nn import functional

def norm(width):
    made = nn.BatchNorm2d(width)
    with torch.no_grad():
        for values in (made.weight, made.bias, made.running_mean):
            values.uniform_(-1, 1)
        made.running_var.uniform_(0.5, 2)
    return made

def vgg(n=2):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3), norm(8), nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 12), nn.ReLU(), nn.Linear(12, n),
    )

class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(width, width, 3, padding=1, bias=False), norm(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, padding=1, bias=False), norm(width)
    def forward(self, x):
        inner = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(inner)) + x)

class Functional(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(width, width, 1), norm(width)
    def forward(self, x):
        return functional.relu(self.bn(self.conv(x)))

class Around(nn.Module):
    \"\"\"Its convolution is read twice, so zero weights would do more than silence the ReLU.\"\"\"
    def __init__(self, width):
        super().__init__()
        self.conv, self.relu = nn.Conv2d(width, width, 1), nn.ReLU()
    def forward(self, x):
        z = self.conv(x)
        return self.relu(z) + 2 * z

def ending(part):
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.ReLU(), part, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 2)
    )

def residual():
    torch.manual_seed(0)
    return ending(Residual(6))

def plain():
    torch.manual_seed(0)
    return ending(Functional(6))

def around():
    torch.manual_seed(0)
    return ending(Around(6))

def gelu():
    torch.manual_seed(0)
    return ending(nn.Sequential(nn.Conv2d(6, 6, 1), nn.GELU()))

def bare_norm():
    torch.manual_seed(0)
    made = nn.BatchNorm2d(6, affine=False)
    made.running_mean.uniform_(-1, -0.5)
    return ending(nn.Sequential(nn.Conv2d(6, 6, 1), made, nn.ReLU()))
"""


@pytest.fixture
def load(tmp_path):
    (tmp_path / "nets_to_fold.py").write_text(NETS)

    def loaded(factory, layer, **more):
        model = Model(
            architecture=factory if ":" in factory else f"python:nets_to_fold:{factory}",
            import_path=".",
            classes=("a", "b"),
            layers=(layer,),
            preprocessing=Preprocessing(resize=more.pop("side", 16)),
            **more,
        )
        return load_subject(model, tmp_path)

    return loaded


def images(subject, n=4):
    return torch.rand(n, *subject.input_shape, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def folded(subject, components):
    """Whether it was folded; the logits must be those of the hook either way."""
    (layer,) = subject.layers
    batch = images(subject)
    plain = subject.logits(batch)
    with hooked(subject, layer, components):
        expected = subject.logits(batch)
    assert not torch.allclose(plain, expected, atol=1e-4), "these components matter"
    before = copy.deepcopy(subject.module.state_dict())
    done = fold(subject, layer, components, batch)
    if done:
        assert torch.allclose(subject.logits(batch), expected, atol=1e-5)
        axis = 1 if layer.kind == "spatial" else -1
        output = activations(subject, (layer.name,), batch)[layer.name]
        channels = torch.tensor(sorted({component % layer.n_channels for component in components}))
        assert not output.index_select(axis, channels).any()
        assert output.any()
    else:
        assert all(torch.equal(value, before[name]) for name, value in subject.module.state_dict().items())
    return done


@pytest.mark.parametrize(
    ("factory", "layer", "components"),
    [
        ("vgg", "1", [0, 3]),  # convolution, ReLU in place
        ("vgg", "2", [0, 3]),  # behind pooling
        ("vgg", "5", [2, 7]),  # convolution, batch norm, ReLU
        ("vgg", "4", [1, 9]),  # the batch norm itself: both sides of channel 1
        ("vgg", "3", [1, 9]),  # the convolution in front of a batch norm
        ("vgg", "9", [0, 1, 2, 4, 5]),  # linear, ReLU
        ("plain", "2", [5]),  # a functional ReLU
        ("gelu", "2", [1, 7]),  # both sides of a channel that is not rectified
    ],
)
def test_folded_equals_hooked(load, factory, layer, components):
    assert folded(load(factory, layer), components)


@pytest.mark.parametrize(
    ("factory", "layer", "components"),
    [
        ("residual", "2", [0]),  # a sum of two paths, then a ReLU
        ("around", "2.relu", [0, 1, 2]),  # the weights feed a second path
        ("gelu", "2", [1]),  # one side of a channel
        ("bare_norm", "2", [0, 1]),  # zero weights become a shift
    ],
)
def test_what_weights_cannot_do_is_left_alone(load, factory, layer, components):
    assert not folded(load(factory, layer), components)


@pytest.mark.parametrize(
    ("architecture", "layer", "foldable"),
    [
        ("torchvision:mobilenet_v2", "auto", True),
        ("torchvision:vgg11_bn", "auto", True),
        ("torchvision:resnet18", "auto", False),
        ("torchvision:squeezenet1_1", "auto", False),
        ("timm:resnet10t", "act1", True),
        ("timm:mobilenetv3_small_100", "auto", True),
    ],
)
def test_published_architectures(load, architecture, layer, foldable):
    torch.manual_seed(0)
    subject = load(architecture, layer, side=64)
    generator = torch.Generator().manual_seed(3)
    for part in subject.module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):  # an untrained norm has no bias that folding could miss
            part.bias.data.uniform_(0, 1, generator=generator)
    (found,) = subject.layers
    assert found.n_channels > 8
    channels = range(found.n_channels // 2)
    sides = [channel + side * found.n_channels for side in range(found.n_sides) for channel in channels]
    assert folded(subject, sides) is foldable


def test_whole_channels():
    both = LayerInfo("x", 4, "spatial", rectified=False)
    assert whole_channels(both, [1, 5, 0, 4]) == [0, 1]
    assert whole_channels(both, [1, 5, 0]) is None
    assert whole_channels(LayerInfo("x", 4, "spatial", rectified=True), [3, 1]) == [1, 3]
