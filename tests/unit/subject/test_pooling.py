"""Quick pooling gives PyTorch's values, and leaves gradients, odd poolings and other types to PyTorch."""

import copy

import pytest
import torch
from torch import nn

from auditlens.subject.pooling import quicken_pooling


def quick(pool):
    quicken_pooling(pool)
    return pool


@pytest.mark.parametrize(
    "given",
    [
        {"kernel_size": 2},
        {"kernel_size": 3, "stride": 2},
        {"kernel_size": 3, "stride": 2, "padding": 1},
        {"kernel_size": (3, 2), "stride": (1, 3), "padding": (1, 0)},
        {"kernel_size": 2, "ceil_mode": True},
        {"kernel_size": 2, "dilation": 2},
    ],
)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_values_are_those_of_pytorch(given, layout):
    batch = torch.randn(3, 5, 17, 14, generator=torch.manual_seed(0)).to(memory_format=layout)
    batch[0, 0, 3, 4] = torch.nan
    with torch.no_grad():
        found, expected = quick(nn.MaxPool2d(**given))(batch), nn.MaxPool2d(**given)(batch)
    torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)
    assert found.stride() == expected.stride()


def test_pytorch_runs_only_where_a_gradient_is_asked_for(monkeypatch):
    calls = []
    real = nn.functional.max_pool2d
    monkeypatch.setattr(nn.functional, "max_pool2d", lambda *a, **k: calls.append(1) or real(*a, **k))
    model = copy.deepcopy(quick(nn.Sequential(nn.ReLU(), nn.MaxPool2d(2))))
    batch = torch.randn(1, 1, 4, 4, generator=torch.manual_seed(0))
    with torch.inference_mode():
        model(batch)
    assert not calls
    batch.requires_grad_()
    (first,) = torch.autograd.grad(model(batch).sum(), batch)
    (second,) = torch.autograd.grad(nn.Sequential(nn.ReLU(), nn.MaxPool2d(2))(batch).sum(), batch)
    assert calls
    assert torch.equal(first, second)


def test_places_and_faults_stay_as_they_are():
    batch = torch.randn(1, 1, 4, 4)
    with torch.no_grad():
        _, places = quick(nn.MaxPool2d(2, return_indices=True))(batch)
        assert places.dtype == torch.int64
        with pytest.raises(RuntimeError, match="too small"):
            quick(nn.MaxPool2d(5))(batch)
        assert quick(nn.MaxPool2d(2))(batch[0]).shape == (1, 2, 2)


def test_a_pooling_of_ones_own_is_not_touched():
    class Own(nn.MaxPool2d):
        def forward(self, batch):
            return batch + 1

    assert torch.equal(quick(Own(2))(torch.zeros(1)), torch.ones(1))
