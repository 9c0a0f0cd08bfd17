import pytest
import torch
from torch import nn

from auditlens.examine.attribution.rewrite import UnsupportedError, rewrite
from auditlens.examine.attribution.rules import Sum


class Own(nn.Module):
    def __init__(self, forward):
        super().__init__()
        self.conv, self._run = nn.Conv2d(3, 4, 3, padding=1), forward

    def forward(self, x):
        return self._run(self.conv(x))


def batch_of():
    return torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))


ADDED = {
    "operator": lambda x: x + x.flatten(1).view(x.size()),
    "function": lambda x: torch.add(x, x.contiguous()),
    "sum of a stack": lambda x: torch.sum(torch.stack([x, x.contiguous()], dim=-1), dim=-1),
    "method": lambda x: torch.stack([x, x.contiguous()], -1).sum(-1),
}


@pytest.mark.parametrize("name", ADDED)
def test_additions_become_sums(name):
    module = Own(ADDED[name]).eval()
    expected = module(batch_of())
    assert rewrite(module, Sum) == ""
    assert sum(isinstance(part, Sum) for part in module.modules()) == 1
    torch.testing.assert_close(module(batch_of()), expected)


@pytest.mark.parametrize("forward", [lambda x: x.sum(1), lambda x: x.sum(), lambda x: torch.sum(x, dim=(2, 3))])
def test_sums_over_other_axes_have_no_rule(forward):
    with pytest.raises(UnsupportedError, match="no rule for sum in Own"):
        rewrite(Own(forward).eval(), Sum)


@pytest.mark.parametrize(
    ("part", "named"),
    [
        (nn.MultiheadAttention(4, 1), "MultiheadAttention"),
        (nn.LayerNorm(4), "LayerNorm"),
        (nn.GELU(), "GELU"),
        (nn.GroupNorm(1, 4), "GroupNorm"),
    ],
)
def test_what_is_known_to_have_no_rule_is_named_first(part, named):
    module = Own(lambda x: x.exp())
    module.block = nn.ModuleDict({"part": part})
    with pytest.raises(UnsupportedError, match=rf"there is no rule for {named} \(block\.part\)"):
        rewrite(module.eval(), Sum)
