import json
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from auditlens.errors import IntegrityError, ModelError
from auditlens.spec.model import Preprocessing
from auditlens.spec.paths import is_hub_id
from auditlens.store.folders import file_sha256
from auditlens.subject import load_subject
from auditlens.subject.huggingface import find_folder
from auditlens.subject.preprocessing import Declared
from auditlens.subject.processors import read_processor

from .conftest import model

transformers = pytest.importorskip("transformers", reason="needs the extra `huggingface`")
CLASSES = ("benign", "melanoma", "scar")
NETWORKS = {
    "ViT": {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "image_size": 32,
        "patch_size": 8,
    },
    "ResNet": {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"},
    "ConvNext": {"hidden_sizes": [8, 8, 8, 16], "depths": [1, 1, 1, 1]},
    "Swin": {
        "embed_dim": 8,
        "depths": [1, 1],
        "num_heads": [1, 1],
        "window_size": 2,
        "image_size": 32,
        "patch_size": 4,
    },
}
DECLARED = Preprocessing(resize=(32, 32))


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture
def folder(tmp_path):
    def make(kind="ViT", processor=None, **fields):
        torch.manual_seed(0)
        names = dict(enumerate(fields.pop("names", CLASSES)))
        config = getattr(transformers, f"{kind}Config")(**NETWORKS[kind], id2label=names, **fields)
        network = transformers.AutoModelForImageClassification.from_config(config).eval()
        transformers.utils.logging.disable_progress_bar()
        network.save_pretrained(tmp_path / "net")
        if processor is not None:
            (tmp_path / "net" / "preprocessor_config.json").write_text(json.dumps(processor))
        return network

    return make


def described(**changes):
    given = {"architecture": "huggingface:net", "import_path": None, "classes": CLASSES, "preprocessing": DECLARED}
    return model(**{**given, **changes})


@pytest.mark.parametrize(
    ("kind", "layer", "shape"),
    [
        ("ViT", "network.vit.layernorm", ("token", 16, 2)),
        ("ResNet", "network.resnet.encoder.stages.1.layers.0.activation", ("spatial", 16, 1)),
        ("ConvNext", "network.convnext.encoder.stages.3.layers.0", ("spatial", 16, 2)),
        ("Swin", "network.swin.layernorm", ("token", 16, 2)),
    ],
)
def test_a_folder_is_audited_like_any_model(tmp_path, folder, kind, layer, shape):
    network = folder(kind)
    side = 64 if kind == "ConvNext" else 32  # its last maps must have more than one position
    subject = load_subject(described(preprocessing=Preprocessing(resize=(side, side))), tmp_path)
    batch = torch.rand(2, 3, side, side)
    with torch.no_grad():
        torch.testing.assert_close(subject.logits(batch), network(pixel_values=batch).logits, atol=1e-5, rtol=1e-4)
    (found,) = subject.layers
    assert (found.kind, found.n_channels, found.n_sides) == shape
    assert found.name == layer
    assert subject.architecture == "huggingface:net"
    assert not subject.random_weights
    assert subject.weights_sha256 == file_sha256(tmp_path / "net" / "model.safetensors")


def test_weights_are_checked(tmp_path, folder):
    folder()
    sha256 = file_sha256(tmp_path / "net" / "model.safetensors")
    assert load_subject(described(sha256=sha256), tmp_path).weights_sha256 == sha256
    with pytest.raises(IntegrityError, match=f"have SHA-256 {sha256}, the spec expects 000"):
        load_subject(described(sha256="0" * 64), tmp_path)
    with pytest.raises(ModelError, match=r"`model\.weights` does not go with `huggingface:`"):
        load_subject(described(weights="other.safetensors"), tmp_path)
    (tmp_path / "net" / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="holds no safetensors file"):
        load_subject(described(), tmp_path)


def test_weights_that_do_not_fit_are_no_random_head(tmp_path, folder):
    folder()
    path = tmp_path / "net" / "config.json"
    said = json.loads(path.read_text())
    said["id2label"], said["label2id"] = {0: "a", 1: "b"}, {"a": 0, "b": 1}
    path.write_text(json.dumps(said))
    with pytest.raises(ModelError, match="no image classifier that can be loaded"):
        load_subject(described(classes=("a", "b")), tmp_path)


@pytest.mark.parametrize(
    ("fields", "changes", "words"),
    [
        ({}, {"classes": ("benign", "melanoma")}, "3 outputs, but the spec names 2"),
        ({}, {"classes": ("melanoma", "benign", "scar")}, "in another order; it is benign, melanoma, scar"),
        ({"problem_type": "multi_label_classification"}, {}, "declare `output: multi_label`"),
        ({"problem_type": "single_label_classification"}, {"output": "multi_label"}, "declare `output: logits`"),
        ({}, {"arguments": {"depth": 3}}, "has no field depth"),
        ({}, {"architecture": "huggingface:absent"}, r"holds no config\.json.*ORG/NAME@REVISION"),
        ({}, {"preprocessing": Preprocessing(resize=(64, 64))}, "does not run on an input of 3 x 64 x 64"),
    ],
)
def test_what_does_not_fit_is_said(tmp_path, folder, fields, changes, words):
    folder(**fields)
    with pytest.raises(ModelError, match=words):
        load_subject(described(**changes), tmp_path)


@pytest.mark.parametrize("arguments", [{}, {"trust_remote_code": True}])
def test_code_in_the_folder_does_not_run(tmp_path, folder, arguments, monkeypatch):
    """Nor does anybody ask on the terminal whether it may."""
    folder()
    monkeypatch.chdir(tmp_path)
    config = json.loads((tmp_path / "net" / "config.json").read_text())
    own = {"AutoConfig": "own.Own", "AutoModelForImageClassification": "own.Net"}
    (tmp_path / "net" / "config.json").write_text(json.dumps(config | {"auto_map": own, "model_type": "own"}))
    (tmp_path / "net" / "own.py").write_text("from pathlib import Path\nPath('it_ran').touch()\n")
    with pytest.raises(ModelError, match="no image classifier that can be loaded"):
        load_subject(described(arguments=arguments), tmp_path)
    assert not list(tmp_path.rglob("it_ran"))


def test_the_hub_is_asked_only_for_a_name_with_a_revision(tmp_path):
    assert is_hub_id("google/vit-base-patch16-224@main")
    assert not is_hub_id("google/vit-base-patch16-224")
    with pytest.raises(ModelError, match="the hub does not give nobody/nothing@v1"):
        find_folder("huggingface:nobody/nothing@v1", tmp_path)
    assert find_folder("timm:resnet18", tmp_path) is None


def test_without_the_package_the_extra_is_named(tmp_path, folder, monkeypatch):
    folder()
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ModelError, match=r"auditlens\[huggingface\]"):
        load_subject(described(), tmp_path)


VIT = {"image_processor_type": "ViTImageProcessor", "size": {"height": 30, "width": 40}, "resample": 2}
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
DEIT = {
    "image_processor_type": "DeiTImageProcessor",
    "size": {"height": 40, "width": 40},
    "do_center_crop": True,
    "crop_size": {"height": 32, "width": 32},
    "resample": 3,
}
CONVNEXT = {
    "image_processor_type": "ConvNextImageProcessor",
    "size": {"shortest_edge": 32},
    "crop_pct": 0.8,
    "resample": 3,
}
BIT = {
    "image_processor_type": "BitImageProcessor",
    "size": {"shortest_edge": 40},
    "do_center_crop": True,
    "crop_size": {"height": 33, "width": 33},
    "resample": 3,
}


@pytest.mark.parametrize("said", [VIT, DEIT, CONVNEXT, BIT], ids=lambda said: said["image_processor_type"])
@pytest.mark.parametrize("size", [(97, 61), (50, 80)])
def test_preprocessing_is_what_the_package_does(tmp_path, said, size):
    """Against the package's own Pillow processors; one grey level of rounding is left to them."""
    said = said | IMAGENET
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(said))
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    name = said["image_processor_type"]
    kind = getattr(transformers, name + "Pil", None) or getattr(transformers, name)
    fields = {key: value for key, value in said.items() if key != "image_processor_type"}
    there = kind(**fields)(Image.fromarray(pixels), return_tensors="pt")["pixel_values"][0]
    here = Declared(read_processor(tmp_path), cuts_down=True)(pixels)
    assert here.shape == there.shape
    assert (here - there).abs().max() <= 1.01 / 255 / 0.224


def test_the_folder_s_preprocessing_is_used_where_the_spec_declares_none(tmp_path, folder):
    folder(processor=VIT | IMAGENET | {"size": {"height": 32, "width": 32}})
    silent = described().model_dump(exclude={"preprocessing"})
    subject = load_subject(type(described())(**silent), tmp_path)
    assert "resized to 32 x 32 pixels (bilinear)" in subject.preprocessing
    assert "0.485" in subject.preprocessing
    assert "0.485" not in load_subject(described(), tmp_path).preprocessing


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image_processor_type": "EfficientNetImageProcessor"}, "none of those known"),
        ({"do_flip_channel_order": True}, "do_flip_channel_order, which the spec cannot declare"),
        ({"size": {"shortest_edge": 32}}, "images keep different shapes"),
        ({"image_mean": None}, "cannot be read as preprocessing"),
        ({"do_center_crop": True, "crop_size": {"height": 3, "width": 4}}, "square cuts only"),
    ],
)
def test_preprocessing_that_cannot_be_declared_is_refused(tmp_path, change, words):
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(VIT | IMAGENET | change))
    with pytest.raises(ModelError, match=words):
        read_processor(tmp_path)


def test_a_folder_without_preprocessing(tmp_path):
    with pytest.raises(ModelError, match=r"holds no preprocessor_config\.json.*declare"):
        read_processor(tmp_path)
