import pytest
import torch
from torch import nn

from auditlens.challenge.ablation import silenced
from auditlens.errors import LayerError


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 2))


def test_silencing_equals_zero_weights(network):
    batch = torch.rand(2, 3, 9, 9)
    plain = network(batch)
    with silenced(network[1], [1, 3]):
        quiet = network(batch)
    assert torch.equal(network(batch), plain), "the hook is gone afterwards"
    with torch.no_grad():
        network[4].weight[:, [1, 3]] = 0
    assert torch.allclose(quiet, network(batch))
    assert not torch.allclose(quiet, plain)


def test_nothing_silenced_changes_nothing(network):
    batch = torch.rand(1, 3, 9, 9)
    with silenced(network[1], []):
        assert torch.equal(network(batch), network(batch))


def test_tokens_have_their_components_last():
    layer = nn.Identity()
    with silenced(layer, [2], axis=-1):
        out = layer(torch.ones(1, 4, 3))
    assert out.sum() == 8
    assert (out[..., 2] == 0).all()


@pytest.mark.parametrize("wrong", [5, -1])
def test_a_component_that_is_not_there(network, wrong):
    with pytest.raises(LayerError, match=f"no component {wrong}; valid are 0 to 4"), silenced(network[1], [wrong]):
        network(torch.rand(1, 3, 9, 9))
    network(torch.rand(1, 3, 9, 9))


def test_a_layer_without_a_tensor():
    layer = nn.LSTM(3, 4)
    with pytest.raises(LayerError, match="returns tuple"), silenced(layer, [0]):
        layer(torch.rand(2, 1, 3))
