"""Maps of a layer over the image, against their definitions written slowly."""

import numpy as np
import pytest
import torch
from torch import nn

from auditlens.errors import LayerError
from auditlens.examine.geometry import InputMap
from auditlens.examine.maps import activation_grids, direction_map, grid_layer, on_image, relevance_map
from auditlens.subject import LayerInfo


class Net(nn.Module):
    """A convolution, a mean over space, a hidden layer, two classes."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.relu = nn.Conv2d(3, 5, 3, stride=2, padding=1), nn.ReLU()
        self.hidden, self.head = nn.Linear(5, 4), nn.Linear(4, 2)

    def forward(self, batch):
        return self.head(torch.relu(self.hidden(self.relu(self.conv(batch)).mean((2, 3)))))


SPATIAL = LayerInfo("relu", 5, "spatial", True)
FLAT = LayerInfo("hidden", 4, "flat", False)
BATCH = torch.rand(3, 3, 8, 12, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def subject(make_subject):
    return make_subject(Net().eval().requires_grad_(False), (SPATIAL, FLAT))


def test_the_last_layer_with_positions_is_taken(subject, make_subject):
    assert grid_layer(subject) == SPATIAL
    assert grid_layer(make_subject(subject.module, (FLAT,))) is None
    with pytest.raises(LayerError, match=r"'hidden' has no positions"):
        grid_layer(subject, "hidden")
    with pytest.raises(LayerError, match=r"'rely'.*did you mean 'relu'"):
        grid_layer(subject, "rely")


def test_the_mean_over_positions_is_the_score_of_the_image(subject):
    grids = activation_grids(subject, BATCH, SPATIAL)
    direction, offset = np.array([1.0, -2.0, 0.5, 3.0, -1.0]), 0.3
    signed = np.zeros((3, 4, 6))
    for image, row, column in np.ndindex(3, 4, 6):
        signed[image, row, column] = sum(direction[c] * grids[image, c, row, column] for c in range(5)) + offset
    found = direction_map(grids, direction, offset)
    assert found == pytest.approx(np.maximum(signed, 0))
    assert signed.mean((1, 2)) == pytest.approx(grids.mean((2, 3)) @ direction + offset)
    assert (found == 0).any()


def test_tokens_give_a_square_without_the_class_token(make_subject):
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Identity()

        def forward(self, batch):
            return self.tokens(batch)[:, 0, :2]

    layer = LayerInfo("tokens", 3, "token", False)
    batch = torch.arange(2 * 10 * 3, dtype=torch.float32).reshape(2, 10, 3)
    found = activation_grids(make_subject(Tokens(), (layer,)), batch, layer)
    assert found.shape == (2, 3, 3, 3)
    assert found[1, 2, 0, 1] == batch[1, 2, 2]


@pytest.mark.parametrize("layer", [SPATIAL, None])
def test_relevance_is_gradient_times_activation(subject, layer):
    found = relevance_map(subject, BATCH, 1, layer)
    inputs = BATCH.clone().requires_grad_()
    activation = subject.module.relu(subject.module.conv(inputs))
    logits = subject.module.head(torch.relu(subject.module.hidden(activation.mean((2, 3)))))
    target = activation if layer is not None else inputs
    (gradient,) = torch.autograd.grad((logits[:, 1] - logits[:, 0]).sum(), target)
    expected = (gradient * target).sum(1).clamp_min(0).detach().numpy()
    if layer is not None:
        assert found == pytest.approx(expected, abs=1e-6)
    assert found.shape == expected.shape
    assert found.sum() == pytest.approx(expected.sum(), rel=0.1)


def test_up_sampling_is_that_of_torch_where_the_whole_image_is_seen():
    grid = np.random.default_rng(0).random((4, 6))
    whole = InputMap((0, 0), (300 / 48, 200 / 32), (300, 200))
    found = on_image(grid, whole, (48, 32), (300, 200))
    expected = nn.functional.interpolate(
        torch.from_numpy(grid)[None, None], size=(200, 300), mode="bilinear", align_corners=False
    )
    assert found == pytest.approx(expected[0, 0].numpy(), abs=1e-6)


def test_what_the_model_does_not_see_is_zero():
    cut = InputMap((50, 0), (200 / 32, 200 / 32), (300, 200))
    found = on_image(np.ones((4, 4)), cut, (32, 32), (30, 20))
    assert (found[:, :5] == 0).all()
    assert (found[:, 25:] == 0).all()
    assert found[:, 5:25] == pytest.approx(np.ones((20, 20)))
