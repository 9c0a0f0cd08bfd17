"""Integrated gradients at a layer against captum's LayerIntegratedGradients, in float64."""

from dataclasses import dataclass, field

import pytest
import torch
from torch import nn

from auditlens.examine.attribution.integrated_gradients import IntegratedGradients
from auditlens.subject import LayerInfo, margin
from auditlens.subject.outputs import to_logits
from tests.oracle.networks import tokens, two_convolutions, vgg_bn

LAYERS = {"two_convolutions": ("conv1", "relu2"), "vgg_bn": ("features.3", "features.6"), "tokens": ("patch", "norm")}
NETWORKS = {"two_convolutions": two_convolutions, "vgg_bn": vgg_bn, "tokens": tokens}


captum = pytest.importorskip("captum.attr", reason="captum is not installed: pip install captum")


@dataclass(frozen=True)
class Audited:
    module: nn.Module
    layers: tuple
    size: int
    output: str = "logits"
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def prepare(self, image):
        return torch.from_numpy(image[: self.size, : self.size].copy()).permute(2, 0, 1).double() / 127.5 - 0.8

    def logits(self, batch):
        return to_logits(self.module(batch), self.output)


@pytest.mark.parametrize(("network", "layer"), [(name, layer) for name, found in LAYERS.items() for layer in found])
def test_relevance_is_that_of_captum(network, layer):
    size = 8 if network == "two_convolutions" else 32
    module = NETWORKS[network]().double().eval().requires_grad_(False)
    for part in module.modules():
        if hasattr(part, "inplace"):
            part.inplace = False  # captum cannot cut before a part that works in place
    batch = torch.randn(3, 3, size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    kind = "token" if layer == "norm" else "spatial"
    by_captum = captum.LayerIntegratedGradients(lambda x: margin(module(x), 1), module.get_submodule(layer))
    subject = Audited(module, (LayerInfo(layer, 0, kind, True),), size)
    made = IntegratedGradients(subject, 16)
    expected = by_captum.attribute(batch, made._baseline.expand_as(batch), n_steps=16, method="riemann_middle")
    expected = expected.sum(1) if kind == "token" else expected.sum((2, 3))
    torch.testing.assert_close(made.relevance(batch, 1, layer), expected, rtol=1e-9, atol=1e-12)
    assert expected.abs().max() > 1e-4
