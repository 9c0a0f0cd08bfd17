import pytest
import torch
from torch import nn
from torch.nn import functional

from auditlens.examine.attribution.operation_rules import Rules
from auditlens.examine.attribution.steps import between, is_cut, name_of, source, without_rule


def values(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)).requires_grad_()


class Own(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, gradient):
        return gradient * 3


def scripted_product(x, y):
    return x * y


COVERED = {
    "convolution": lambda x: functional.conv2d(x, torch.ones(2, 3, 3, 3)),
    "pooling": lambda x: functional.max_pool2d(functional.relu(x), 2).mean((2, 3)),
    "moved": lambda x: torch.cat([x[:, :1], x.roll(1, 2).flip(3)[:, 1:]], 1).permute(0, 2, 3, 1),
    "gelu": lambda x: functional.gelu(x),
    "square": lambda x: x * x,
    "attention": lambda x: functional.scaled_dot_product_attention(x, x, x),
    "gate": lambda x: x * x.mean((2, 3), keepdim=True).sigmoid(),
    "half a product": lambda x: x * torch.ones(4),
    "sigmoid at the end": lambda x: torch.sigmoid(x.mean((2, 3))).squeeze(1),
    "softmax at the end": lambda x: functional.softmax(x.mean((2, 3)), 1),
}


@pytest.mark.parametrize("name", COVERED)
def test_what_has_a_rule_is_covered(name):
    start = values(2, 3, 4, 4)
    with Rules():
        output = COVERED[name](start)
    assert without_rule(output, start) == ()


MISSING = {
    "Exp": lambda x: x.exp() - 1,
    "Sigmoid": lambda x: functional.conv2d(torch.sigmoid(x), torch.ones(2, 3, 1, 1)),
    "Log": lambda x: torch.log1p(x.log()),
    "Cumprod": lambda x: x.cumprod(1) + 1,
    "Own": lambda x: Own.apply(x),
    "NativeBatchNorm": lambda x: functional.instance_norm(x),
    "Prod": lambda x: torch.prod(torch.stack([x, x]), 0),
    "Addcmul": lambda x: torch.addcmul(x, x, x),
}


@pytest.mark.parametrize("name", MISSING)
def test_what_has_none_is_named(name):
    start = values(2, 3, 4, 4)
    with Rules():
        output = MISSING[name](start)
    found = without_rule(output, start)
    assert any(part.startswith(name) for part in found), found


def test_a_product_that_no_rule_reached_is_named():
    start = values(2, 3)
    assert without_rule(scripted_product(start, start + 1), start) == ("Mul",)


def test_only_steps_on_the_way_count():
    start, aside = values(2, 3), values(2, 3)
    output = start * 2 + aside.exp()
    assert without_rule(output, start) == ()
    assert without_rule(output, aside) == ("Exp",)
    assert [name_of(step) for step in between(output, start)] == ["Add", "Mul"]
    assert between(output, values(1)) == []


def test_the_source_is_found_behind_moves():
    start = values(4, 6)
    assert source(start) == ""
    assert source(torch.sigmoid(start).reshape(6, 4)[:, None].transpose(0, 1)).startswith("Sigmoid")
    assert source(torch.sigmoid(start) + 1).startswith("Add")


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.branch, self.head = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x):
        x = self.stem(x)
        return self.head(x + self.branch(x))


@pytest.mark.parametrize(("layer", "expected"), [("stem", True), ("branch", False), ("head", True)])
def test_a_layer_in_a_branch_is_no_cut(layer, expected):
    module, steps = Residual().requires_grad_(False), []
    handle = module.get_submodule(layer).register_forward_hook(lambda _m, _i, out: steps.append(out.grad_fn))
    start = values(2, 4)
    output = module(start)
    handle.remove()
    assert is_cut(output, start, steps[0]) is expected


def test_deep_graphs_are_no_trouble():
    start = values(2)
    output = start
    for _ in range(5000):
        output = output + 1
    assert len(between(output, start)) == 5000
