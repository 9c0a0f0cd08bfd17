"""Silencing as a whole: several layers at once, by weights where they can and by hooks where they cannot."""

import pytest
import torch
from torch import nn

from auditlens.findings.pruning import Choice
from auditlens.gather.pruning import cut, eager_model, keeps_weights_in_folder, weights_bytes
from auditlens.spec.model import Model, Preprocessing
from auditlens.subject import load_subject

NET = """
import torch
from torch import nn
from torch.nn import functional

class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
    def forward(self, x):
        return functional.relu(self.conv(x) + x)

def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), Block(6), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 2))
"""  # noqa: E501


@pytest.fixture
def load(tmp_path):
    (tmp_path / "net_to_cut.py").write_text(NET)

    def loaded(**more):
        fields = {"layers": ("1", "2"), "preprocessing": Preprocessing(resize=12), "classes": ("a", "b")} | more
        model = Model(architecture="python:net_to_cut:net", import_path=".", **fields)
        return load_subject(model, tmp_path)

    return loaded


def choose(*ids):
    return [Choice(name, name.partition(":")[0], int(name.partition(":")[2]), ()) for name in ids]


def batch():
    return torch.rand(4, 3, 12, 12, generator=torch.Generator().manual_seed(2))


@torch.no_grad()
def test_each_layer_by_what_can_do_it(load, tmp_path):
    subject = load()
    made = cut(subject, choose("1:0", "1:4", "2:3"), batch())
    assert made.folded == {"1"}
    assert made.file_gap is None
    assert not torch.allclose(made.plain, made.expected, atol=1e-3)
    (tmp_path / "pruned.safetensors").write_bytes(weights_bytes(subject))
    written = load(weights="pruned.safetensors", silenced=("1:0", "1:4", "2:3"))
    assert torch.allclose(written.logits(batch()), made.expected, atol=1e-5)
    without = load(weights="pruned.safetensors")
    assert not torch.allclose(without.logits(batch()), made.expected, atol=1e-4), "the hook is needed"


@torch.no_grad()
def test_the_file_alone_where_weights_do_it_all(load, tmp_path):
    subject = load()
    made = cut(subject, choose("1:0", "1:4"), batch())
    assert made.file_gap <= 1e-5
    (tmp_path / "pruned.safetensors").write_bytes(weights_bytes(subject))
    assert torch.allclose(load(weights="pruned.safetensors").logits(batch()), made.expected, atol=1e-5)


@torch.no_grad()
def test_what_was_silenced_before_stays_so(load):
    subject = load(silenced=("2:1",))
    made = cut(subject, choose("1:0"), batch())
    both = load(silenced=("2:1", "1:0"))
    assert torch.allclose(made.expected, both.logits(batch()), atol=1e-6)
    assert made.file_gap is None, "the file alone lacks the earlier hook"


def test_tied_weights_can_be_written(load, tmp_path):
    subject = load()
    subject.module.add_module("again", nn.Conv2d(3, 6, 3))
    subject.module.again.weight = subject.module[0].weight
    assert len(weights_bytes(subject)) > 0


def test_only_the_twin_is_loaded():
    model = Model(architecture="timm:resnet10t", classes=("a", "b"), released={"file": "net.onnx"})
    assert eager_model(model).released is None
    assert not keeps_weights_in_folder(model)
    assert keeps_weights_in_folder(Model(architecture="huggingface:folder", classes=("a", "b")))
