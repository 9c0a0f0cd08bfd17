import pytest
import torch
from torch import nn
from torchvision.models.resnet import BasicBlock, ResNet

from auditlens.errors import LayerError
from auditlens.spec.model import Model
from auditlens.subject.layers import choose_layers
from auditlens.subject.trace import trace


@pytest.fixture(scope="module")
def resnet():
    torch.manual_seed(0)
    module = ResNet(BasicBlock, [2, 1, 1, 2], num_classes=3).eval()
    return trace(module, torch.rand(2, 3, 64, 64)), module


def names(found, layers):
    tried, module = found
    return [layer.name for layer in choose_layers(tried, module, layers)]


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ("layer3", ["layer3"]),
        ("layer*.1", ["layer1.1", "layer4.1"]),
        ("layer4.*", ["layer4.0", "layer4.1"]),
        ("layer[!13]", ["layer2", "layer4"]),
        ("layer[12].0", ["layer1.0", "layer2.0"]),
        ("layer?.0.downsample", ["layer2.0.downsample", "layer3.0.downsample", "layer4.0.downsample"]),
        (("layer4", "layer1", "layer4"), ["layer1", "layer4"]),
        (("auto", "layer2"), ["layer2", "layer4.1"]),
        (("layer4", "auto"), ["layer4"]),
        (("auto", "layer*"), ["layer1", "layer2", "layer3", "layer4.1"]),
        (("layer4.1", "layer4"), ["layer4.1", "layer4"]),
    ],
)
def test_names_globs_and_auto_in_the_order_of_execution(resnet, layers, expected):
    assert names(resnet, layers) == expected


def test_globs_leave_out_pooling_the_classifier_and_equal_values(resnet):
    found = names(resnet, "*")
    assert found == ["conv1", "bn1", "relu", "layer1", "layer2", "layer3", "layer4"]
    deep = names(resnet, "**")
    assert len(deep) == len(set(deep))
    assert {"layer1.0.conv1", "layer2.0.downsample.0"} <= set(deep)
    assert not {"avgpool", "maxpool", "fc"} & set(deep)
    assert not {"layer1.1", "layer1"} <= set(deep)  # one and the same tensor


def test_what_a_later_part_changes_in_place_is_another_layer():
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(inplace=True), nn.Dropout(), nn.Flatten(), nn.Linear(16, 2))
    found = trace(module.eval(), torch.randn(2, 3, 2, 2)), module
    layers = choose_layers(*found, "*")
    assert [(layer.name, layer.rectified) for layer in layers] == [("0", False), ("1", True)]


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ("layr*.1", r"no layer matches 'layr\*\.1'.*did you mean 'layer[14]\.1'"),
        (("layer1", "fc*"), "no layer matches 'fc"),
        ("layer44", "no layer 'layer44'.*did you mean 'layer4'"),
        ("Auto", "no layer 'Auto'"),
    ],
)
def test_what_matches_nothing_is_an_error(resnet, layers, words):
    with pytest.raises(LayerError, match=words):
        names(resnet, layers)


@pytest.mark.parametrize("layers", ["", (), ("layer 4",), "layer4.", "a..b", ("layer[4",), "layer[]"])
def test_what_can_be_no_name_is_refused_before_the_model_is_there(layers):
    with pytest.raises(ValueError, match=r"layer|auto"):
        Model(architecture="torchvision:resnet18", classes=("a", "b"), layers=layers)
