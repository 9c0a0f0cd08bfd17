"""What is left of a gradient under each rule: input times gradient is relevance, and it is conserved."""

import pytest
import torch
from torch.nn import functional

from auditlens.examine.attribution.operation_rules import Rules


def batch_of(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).requires_grad_()


def relevances(function, *inputs):
    """Input times gradient under the rules, and what the function returns without them."""
    with Rules():
        output = function(*inputs)
    torch.testing.assert_close(output, function(*inputs))
    gradients = torch.autograd.grad(output.sum(), inputs, allow_unused=True)
    parts = [torch.zeros_like(i) if g is None else i * g for i, g in zip(inputs, gradients, strict=True)]
    return [part.detach() for part in parts], output.detach()


ELEMENTWISE = {
    "gelu": functional.gelu,
    "silu": functional.silu,
    "hardswish": functional.hardswish,
    "mish": functional.mish,
    "relu": functional.relu,
    "relu6": lambda x: functional.relu6(9 * x),
    "leaky_relu": functional.leaky_relu,
    "elu": functional.elu,
    "tanh": torch.tanh,
    "method": lambda x: x.tanh(),
    "squared": lambda x: functional.relu(x) ** 2,
    "square": lambda x: torch.square(x),
    "in place": lambda x: functional.silu(x * 1, inplace=True),
}


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_element_wise_functions_pass_all_relevance_on(name):
    (found,), output = relevances(ELEMENTWISE[name], batch_of(4, 7))
    torch.testing.assert_close(found, output)


def test_nothing_passes_where_the_input_is_zero():
    (found,), _ = relevances(functional.gelu, torch.zeros(2, 2, dtype=torch.float64, requires_grad=True))
    assert not found.any()


PRODUCTS = {
    "times": lambda a, b: a * b,
    "in place": lambda a, b: (a * 1).mul(b),
    "matrices": lambda a, b: a @ b,
    "bmm": lambda a, b: torch.bmm(a[None], b[None]),
    "einsum": lambda a, b: torch.einsum("ij,jk->ik", a, b),
    "linear": lambda a, b: functional.linear(a, b.T),
    "linear by name": lambda a, b: functional.linear(input=a, weight=b.T),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_share_equally(name):
    (left, right), output = relevances(PRODUCTS[name], batch_of(3, 3), batch_of(3, 3, seed=1))
    torch.testing.assert_close(left.sum(), output.sum() / 2)
    torch.testing.assert_close(right.sum(), output.sum() / 2)


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_factor_that_is_a_weight_takes_nothing(name):
    weight = torch.nn.Parameter(batch_of(3, 3, seed=1).detach(), requires_grad=False)
    (left,), output = relevances(lambda a: PRODUCTS[name](a, weight), batch_of(3, 3))
    torch.testing.assert_close(left.sum(), output.sum())


GATED = {
    "right": lambda x, g: x * torch.sigmoid(g),
    "left": lambda x, g: torch.sigmoid(g) * x,
    "moved": lambda x, g: x * torch.sigmoid(g).reshape(7, 4).T.contiguous(),
    "hard": lambda x, g: x * functional.hardsigmoid(g),
    "in place": lambda x, g: (x * 1).mul_(torch.sigmoid(g)),
}


@pytest.mark.parametrize("name", GATED)
def test_behind_a_gate_the_signal_takes_all(name):
    (signal, gate), output = relevances(GATED[name], batch_of(4, 7), batch_of(4, 7, seed=1))
    torch.testing.assert_close(signal, output)
    assert not gate.any()


NORMS = {
    "layer": lambda x: functional.layer_norm(x, (8,)),
    "layer by two axes": lambda x: functional.layer_norm(x, (6, 8)),
    "group": lambda x: functional.group_norm(x.transpose(1, 2), 2).transpose(1, 2),
    "root mean square": lambda x: functional.rms_norm(x, (8,)),
    "length": lambda x: functional.normalize(x, dim=-1),
    "written out": lambda x: (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True) + 1e-6).sqrt(),
    "written with rsqrt": lambda x: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6),
    "written with power": lambda x: x * (x.pow(2).mean(-1, keepdim=True) + 1e-6) ** -0.5,
}


@pytest.mark.parametrize("name", NORMS)
def test_norms_keep_all_relevance_and_others_lose_it(name):
    """A norm's true gradient times its input sums to zero: relevance vanishes unless the deviation is a constant."""
    values = batch_of(2, 6, 8)
    entering = torch.randn(2, 6, 8, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    (found,), output = relevances(lambda x: NORMS[name](x) * entering, values)
    torch.testing.assert_close(found.sum(), output.sum())
    (plain,) = torch.autograd.grad((NORMS[name](values) * entering).sum(), values)
    assert (values * plain).sum().abs() < 1e-2 * (values * plain).abs().sum()


def test_weights_of_norms_count():
    weight, bias = torch.linspace(0.5, 2, 8).double(), torch.linspace(-1, 1, 8).double()
    for function in (
        lambda x: functional.layer_norm(x, (8,), weight, bias),
        lambda x: functional.group_norm(x, 2, weight, bias),
        lambda x: functional.rms_norm(x, (8,), weight),
    ):
        relevances(function, batch_of(5, 8))


MASKS = {
    "none": {},
    "causal": {"is_causal": True},
    "added": {"attn_mask": torch.linspace(-1, 1, 25, dtype=torch.float64).reshape(5, 5)},
    "chosen": {"attn_mask": torch.ones(5, 5, dtype=torch.bool).tril()},
    "scaled": {"scale": 0.3},
}


@pytest.mark.parametrize("name", MASKS)
def test_attention_written_out_gives_the_values_of_torchs(name):
    parts = [batch_of(2, 3, 5, 4, seed=seed) for seed in range(3)]
    (_, _, values), output = relevances(
        lambda q, k, v: functional.scaled_dot_product_attention(q, k, v, **MASKS[name]), *parts
    )
    torch.testing.assert_close(values.sum(), output.sum() / 2)


@pytest.mark.parametrize("need_weights", [False, True])
def test_multi_head_attention_gives_the_values_of_torchs(need_weights):
    torch.manual_seed(0)
    part = torch.nn.MultiheadAttention(8, 2, batch_first=True).double().eval().requires_grad_(False)
    values = batch_of(2, 5, 8)
    expected, weights = part(values, values, values, need_weights=need_weights)
    with Rules():
        found, found_weights = part(values, values, values, need_weights=need_weights)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(found_weights, weights)
    by_rule, plain = (torch.autograd.grad(made.sum(), values)[0] for made in (found, expected))
    assert (by_rule - plain).abs().max() > 1e-3


def test_the_rules_are_gone_afterwards_and_need_a_gradient():
    values = batch_of(3, 4)
    with Rules(), torch.no_grad():
        functional.gelu(values)
    (before,) = torch.autograd.grad(functional.gelu(values).sum(), values)
    with Rules():
        functional.gelu(values)
    (after,) = torch.autograd.grad(functional.gelu(values).sum(), values)
    torch.testing.assert_close(before, after)
