"""Small networks whose arithmetic can be written out, loaded as any audited model is, and images on disk for them."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet
from torchvision.models.squeezenet import Fire
from torchvision.models.vgg import VGG, make_layers

from auditlens.data.sample import DataIndex, Sample
from auditlens.errors import Location
from auditlens.spec.model import Model, Preprocessing
from auditlens.subject import Subject, load_subject

CLASSES = ("a", "b", "c")


def two_convolutions(n_classes: int = 3, seed: int = 0) -> nn.Module:
    """Two convolutions and a linear layer: small enough for loops over pixels."""
    torch.manual_seed(seed)
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 4, 3, stride=2, padding=1),
            relu1=nn.ReLU(inplace=True),
            conv2=nn.Conv2d(4, 5, 3, padding=1),
            relu2=nn.ReLU(inplace=True),
            flatten=nn.Flatten(),
            head=nn.Linear(5 * 16, n_classes),
        )
    )


class Tokens(nn.Module):
    """A class token and patches, without ReLU: components have two sides."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.patch, self.norm, self.head = nn.Conv2d(3, 6, 2, stride=2), nn.LayerNorm(6), nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) -> (B, 3)."""
        tokens = self.patch(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([tokens.mean(1, keepdim=True), tokens], dim=1)
        return self.head(torch.tanh(self.norm(tokens)).mean(1))


def tokens() -> nn.Module:
    """See `Tokens`."""
    return Tokens()


def with_norm() -> nn.Module:
    """Batch norm and dropout: in training mode its outputs would depend on the batch."""
    torch.manual_seed(5)
    parts = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*parts, nn.Dropout(0.5), nn.Linear(4, 3))


class NarrowVgg(VGG):
    """torchvision's forward of a VGG with batch norm, with few channels."""

    def __init__(self) -> None:
        nn.Module.__init__(self)  # VGG's own would first fill a classifier of 120 million weights
        torch.manual_seed(0)
        self.features = make_layers([8, "M", 12, 12, "M"], batch_norm=True)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(nn.Linear(12 * 49, 10), nn.ReLU(True), nn.Dropout(), nn.Linear(10, 3))


def vgg_bn() -> nn.Module:
    """A VGG with batch norm."""
    return _settled(NarrowVgg())


class NarrowResNet(ResNet):
    """torchvision's ResNet with an eighth of the channels, and nothing else changed."""

    def __init__(self, block: type[BasicBlock | Bottleneck]) -> None:
        torch.manual_seed(0)
        super().__init__(block, [1, 1, 1, 1], num_classes=3)
        self.fc = nn.Linear(64 * block.expansion, 3)

    def _make_layer(self, block: type[BasicBlock | Bottleneck], planes: int, *further: object, **named: object):
        return super()._make_layer(block, planes // 8, *further, **named)


def resnet() -> nn.Module:
    """A ResNet of basic blocks."""
    return _settled(NarrowResNet(BasicBlock))


def resnet_bottleneck() -> nn.Module:
    """A ResNet of bottlenecks."""
    return _settled(NarrowResNet(Bottleneck))


def squeezenet() -> nn.Module:
    """torchvision's fire modules (concatenations) and SqueezeNet's convolutional classifier."""
    torch.manual_seed(0)
    features = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(inplace=True), Fire(8, 4, 6, 6), nn.MaxPool2d(3, 2), Fire(12, 4, 8, 8)
    )
    classifier = nn.Sequential(nn.Dropout(), nn.Conv2d(16, 3, 1), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1))
    nn.init.constant_(classifier[1].bias, 0.5)  # so that no logit dies
    return nn.Sequential(OrderedDict(features=features, classifier=classifier, flatten=nn.Flatten()))


def _settled(module: nn.Module) -> nn.Module:
    """Give batch norms statistics, and an epsilon so small that what zennit leaves of it does not count."""
    for norm in (part for part in module.modules() if isinstance(part, nn.BatchNorm2d)):
        nn.init.uniform_(norm.running_mean, -0.1, 0.1)
        nn.init.uniform_(norm.running_var, 0.5, 1.5)
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.uniform_(norm.bias, -0.2, 0.2)
        norm.eps = 1e-12
    return module


def load(factory: str, layers: Sequence[str], size: int = 8, **arguments: object) -> Subject:
    """Load one of this file's networks in float64; images are squashed to `size` and scaled to -1 .. 1."""
    n_classes = int(str(arguments.get("n_classes", 3)))
    model = Model(
        architecture=f"python:tests.oracle.networks:{factory}",
        arguments=arguments,
        classes=CLASSES[:n_classes],
        layers=tuple(layers),
        preprocessing=Preprocessing(resize=size, mode="squash", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    )
    subject = load_subject(model, Path())
    prepare = subject.prepare
    module = subject.module.double()
    return replace(subject, module=module, prepare=lambda image: prepare(image).double())


def batch_of(n: int, size: int = 8, seed: int = 0) -> torch.Tensor:
    """Noise as model input, float64."""
    return torch.randn(n, 3, size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def write_images(folder: Path, n: int, size: tuple[int, int] = (8, 8), seed: int = 0) -> DataIndex:
    """Write images of noise and index them; width and height as `size`."""
    rng = np.random.default_rng(seed)
    arrays = rng.integers(0, 256, (n, size[1], size[0], 3), dtype=np.uint8)
    return write_arrays(folder, arrays)


def write_arrays(folder: Path, arrays: Sequence[np.ndarray]) -> DataIndex:
    """Write given pixels as images and index them."""
    samples = []
    for number, pixels in enumerate(arrays):
        path = folder / f"{number:03d}.png"
        Image.fromarray(pixels).save(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        samples.append(Sample(path.name, path, number % 3, path.name, None, {}, digest, Location(str(path))))
    key = hashlib.sha256("".join(sample.digest for sample in samples).encode()).hexdigest()
    return DataIndex(tuple(samples), CLASSES, "generated", None, (), (), 0, (), key)


def pixels_of(index: DataIndex) -> list[np.ndarray]:
    """The images as they lie on disk."""
    return [np.asarray(Image.open(sample.path)) for sample in index.samples]
