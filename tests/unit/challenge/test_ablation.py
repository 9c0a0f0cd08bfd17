import pytest
import torch
from torch import nn

from auditlens.challenge.ablation import silenced
from auditlens.errors import LayerError
from auditlens.subject import LayerInfo

RECTIFIED = LayerInfo("1", 5, "spatial", True)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 2))


def test_silencing_equals_zero_weights(network):
    batch = torch.rand(2, 3, 9, 9)
    plain = network(batch)
    with silenced(network, RECTIFIED, [1, 3]):
        quiet = network(batch)
    assert torch.equal(network(batch), plain), "the hook is gone afterwards"
    with torch.no_grad():
        network[4].weight[:, [1, 3]] = 0
    assert torch.allclose(quiet, network(batch))
    assert not torch.allclose(quiet, plain)


def test_nothing_silenced_changes_nothing(network):
    batch = torch.rand(1, 3, 9, 9)
    plain = network(batch)
    with silenced(network, RECTIFIED, []):
        assert torch.equal(network(batch), plain)


def test_tokens_have_their_components_last():
    module = nn.Sequential(nn.Identity())
    with silenced(module, LayerInfo("0", 3, "token", True), [2]):
        out = module(torch.ones(1, 4, 3))
    assert out.sum() == 8
    assert (out[..., 2] == 0).all()


def test_only_the_side_is_silenced():
    module = nn.Sequential(nn.Identity())
    values = torch.tensor([[1.0, -2.0, 3.0], [-1.0, 2.0, -3.0]])
    layer = LayerInfo("0", 3, "flat", False)
    with silenced(module, layer, [0, 4]):
        out = module(values)
    assert out.tolist() == [[0.0, 0.0, 3.0], [-1.0, 2.0, -3.0]]
    with silenced(module, layer, [1, 4]):
        assert (module(values)[:, 1] == 0).all()


@pytest.mark.parametrize("wrong", [5, -1])
def test_a_component_that_is_not_there(network, wrong):
    with (
        pytest.raises(LayerError, match=f"no component {wrong}; valid are 0 to 4"),
        silenced(network, RECTIFIED, [wrong]),
    ):
        network(torch.rand(1, 3, 9, 9))
    network(torch.rand(1, 3, 9, 9))


def test_a_layer_without_a_tensor():
    module = nn.Sequential(nn.LSTM(3, 4))
    with pytest.raises(LayerError, match="returns tuple"), silenced(module, LayerInfo("0", 4, "token", True), [0]):
        module(torch.rand(2, 1, 3))
