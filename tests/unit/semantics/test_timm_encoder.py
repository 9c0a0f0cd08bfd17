"""An encoder without words: a tiny DINOv2 with random weights, which proves the plumbing and nothing else."""

import hashlib

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from pydantic import ValidationError
from safetensors.torch import save_file
from timm.data import create_transform, resolve_model_data_config

from auditlens.errors import FoundationError, IntegrityError
from auditlens.semantics.foundation import BUILDERS, load_foundation
from auditlens.spec.model import Foundation

VIT, CNN = "test_vit", "test_resnet"


def _module(name, seed=0, **options):
    torch.manual_seed(seed)
    return timm.create_model(name, pretrained=False, **options).eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("timm")
    for name in (VIT, CNN):
        save_file(_module(name).state_dict(), path / f"{name}.safetensors")
    return path


def load(folder, name=VIT, **options):
    return load_foundation(Foundation(model=f"timm:{name}", pretrained=f"{name}.safetensors", **options), folder)


def _images(n):
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (60 + 7 * i, 90, 3), dtype=np.uint8) for i in range(n)]


@pytest.mark.parametrize("name", [VIT, CNN])
def test_the_vectors_are_the_pooled_features_of_timm(folder, name):
    encoder = load(folder, name)
    images = _images(3)
    module = _module(name)
    transform = create_transform(**resolve_model_data_config(module), is_training=False)
    with torch.no_grad():
        batch = torch.stack([transform(Image.fromarray(image)) for image in images])
        expected = module.forward_head(module.forward_features(batch), pre_logits=True).numpy()
    found = encoder.embed_images(images, 2)
    assert found.shape == (3, encoder.dimension) and found.dtype == np.float32
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-5)
    assert encoder.embed_images([], 2).shape == (0, encoder.dimension)


def test_it_reads_no_text(folder):
    encoder = load(folder)
    assert not encoder.reads_text
    with pytest.raises(FoundationError, match="reads no text"):
        encoder.embed_texts(["ruler"])


def test_weights_are_checked_by_hash_and_by_every_name(folder, tmp_path):
    digest = hashlib.sha256((folder / f"{VIT}.safetensors").read_bytes()).hexdigest()
    assert load(folder, sha256=digest).sha256 == digest
    with pytest.raises(IntegrityError, match=digest):
        load(folder, sha256="0" * 64)
    whole = _module(VIT).state_dict()
    for change in ("missing", "unknown", "shape"):
        state = dict(whole)
        if change == "missing":
            del state["blocks.0.attn.qkv.weight"]
        elif change == "unknown":
            state["blocks.99.x"] = torch.zeros(2)
        else:
            state["norm.weight"] = torch.zeros(3)
        save_file(state, tmp_path / f"{VIT}.safetensors")
        with pytest.raises(FoundationError, match="does not fit timm:test_vit"):
            load(tmp_path)


def test_another_image_size_resamples_the_position_embeddings(folder):
    own, larger = load(folder), load(folder, image_size=192)
    assert (own.settings, larger.settings) == ("", "192")
    image = _images(1)
    assert own._transform(Image.fromarray(image[0])).shape == (3, 160, 160)
    assert larger._transform(Image.fromarray(image[0])).shape == (3, 192, 192)
    assert not np.allclose(own.embed_images(image, 1), larger.embed_images(image, 1), atol=1e-3)


def test_weights_in_the_names_of_the_original_release_are_converted(tmp_path):
    """Facebook's DINOv2 files have a mask token and call the pieces otherwise; timm's own conversion is applied."""
    torch.manual_seed(0)
    module = timm.create_model("vit_small_patch14_dinov2", pretrained=False, num_classes=0, img_size=28, depth=1)
    state = {name: value.clone() for name, value in module.state_dict().items()}
    original = {**state, "mask_token": torch.zeros(1, 384)}
    torch.save(original, tmp_path / "dino.pth")
    from auditlens.semantics.timm_encoder import _load

    again = timm.create_model("vit_small_patch14_dinov2", pretrained=False, num_classes=0, img_size=28, depth=1)
    _load(again, tmp_path / "dino.pth", "timm:dino")
    for name, value in again.state_dict().items():
        torch.testing.assert_close(value, state[name])


@pytest.mark.parametrize(
    ("model", "file", "match"),
    [
        ("timm:test_vti", "test_vit.safetensors", "did you mean 'test_vit"),
        ("timm:test_vit", "nowhere.safetensors", "does not exist"),
        ("timm:test_vit", "test_resnet.safetensors", "does not fit"),
    ],
)
def test_what_cannot_be_loaded_is_said(folder, model, file, match):
    with pytest.raises(FoundationError, match=match):
        load_foundation(Foundation(model=model, pretrained=file), folder)


def test_broken_weights_are_said(tmp_path):
    (tmp_path / f"{VIT}.safetensors").write_bytes(b"not weights")
    with pytest.raises(FoundationError, match="cannot be loaded"):
        load(tmp_path)


def test_the_spec_asks_for_the_file_and_keeps_the_size_to_timm():
    with pytest.raises(ValidationError, match="needs pretrained"):
        Foundation(model="timm:test_vit")
    with pytest.raises(ValidationError, match="image_size is for timm"):
        Foundation(model="ViT-B-32", pretrained="x", image_size=224)


def test_building_leaves_the_random_numbers_alone(folder):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    load(folder)
    torch.testing.assert_close(torch.rand(3), expected)


def test_there_is_a_builder_for_each_kind():
    assert set(BUILDERS) == {"open_clip", "timm"}
