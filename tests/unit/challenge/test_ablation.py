import pytest
import torch
from torch import nn

from auditlens.challenge.ablation import ablated_logits, goes_on_from, silenced
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


class Around(nn.Module):
    """A path leads around the block."""

    def __init__(self):
        super().__init__()
        self.block, self.head = nn.Conv2d(3, 3, 3, padding=1), nn.Linear(3, 2)

    def forward(self, batch):
        return self.head((self.block(batch) + batch).mean((2, 3)))


@pytest.fixture
def subject_of():
    def make(module):
        class Audited:
            device = torch.device("cpu")

            def logits(self, batch):
                return module(batch)

        made = Audited()
        made.module = module.eval()
        return made

    return make


@pytest.mark.parametrize("layer", [RECTIFIED, LayerInfo("0", 5, "spatial", False)])
def test_many_groups_in_one_pass_are_as_one_by_one(network, subject_of, layer, monkeypatch):
    monkeypatch.setattr("auditlens.challenge.ablation.LARGEST_STACK", 2 * 3 * 5 * 49)
    groups = [(), (0,), (1, 3), tuple(range(layer.n_components)), (2,)]
    batch = torch.randn(3, 3, 9, 9)
    subject = subject_of(network)
    assert goes_on_from(subject, batch, layer)
    at_once = ablated_logits(subject, batch, layer, groups, in_one_pass=True)
    slowly = ablated_logits(subject, batch, layer, groups, in_one_pass=False)
    torch.testing.assert_close(at_once, slowly)
    torch.testing.assert_close(at_once[0], network(batch))
    assert not torch.allclose(at_once[1], at_once[0])


def test_a_path_around_the_layer_is_noticed(subject_of):
    layer = LayerInfo("block", 3, "spatial", False)
    subject, batch = subject_of(Around()), torch.randn(2, 3, 5, 5)
    assert not goes_on_from(subject, batch, layer)
    quiet = ablated_logits(subject, batch, layer, [tuple(range(6))], in_one_pass=False)
    torch.testing.assert_close(quiet[0], subject.module.head(batch.mean((2, 3))))
