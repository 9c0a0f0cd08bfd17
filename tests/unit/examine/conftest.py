"""A small audited model and generated images on disk, with known shapes."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from auditlens.data.sample import DataIndex, Sample
from auditlens.errors import Location
from auditlens.subject import LayerInfo
from auditlens.subject.outputs import to_logits


def layer_info(name, n_channels, kind="spatial", rectified=True):
    return LayerInfo(name, n_channels, kind, rectified)


@dataclass(frozen=True)
class FakeSubject:
    """The shape of `auditlens.subject.Subject` that this room uses."""

    module: nn.Module
    layers: tuple
    size: int = 32
    output: str = "logits"

    device = torch.device("cpu")

    def prepare(self, image):
        resized = Image.fromarray(image).resize((self.size, self.size), Image.Resampling.BILINEAR)
        return torch.from_numpy(np.array(resized)).permute(2, 0, 1).float() / 127.5 - 1

    def logits(self, batch):
        return to_logits(self.module(batch), self.output)


def small_cnn(seed=0, n_classes=3):
    torch.manual_seed(seed)
    module = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 6, 3, stride=2, padding=1),
            norm1=nn.BatchNorm2d(6, eps=1e-3),
            relu1=nn.ReLU(inplace=True),
            conv2=nn.Conv2d(6, 8, 3, padding=1),
            relu2=nn.ReLU(inplace=True),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            head=nn.Linear(8, n_classes),
        )
    )
    nn.init.uniform_(module.norm1.running_mean, -0.2, 0.2)
    nn.init.uniform_(module.norm1.running_var, 0.5, 1.5)
    return module.eval().requires_grad_(False)


LAYERS = (layer_info("conv2", 8, rectified=False), layer_info("relu2", 8), layer_info("head", 3, "flat", False))


@pytest.fixture
def subject():
    return FakeSubject(small_cnn(), LAYERS)


@pytest.fixture
def make_subject():
    return FakeSubject


@pytest.fixture
def make_layer():
    return layer_info


@pytest.fixture
def make_index(tmp_path):
    """Write images and index them; an array given twice is the same image under another id."""

    def make(arrays):
        samples = []
        for number, array in enumerate(arrays):
            path = tmp_path / f"{number:03d}.png"
            Image.fromarray(array).save(path)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            samples.append(Sample(path.name, path, number % 2, path.name, None, {}, digest, Location(str(path))))
        return DataIndex(tuple(samples), ("a", "b"), "generated", None, (), (), 0, (), "0" * 64)

    return make


@pytest.fixture
def noise():
    """Images of noise on blobs, so that activations differ."""

    def make(n, seed=0, size=(40, 40)):
        rng = np.random.default_rng(seed)
        coarse = rng.integers(0, 256, (n, 5, 5, 3), dtype=np.uint8)
        return [np.asarray(Image.fromarray(tile).resize(size[::-1], Image.Resampling.BICUBIC)) for tile in coarse]

    return make


@pytest.fixture
def index(make_index, noise):
    return make_index(noise(23))
