import pytest
import torch
from timm.layers import BatchNormAct2d
from torch import nn
from torch.nn import functional

from auditlens.examine.attribution.merging import Activated, merge_batch_norms
from auditlens.examine.attribution.rewrite import UnsupportedError


def settled(module):
    torch.manual_seed(0)
    for norm in (part for part in module.modules() if isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d))):
        nn.init.uniform_(norm.running_mean, -0.5, 0.5)
        nn.init.uniform_(norm.running_var, 0.01, 2)
        if norm.affine:
            nn.init.uniform_(norm.weight, -1, 2)
            nn.init.uniform_(norm.bias, -1, 1)
    return module.eval().requires_grad_(False)


def batch_of(size=12):
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))


def linear():
    return nn.Sequential(nn.Flatten(), nn.Linear(432, 5), nn.BatchNorm1d(5), nn.ReLU())


MERGEABLE = {
    "convolution": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, eps=1e-2), nn.ReLU(True)),
    "without bias": lambda: nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4)),
    "in groups": lambda: nn.Sequential(nn.Conv2d(3, 6, 3, groups=3), nn.BatchNorm2d(6)),
    "without weights": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, affine=False)),
    "behind dropout": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout(), nn.BatchNorm2d(4)),
    "linear": linear,
    "with activation": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), BatchNormAct2d(4)),
}


@pytest.mark.parametrize("name", MERGEABLE)
def test_merged_layers_give_the_same_outputs(name):
    module = settled(MERGEABLE[name]())
    expected = module(batch_of())
    merge_batch_norms(module, batch_of()[:1])
    torch.testing.assert_close(module(batch_of()), expected, rtol=1e-5, atol=1e-5)
    assert not any(isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d)) for part in module.modules())


def test_an_activation_keeps_its_name():
    module = settled(nn.Sequential(nn.Conv2d(3, 4, 3), BatchNormAct2d(4)))
    merge_batch_norms(module, batch_of()[:1])
    assert isinstance(module[1], Activated) and isinstance(module.get_submodule("1.act"), nn.ReLU)


class Own(nn.Module):
    def __init__(self, forward):
        super().__init__()
        self.first, self.norm, self.second = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3)
        self._run = forward

    def forward(self, x):
        return self._run(self, x)


def test_the_order_of_the_parts_does_not_count():
    """Listed behind `first`, the norm works on `second`."""
    module = settled(Own(lambda own, x: functional.relu(own.norm(own.second(own.first(x))))))
    expected, first = module(batch_of()), module.first.weight.clone()
    merge_batch_norms(module, batch_of()[:1])
    torch.testing.assert_close(module(batch_of()), expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(module.first.weight, first)


ELSEWHERE = {
    "behind a ReLU": lambda own, x: own.norm(functional.relu(own.first(x))),
    "before its layer": lambda own, x: own.second(own.norm(x.repeat(1, 2, 1, 1)[:, :4])),
    "behind a sum": lambda own, x: own.norm(own.first(x) + own.first(x.flip(3))),
    "beside another use": lambda own, x: own.norm(own.first(x)) + own.first(x),
    "beside a skip": lambda own, x: (lambda y: own.norm(y) + y)(own.first(x)),
    "twice": lambda own, x: own.norm(own.second(own.norm(own.first(x)))),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_norm_elsewhere_is_refused(name):
    with pytest.raises(UnsupportedError, match="the batch norm norm does not stand directly behind one layer"):
        merge_batch_norms(settled(Own(ELSEWHERE[name])), batch_of()[:1])


def test_norms_over_the_batch_are_refused():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False)).eval()
    with pytest.raises(UnsupportedError, match="the batch's own statistics"):
        merge_batch_norms(module.requires_grad_(False), batch_of()[:1])


def test_no_hooks_stay():
    module = settled(MERGEABLE["convolution"]())
    merge_batch_norms(module, batch_of()[:1])
    assert not any(part._forward_hooks for part in module.modules())
