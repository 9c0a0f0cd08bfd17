"""Row 2: relevance of a last-block layer for a class, beside zennit-crp and a bare forward pass."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from crp.attribution import CondAttribution
from torch import nn
from zennit.composites import EpsilonPlusFlat
from zennit.torchvision import ResNetCanonizer

from auditlens.examine.attribution.lrp import Lrp
from auditlens.subject import Subject, margin
from benchmarks.bench.timing import Row, interleave, ratio
from benchmarks.bench.workload import resnet18

LAYERS = ("layer4", "layer4.0")
"""The output of the last block, and that of the block before it."""

CLASS = 3
BATCH = 16


def measure(folder: Path, quick: bool, device: str = "cpu") -> Row:
    """Time class relevance, and compare its values with zennit-crp's."""
    n_images, repeats = (16, 2) if quick else (32, 5)
    subject = resnet18(LAYERS, device)
    data = torch.randn(n_images, 3, 224, 224, generator=torch.Generator().manual_seed(0)).to(device)
    attributor, attribution = Lrp(subject), CondAttribution(subject.module)

    def ours(layer: str) -> None:
        for part in data.split(BATCH):
            attributor.relevance(part, CLASS, layer)

    def theirs(layer: str) -> None:
        for part in data.split(BATCH):
            _crp(attribution, part, layer)

    @torch.no_grad()
    def bare() -> None:
        for part in data.split(BATCH):
            subject.module(part)

    names = {layer: (f"relevance at {layer}", f"zennit-crp at {layer}") for layer in LAYERS}
    candidates = {"bare forward": bare}
    for layer, (own, peer) in names.items():
        candidates |= {own: lambda layer=layer: ours(layer), peer: lambda layer=layer: theirs(layer)}
    seconds = interleave(candidates, repeats)
    ratios = [ratio(seconds, own, "bare forward", 1.3) for own, _ in names.values()]
    ratios += [ratio(seconds, peer, own, 5, at_most=False) for own, peer in names.values()]
    return Row(
        key="class-relevance",
        title="Class relevance of last-block layers of a ResNet-18",
        setting={"images": n_images, "layers": list(LAYERS), "batch": BATCH},
        seconds=seconds,
        ratios=tuple(ratios),
        bound="the bare forward pass, since the backward pass ends at the layer",
        checks={f"largest difference at {layer}, float64, share of the highest": _gap(layer) for layer in LAYERS},
    )


def _crp(
    attribution: CondAttribution, part: torch.Tensor, layer: str, entering: torch.Tensor | None = None
) -> torch.Tensor:
    data = part.clone().requires_grad_()
    conditions = [{"y": [CLASS]}] if entering is None else [{}]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        composite = EpsilonPlusFlat([ResNetCanonizer()])
        found = attribution(data, conditions, composite, record_layer=[layer], init_rel=entering)
    return found.relevances[layer].flatten(2).sum(2).detach()


def _gap(layer: str) -> float:
    """Largest difference to zennit-crp in float64, started with the relevance that the margin puts in."""
    subject = resnet18([layer])
    module = subject.module.double()
    for norm in (part for part in module.modules() if isinstance(part, nn.BatchNorm2d)):
        norm.eps = 1e-12  # zennit leaves the epsilon of merged norms behind
    subject = _double(subject)
    data = torch.randn(4, 3, 224, 224, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    output = module(data).requires_grad_()
    (gradient,) = torch.autograd.grad(margin(output, CLASS).sum(), output)
    expected = _crp(CondAttribution(module), data, layer, (output * gradient).detach())
    found = Lrp(subject).relevance(data, CLASS, layer)
    return float((found - expected).abs().max() / expected.abs().max())


def _double(subject: Subject) -> Subject:
    from dataclasses import replace

    before = subject.prepare
    return replace(subject, prepare=lambda image: before(image).double())
