import pytest
import torch
from torch.nn.functional import relu

from auditlens.errors import ModelError
from auditlens.spec.model import Preprocessing
from auditlens.subject import load_subject
from auditlens.subject.architectures import build
from auditlens.subject.fitting import arguments_for, sentences
from auditlens.subject.model import gives_one_shape, preparation

from .conftest import model, save


@pytest.mark.parametrize(
    ("architecture", "shape", "expected"),
    [
        ("timm:vit_tiny_patch16_224", (3, 224, 224), {}),
        ("timm:vit_tiny_patch16_224", (3, 64, 96), {"img_size": (64, 96)}),
        ("timm:swin_tiny_patch4_window7_224", (3, 256, 256), {"img_size": (256, 256)}),
        ("timm:resnet18", (3, 64, 64), {}),
        ("timm:resnet18", (1, 64, 64), {"in_chans": 1}),
        ("torchvision:vit_b_16", (3, 224, 224), {}),
        ("torchvision:vit_b_16", (3, 64, 64), {"image_size": 64}),
        ("torchvision:swin_t", (3, 256, 128), {}),
        ("python:nets:build", (1, 64, 64), {}),
    ],
)
def test_arguments_follow_from_the_images(architecture, shape, expected):
    assert arguments_for(architecture, {}, shape) == expected


def test_what_the_spec_says_is_kept():
    assert arguments_for("timm:vit_tiny_patch16_224", {"img_size": 32}, (1, 64, 64)) == {"in_chans": 1}


@pytest.mark.parametrize(
    ("architecture", "shape", "words"),
    [
        ("torchvision:vit_b_16", (3, 64, 96), r"takes square images; the preprocessing gives 96 x 64.*resize"),
        ("torchvision:resnet18", (1, 64, 64), r"takes RGB images; the preprocessing gives 1 channel.*timm"),
    ],
)
def test_what_an_architecture_cannot_take_is_said(architecture, shape, words):
    with pytest.raises(ModelError, match=words):
        arguments_for(architecture, {}, shape)


def test_sentences_for_the_plan():
    assert sentences({"img_size": (64, 96)}, (3, 64, 96)) == (
        "img_size 64 x 96 is passed to the architecture, since the preprocessing gives images of 3 x 64 x 96",
    )


def test_a_transformer_takes_the_size_of_the_preprocessing(base):
    changes = {"architecture": "timm:vit_tiny_patch16_224", "import_path": None}
    subject = load_subject(model(**changes, preprocessing=Preprocessing(resize=32)), base)
    assert subject.input_shape == (3, 32, 32)
    assert subject.notes[0].startswith("img_size 32 x 32")
    assert subject.logits(torch.rand(1, 3, 32, 32)).shape == (1, 2)
    save(subject.module, base / "small.safetensors")
    with pytest.raises(ModelError, match=r"pos_embed is .*trained on images of another size.*img_size"):
        load_subject(model(**changes, weights="small.safetensors", preprocessing=Preprocessing(resize=48)), base)


def test_nothing_is_derived_where_the_size_is_the_images_own():
    """Then the trial image's size says nothing of the data's."""
    assert gives_one_shape(preparation(Preprocessing(resize=32), None))
    for free in (Preprocessing(), Preprocessing(mode="centre_square")):
        assert not gives_one_shape(preparation(free, None))


def test_a_relu_that_densenet_applies_as_a_function_is_a_layer_and_changes_nothing():
    module = build("torchvision:densenet121", {}, 3, None).eval()
    x = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = module.features[:-1](x)
        assert before.min() < 0
        expected = module.classifier(relu(before).mean((2, 3)))
        torch.testing.assert_close(module(x), expected)
    assert not any(name.startswith("features.relu5") for name in module.state_dict())


def test_a_grey_model(base):
    grey = Preprocessing(resize=32, channels=1, mean=(0.5,), std=(0.5,))
    subject = load_subject(model(architecture="timm:resnet10t", import_path=None, preprocessing=grey), base)
    assert subject.input_shape == (1, 32, 32)
    assert subject.notes == (
        "in_chans 1 is passed to the architecture, since the preprocessing gives images of 1 x 32 x 32",
    )
    assert subject.logits(torch.rand(2, 1, 32, 32)).shape == (2, 2)
    with pytest.raises(ModelError, match="takes RGB images"):
        load_subject(model(architecture="torchvision:resnet18", import_path=None, preprocessing=grey), base)
