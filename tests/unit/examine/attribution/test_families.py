"""Small members of families of networks, with random weights: rules fit, and outputs stay what they are."""

import warnings

import pytest
import timm
import torch
import torchvision
from torch import nn

from auditlens.examine.attribution.choice import choose

SWIN = {"embed_dim": 12, "depths": (1, 1), "num_heads": (2, 2), "window_size": 4, "img_size": 32, "patch_size": 2}
FAMILIES = {
    "timm vit": lambda: timm.create_model("test_vit", num_classes=3, img_size=32, patch_size=8),
    "timm swin": lambda: timm.models.swin_transformer.SwinTransformer(**SWIN, num_classes=3),
    "timm efficientnet": lambda: timm.create_model("test_efficientnet", num_classes=3),
    "timm convnext": lambda: timm.create_model("test_convnext", num_classes=3),
    "torchvision mobilenet v3": lambda: torchvision.models.mobilenet_v3_small(num_classes=3),
}
BY_LRP = {
    "timm resnet": lambda: timm.create_model("test_resnet", num_classes=3),
    "torchvision mobilenet v2": lambda: torchvision.models.mobilenet_v2(num_classes=3, width_mult=0.25),
}


def made(make_subject, make):
    torch.manual_seed(0)
    module = make()
    for parameter in module.parameters():
        if parameter.ndim > 1 and not parameter.any():
            nn.init.normal_(parameter, 0, 0.1)
    return make_subject(module.eval().requires_grad_(False), ())


@pytest.mark.parametrize("name", FAMILIES)
def test_auto_takes_attnlrp(make_subject, name):
    attributor, _ = choose(made(make_subject, FAMILIES[name]))
    assert attributor.name == "attnlrp" and attributor.gap < 1e-5


@pytest.mark.parametrize("name", BY_LRP)
def test_auto_takes_lrp(make_subject, name):
    attributor, _ = choose(made(make_subject, BY_LRP[name]))
    assert attributor.name == "lrp" and attributor.gap < 1e-4


class Logits(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(pixel_values=x).logits


@pytest.mark.parametrize("name", ["ViT", "Dinov2", "Swin", "ConvNext", "Beit"])
def test_hugging_faces_models_take_attnlrp(make_subject, name):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    wide = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    sizes = {"Swin": {"embed_dim": 12, "depths": [1, 1], "num_heads": [2, 2]}, "ConvNext": {"depths": [1, 1, 1, 1]}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = getattr(transformers, f"{name}Config")(
            **sizes.get(name, wide), image_size=32, patch_size=2 if name in sizes else 8
        )
        model = getattr(transformers, f"{name}ForImageClassification")(config)
    attributor, _ = choose(made(make_subject, lambda: Logits(model)))
    assert attributor.name == "attnlrp" and attributor.gap < 1e-5
