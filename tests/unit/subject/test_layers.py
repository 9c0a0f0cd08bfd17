import warnings

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import VisionTransformer

from auditlens.errors import LayerError
from auditlens.subject.architectures import build
from auditlens.subject.layers import LayerInfo, choose_layers, pool, recording
from auditlens.subject.trace import trace


def found(module: nn.Module, size: int = 64, layers="auto") -> tuple[LayerInfo, ...]:
    module = module.eval()
    return choose_layers(trace(module, torch.rand(2, 3, size, size)), module, layers)


@pytest.mark.parametrize(
    ("architecture", "expected"),
    [
        ("torchvision:resnet18", LayerInfo("layer4.1", 512, "spatial", True)),
        ("torchvision:squeezenet1_1", LayerInfo("features.12", 512, "spatial", True)),
        ("torchvision:mobilenet_v2", LayerInfo("features.18.2", 1280, "spatial", True)),
        ("torchvision:shufflenet_v2_x0_5", LayerInfo("conv5.2", 1024, "spatial", True)),
        ("timm:resnet10t", LayerInfo("layer4.0.act2", 512, "spatial", True)),
        ("timm:convnext_atto", LayerInfo("stages.3.blocks.1", 320, "spatial", False)),
        ("timm:efficientnet_lite0", LayerInfo("bn2.act", 1280, "spatial", True)),
    ],
)
def test_auto_layer(architecture, expected):
    assert found(build(architecture, {}, 7, None)) == (expected,)


@pytest.mark.long
@pytest.mark.parametrize(
    ("architecture", "size", "arguments", "expected"),
    [
        ("torchvision:resnet50", 64, {}, LayerInfo("layer4.2", 2048, "spatial", True)),
        ("torchvision:vgg11_bn", 64, {}, LayerInfo("features.27", 512, "spatial", True)),
        ("torchvision:densenet121", 64, {}, LayerInfo("features.relu5", 1024, "spatial", True)),
        ("torchvision:convnext_tiny", 64, {}, LayerInfo("features.7.2", 768, "spatial", False)),
        ("torchvision:vit_b_16", 32, {"image_size": 32}, LayerInfo("encoder.ln", 768, "token", False)),
        ("torchvision:swin_t", 64, {}, LayerInfo("permute", 768, "spatial", False)),
        ("torchvision:googlenet", 64, {"init_weights": False}, LayerInfo("inception5b", 1024, "spatial", True)),
        ("timm:densenet121", 64, {}, LayerInfo("features.norm5.act", 1024, "spatial", True)),
        ("timm:vit_tiny_patch16_224", 32, {"img_size": 32}, LayerInfo("norm", 192, "token", False)),
        ("timm:swin_tiny_patch4_window7_224", 224, {}, LayerInfo("norm", 768, "token", False)),
    ],
)
def test_auto_layer_of_larger_networks(architecture, size, arguments, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # third-party notices on building
        module = build(architecture, arguments, 7, None)
    assert found(module, size) == (expected,)


def test_auto_layer_of_a_vision_transformer():
    module = VisionTransformer(32, 16, num_layers=2, num_heads=2, hidden_dim=24, mlp_dim=32, num_classes=3)
    assert found(module, 32) == (LayerInfo("encoder.ln", 24, "token", False),)


class ChannelsLast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 12, 4, stride=4)
        self.norm = nn.LayerNorm(12)
        self.head = nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.conv(x).permute(0, 2, 3, 1)).mean((1, 2)))


def test_components_on_the_last_axis_are_tokens():
    (layer,) = found(ChannelsLast(), 32)
    assert layer == LayerInfo("norm", 12, "token", False)
    with recording(module := ChannelsLast(), ["norm"]) as recorded:
        module(torch.rand(2, 3, 32, 32))
    assert pool(recorded["norm"], "mean", "token").shape == (2, 12)


class Shared(nn.Module):
    """One ReLU for two convolutions, an in-place sum, then max pooling, dropout, a map of class scores."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.ModuleDict({"a": nn.Conv2d(3, 6, 3, padding=1), "b": nn.Conv2d(6, 6, 3, padding=1)})
        self.relu = nn.ReLU(inplace=True)
        self.stage = nn.Sequential(nn.Conv2d(6, 6, 1), nn.ReLU(inplace=True), nn.MaxPool2d(2))
        self.drop = nn.Dropout()
        self.scores = nn.Conv2d(6, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.block["a"](x))
        x = self.relu(self.block["b"](x))
        return self.scores(self.drop(self.stage(x))).mean((2, 3))


def test_pooled_maps_dropout_and_class_scores_are_passed_over():
    assert found(Shared(), 16) == (LayerInfo("stage.1", 6, "spatial", True),)


def test_no_layer_to_find():
    module = nn.Sequential(nn.Flatten(), nn.Linear(48, 5), nn.ReLU(), nn.Linear(5, 2))
    with pytest.raises(LayerError, match=r"no spatial or token layer.*model\.layers"):
        found(module, 4)
    assert found(module, 4, ("2",)) == (LayerInfo("2", 5, "flat", True),)


def test_inner_layers_of_swin_have_their_components_last():
    """Their maps are (batch, height, width, components), and the classifier's width says nothing of them."""
    import timm
    import torchvision

    module = timm.create_model("swin_tiny_patch4_window7_224", num_classes=2, img_size=64, window_size=2).eval()
    layers = found(module, 64, ("patch_embed", "layers.0.blocks.0", "layers.1", "layers.2"))
    assert [(layer.n_channels, layer.kind) for layer in layers] == [(n, "token") for n in (96, 96, 192, 384)]
    module = torchvision.models.swin_t(num_classes=2).eval()
    layers = found(module, 64, ("features.0", "features.1.0", "features.3", "features.5"))
    assert [(layer.n_channels, layer.kind) for layer in layers] == [(n, "token") for n in (96, 96, 192, 384)]


def test_inner_layers_of_convnext_have_their_components_second():
    import timm
    import torchvision

    layers = found(timm.create_model("convnext_atto", num_classes=2).eval(), 64, ("stem", "stages.1", "stages.2"))
    assert [(layer.n_channels, layer.kind) for layer in layers] == [(n, "spatial") for n in (40, 80, 160)]
    layers = found(torchvision.models.convnext_tiny(num_classes=2).eval(), 64, ("features.1", "features.3.0"))
    assert [(layer.n_channels, layer.kind) for layer in layers] == [(n, "spatial") for n in (96, 192)]


def test_layers_by_name():
    module = Shared()
    layers = found(module, 16, ("block.a", "scores", "block.a"))
    assert layers == (LayerInfo("block.a", 6, "spatial", False), LayerInfo("scores", 4, "spatial", False))
    with pytest.raises(LayerError, match=r"no layer 'stages\.1'; valid are .*stage.*; did you mean 'stage\.1'"):
        found(module, 16, ("stages.1",))
    with pytest.raises(LayerError, match="'block' returned no tensor"):
        found(module, 16, ("block",))


@pytest.mark.parametrize("shape", [(2, 5, 3, 4), (2, 7, 5), (2, 5)])
@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_pool_from_its_definition(shape, pooling):
    activation = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    pooled = pool(activation, pooling)
    assert pooled.shape == (2, 5)
    rows = (
        activation.flatten(2)
        if len(shape) == 4
        else activation.movedim(1, -1)
        if len(shape) == 3
        else activation[..., None]
    )
    expected = rows.mean(-1) if pooling == "mean" else rows.max(-1).values
    torch.testing.assert_close(pooled, expected)


class InPlace(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu_(self.norm(self.conv(x))).mean((2, 3))


def test_recorded_values_survive_in_place_operations_and_change_nothing():
    module = InPlace().eval()
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    before = module(x)
    with recording(module, ["norm"]) as recorded:
        assert torch.equal(module(x), before)
    assert recorded["norm"].min() < 0
    torch.testing.assert_close(recorded["norm"].relu().mean((2, 3)), before)


def test_gradients_reach_what_was_recorded():
    module = InPlace().eval().requires_grad_(False)
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    with recording(module, ["norm"]) as recorded:
        out = module(x)
    (gradient,) = torch.autograd.grad(out.sum(), recorded["norm"])
    torch.testing.assert_close(gradient, (recorded["norm"] > 0).float() / 36)


def test_hooks_are_gone_afterwards():
    module = InPlace()
    with pytest.raises(RuntimeError, match="stop"), recording(module, ["norm", "conv"]):
        raise RuntimeError("stop")
    trace(module.eval(), torch.rand(2, 3, 8, 8))
    assert not any(part._forward_hooks for part in module.modules())
