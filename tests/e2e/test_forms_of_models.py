"""Whole audits of what is not usual: several labels, several layers, grey images of 16 bits, transformers."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from auditlens import api
from tests.e2e.project import Project

GREY = """
import torch
from torch import nn


def build():
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    )
    nn.init.constant_(network[0].weight, 1 / 9)
    nn.init.zeros_(network[0].bias)
    network[4].weight.data = torch.stack([-torch.ones(4), torch.ones(4)]) * 5
    network[4].bias.data = torch.tensor([9.0, -9.0])
    return network
"""


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "project")


def audited(project):
    """The record of an audit, and its findings."""
    options = {"store": project.store, "device": "cpu", "threads": 1, "batch_size": 4, "reports": False}
    api.audit(project.spec, out=project.out, allow_code=True, **options)
    return json.loads(project.record())


def test_several_labels_and_several_layers(project):
    alarm = project.document["gates"]["alarm"]
    project.change(
        {
            "model": {"output": "multi_label", "layers": ["auto", "?"]},
            "gates": {"alarm": alarm | {"direction": "other_to_melanoma"}},
            "decision": None,
            "classes": {"melanoma": {}},
        }
    )
    record = audited(project)
    planned = record["plan"]["model"]
    assert planned["layers"] == ["0", "1"]
    assert planned["threshold"] == 0.5
    assert record["findings"]["performance"]["confusion"].keys() == {"melanoma", "other"}
    (artefact,) = record["findings"]["artefacts"]
    assert {flip["to_class"] for flip in artefact["flips"]} == {"melanoma", "other"}
    assert {row["layer"] for row in record["findings"]["components"]} == {"0", "1"}


def test_one_class_to_another_is_refused_where_both_may_hold(project):
    project.change({"model": {"output": "multi_label"}})
    assert "write benign_to_other or other_to_melanoma" in project.told()


def test_grey_images_of_sixteen_bits(project):
    (project.folder / "tiny_network.py").write_text(GREY)
    for path in (project.folder / "images").rglob("*.png"):
        values = np.asarray(Image.open(path).convert("L"), dtype=np.uint16) * 16
        Image.fromarray(values).save(path)
    project.change({"model": {"weights": None, "preprocessing": {"channels": 1}}})
    assert "16-bit values" in (told := project.told())
    assert "write `data.window`" in told
    project.change({"data": {"window": [0, 4095]}})
    record = audited(project)
    assert "turned to grey" in record["plan"]["model"]["preprocessing"]
    said = [method["value"] for method in record["plan"]["methods"] if method["name"] == "data"]
    assert any("mapped linearly from 0..4095 to 0..255" in text for text in said)
    assert record["findings"]["performance"]["sensitivity"]["value"] == 1.0


def test_a_transformers_folder(project, monkeypatch):
    transformers = pytest.importorskip("transformers", reason="needs the extra `huggingface`")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=32,
        patch_size=8,
        id2label={0: "benign", 1: "melanoma"},
    )
    transformers.ViTForImageClassification(config).save_pretrained(project.folder / "vit")
    processor = {"image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 32}}
    said = processor | {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (project.folder / "vit" / "preprocessor_config.json").write_text(json.dumps(said))
    project.change({"model": {"architecture": "huggingface:vit", "weights": None, "layers": ["auto"]}})
    record = audited(project)
    assert record["plan"]["model"]["layers"] == ["network.vit.layernorm"]
    assert "resized to 32 x 32" in record["plan"]["model"]["preprocessing"]
    assert record["plan"]["model"]["weights_sha256"] is not None
    assert record["findings"]["artefacts"][0]["n_images"] == 30
