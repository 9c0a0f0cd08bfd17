"""AttnLRP against lxt's own rules, and against the paper's equations written out, in float64.

lxt 2.1 asks for packages that no audit needs (transformers, bitsandbytes, accelerate) and its model files do not import
with current ones, so only its two files of rules are loaded: `pip install --no-deps lxt`.
"""

import copy
import importlib.util
import sys
import types
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torch.nn import functional
from torchvision.models.vision_transformer import VisionTransformer as TorchvisionTransformer

from auditlens.examine.attribution.attention import AttnLrp
from auditlens.examine.attribution.operation_rules import Rules
from auditlens.subject import LayerInfo, margin
from auditlens.subject.outputs import to_logits


@pytest.fixture(scope="module")
def lxt():
    """lxt's rules and patches, without its package `__init__`, which imports language models."""
    found = importlib.util.find_spec("lxt")
    if found is None:
        pytest.skip("lxt is not installed: pip install --no-deps lxt")
    folder = Path(next(iter(found.submodule_search_locations))) / "efficient"
    package = types.ModuleType("lxt.efficient")
    package.__path__ = [str(folder)]
    before = {name: module for name, module in sys.modules.items() if name.startswith("lxt")}
    sys.modules["lxt.efficient"] = package
    yield importlib.import_module("lxt.efficient.patches")
    for name in [name for name in sys.modules if name.startswith("lxt")]:
        sys.modules.pop(name)
    sys.modules.update(before)


@dataclass(frozen=True)
class Audited:
    module: nn.Module
    layers: tuple
    output: str = "logits"
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def prepare(self, image):
        return torch.from_numpy(image[:16, :16].copy()).permute(2, 0, 1).double() / 127.5 - 1

    def to_logits(self, raw):
        return to_logits(raw, self.output)


def _settle(module):
    """Weights large enough that attention is far from even."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, 0, 0.3)
    return module.double().eval().requires_grad_(False)


def small_timm():
    sizes = {"img_size": 16, "patch_size": 4, "embed_dim": 12, "depth": 3, "num_heads": 3, "num_classes": 4}
    return _settle(VisionTransformer(**sizes, qk_norm=False, init_values=0.5, reg_tokens=1))


def small_torchvision():
    sizes = {"image_size": 16, "patch_size": 4, "num_layers": 3, "num_heads": 3, "hidden_dim": 12, "mlp_dim": 20}
    return _settle(TorchvisionTransformer(**sizes, num_classes=4))


def attend(module, query, key, value, **_):
    """The form of attention function that lxt wraps."""
    weights = (query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5).softmax(-1)
    return weights @ value


def with_lxt(module, lxt):
    """Copy a model, with lxt's forwards on the instances: layer norms, GELUs, and attentions."""
    twin = copy.deepcopy(module)
    wrapped = lxt.wrap_attention_forward(attend)
    for part in twin.modules():
        if isinstance(part, nn.LayerNorm):
            part.forward = types.MethodType(lxt.layer_norm_forward, part)
        elif isinstance(part, nn.GELU):
            part.original_forward = part.forward
            part.forward = types.MethodType(lxt.non_linear_forward, part)
        elif isinstance(part, nn.MultiheadAttention):
            part.forward = types.MethodType(_torchvision_attention(wrapped), part)
        elif type(part).__name__ == "Attention":
            part.forward = types.MethodType(_timm_attention(wrapped), part)
    return twin


def _timm_attention(wrapped):
    def forward(self, x, **_):
        qkv = self.qkv(x).reshape(*x.shape[:2], 3, self.num_heads, self.head_dim).permute(2, 0, 3, 1, 4)
        return self.proj(wrapped(self, *qkv.unbind(0)).transpose(1, 2).flatten(2))

    return forward


def _torchvision_attention(wrapped):
    def forward(self, query, key, value, **_):
        qkv = functional.linear(query, self.in_proj_weight, self.in_proj_bias)
        qkv = qkv.reshape(*query.shape[:2], 3, self.num_heads, self.head_dim).permute(2, 0, 3, 1, 4)
        return self.out_proj(wrapped(self, *qkv.unbind(0)).transpose(1, 2).flatten(2)), None

    return forward


def lxt_relevance(twin, batch, class_index, layer):
    seen = []
    handle = twin.get_submodule(layer).register_forward_hook(lambda _m, _i, output: seen.append(output))
    score = margin(twin(batch.clone().requires_grad_()), class_index).sum()
    handle.remove()
    (gradient,) = torch.autograd.grad(score, seen[0])
    return (seen[0] * gradient).sum(1).detach()


NETWORKS = {
    "timm": (small_timm, ("blocks.0", "blocks.1.attn.qkv", "blocks.2.mlp.act", "norm"), 12),
    "torchvision": (
        small_torchvision,
        ("encoder.layers.encoder_layer_0", "encoder.layers.encoder_layer_1.ln_1", "encoder.ln"),
        12,
    ),
}


@pytest.mark.parametrize("kind", NETWORKS)
def test_relevance_is_that_of_lxt(lxt, kind):
    """In the residual stream, inside an attention, and inside a perceptron."""
    make, layers, _ = NETWORKS[kind]
    module = make()
    batch = torch.randn(3, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    twin = with_lxt(module, lxt)
    torch.testing.assert_close(twin(batch), module(batch))
    for name in layers:
        expected = lxt_relevance(twin, batch, 2, name)
        subject = Audited(module, (LayerInfo(name, expected.shape[1], "token", True),))
        found = AttnLrp(subject).relevance(batch, 2, name)
        assert float((found - expected).abs().max()) <= 1e-5 * float(expected.abs().max()), name
        assert float(expected.abs().max()) > 1e-3, "something is relevant"


def test_attention_follows_the_equations_of_the_paper():
    """Equations 8 (matrix products share equally) and 13 (softmax), as loops over queries, keys and features."""
    torch.manual_seed(4)
    n, d = 5, 4
    query, key, value, entering = (torch.randn(n, d, dtype=torch.float64) for _ in range(4))
    scores = query @ key.T * d**-0.5
    weights = scores.softmax(1)
    output = weights @ value

    with Rules():
        leaves = [part[None, None].clone().requires_grad_() for part in (query, key, value)]
        attended = functional.scaled_dot_product_attention(*leaves)
    torch.testing.assert_close(attended[0, 0], output)
    gradients = torch.autograd.grad(attended, leaves, (entering / output)[None, None])
    found = [(leaf * gradient)[0, 0].detach() for leaf, gradient in zip(leaves, gradients, strict=True)]

    at_weights, at_value = torch.zeros(n, n).double(), torch.zeros(n, d).double()
    for j in range(n):
        for i in range(n):
            for p in range(d):
                half = weights[j, i] * value[i, p] * entering[j, p] / (2 * output[j, p])
                at_weights[j, i] += half
                at_value[i, p] += half
    at_scores = scores * (at_weights - weights * at_weights.sum(1, keepdim=True))
    at_query, at_key = torch.zeros(n, d).double(), torch.zeros(n, d).double()
    for j in range(n):
        for i in range(n):
            for p in range(d):
                half = query[j, p] * key[i, p] * d**-0.5 * at_scores[j, i] / (2 * scores[j, i])
                at_query[j, p] += half
                at_key[i, p] += half
    for got, expected in zip(found, (at_query, at_key, at_value), strict=True):
        torch.testing.assert_close(got, expected)
