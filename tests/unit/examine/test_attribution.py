from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from auditlens.errors import LayerError
from auditlens.examine.attribution.attributor import shares
from auditlens.examine.attribution.gradient import GradientXActivation, activation_grid
from auditlens.examine.attribution.lrp import Lrp
from auditlens.examine.attribution.rewrite import UnsupportedError


class Block(nn.Module):
    """A residual block written as people write them: additions and ReLUs in the forward."""

    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width, eps=1e-3)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width, eps=1e-3)

    def forward(self, x):
        out = functional.relu(self.norm1(self.conv1(x)))
        out = self.norm2(self.conv2(out))
        out += x
        return functional.relu6(out)


class Residual(nn.Module):
    def __init__(self, softmax=False):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(Block(8), Block(8))
        self.head = nn.Linear(8, 3)
        self.softmax = softmax

    def forward(self, x):
        x = self.blocks(torch.relu(self.stem(x)))
        z = self.head(x.mean([2, 3]))
        return torch.softmax(z, 1) if self.softmax else z


@pytest.fixture
def residual(make_subject, make_layer):
    def make(softmax=False):
        torch.manual_seed(1)
        module = Residual(softmax)
        for norm in (m for m in module.modules() if isinstance(m, nn.BatchNorm2d)):
            nn.init.uniform_(norm.running_var, 0.01, 0.05)
            nn.init.uniform_(norm.bias, -0.5, 0.5)
        layers = (make_layer("blocks.0", 8), make_layer("blocks.1", 8), make_layer("blocks", 8))
        return make_subject(module.eval().requires_grad_(False), layers)

    return make


def batch_of(n=4, size=32, seed=0):
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(seed))


def test_shares_have_magnitude_one_and_zeros_stay():
    got = shares(torch.tensor([[1.0, -3.0], [0.0, 0.0]]))
    torch.testing.assert_close(got, torch.tensor([[0.25, -0.75], [0.0, 0.0]]))


@pytest.mark.parametrize("layer", ["conv2", "relu2"])
def test_gradient_relevance_is_the_change_when_a_channel_goes(subject, layer):
    """Behind relu2 only a mean and a linear layer follow, so for two classes the margin is linear in the channels."""
    two = subject.module
    two.head.weight[2] = 0
    two.head.bias[2] = -1e6
    batch = batch_of()
    got = GradientXActivation(subject).relevance(batch, 0, layer)
    seen = []
    handle = two.relu2.register_forward_hook(lambda _m, _i, output: seen.append(output.mean((2, 3))))
    two(batch)
    handle.remove()
    expected = seen[0] * (two.head.weight[0] - two.head.weight[1])
    if layer == "conv2":
        assert (got[:, 8:] == 0).all(), "what is negative before the ReLU has no effect"
        got = got[:, :8]
    torch.testing.assert_close(got, expected, atol=1e-6, rtol=1e-5)


def test_both_sides_of_a_channel_add_up_to_it(make_subject, make_layer):
    """Relevance counts for the side on which the activation lies; a heatmap shows its side alone."""
    torch.manual_seed(3)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    module = module.eval().requires_grad_(False)
    whole = GradientXActivation(make_subject(module, (make_layer("1", 4),))).relevance(batch_of(), 0, "1")
    made = GradientXActivation(make_subject(module, (make_layer("1", 4, "spatial", False),)))
    sides = made.relevance(batch_of(), 0, "1")
    torch.testing.assert_close(sides[:, :4] + sides[:, 4:], whole)
    maps = made.heatmaps(batch_of(), "1", torch.tensor([[2, 6]] * 4))
    assert (maps >= 0).all() and maps.amax((2, 3)).min() > 0
    assert not torch.allclose(maps[:, 0], maps[:, 1])
    shown = made.heatmaps(-batch_of(), "1", torch.tensor([[-1, 6]] * 4))
    assert (shown[:, 0] == 0).all()


def test_lrp_equals_gradient_x_activation_behind_which_only_a_linear_head_lies(subject):
    """Signs too, although some logits are negative."""
    batch = batch_of(8)
    subject.module.head.bias[:] = torch.tensor([-0.3, 0.0, 0.3])
    assert (subject.module(batch) < 0).any() and (subject.module(batch) > 0).any()
    for class_index in range(3):
        exact = GradientXActivation(subject).relevance(batch, class_index, "relu2")
        torch.testing.assert_close(Lrp(subject).relevance(batch, class_index, "relu2"), exact, atol=1e-4, rtol=1e-3)


def test_for_two_classes_the_relevances_are_opposite(make_subject, make_layer):
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    subject = make_subject(module.eval().requires_grad_(False), (make_layer("0", 4),))
    for attributor in (Lrp(subject), GradientXActivation(subject)):
        first, second = (attributor.relevance(batch_of(), c, "0") for c in (0, 1))
        torch.testing.assert_close(first, -second)


def test_the_audited_model_stays_untouched(subject):
    before = {name: tensor.clone() for name, tensor in subject.module.state_dict().items()}
    hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in subject.module.modules()]
    lrp = Lrp(subject)
    lrp.relevance(batch_of(), 0, "relu2")
    lrp.heatmaps(batch_of(), "relu2", torch.tensor([[0, 1]] * 4))
    assert subject.module.norm1.eps == 1e-3
    assert all(torch.equal(before[name], tensor) for name, tensor in subject.module.state_dict().items())
    assert hooks == [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in subject.module.modules()]


@pytest.mark.parametrize("softmax", [False, True])
def test_the_twin_of_a_residual_model_gives_the_same_outputs(residual, softmax):
    """Although batch norms with a large epsilon are merged, and additions, ReLUs and the mean become modules."""
    subject = residual(softmax)
    lrp = Lrp(subject)
    batch = batch_of().double()
    found, expected = lrp._twin.double()(batch), subject.module.double()(batch)
    found = torch.softmax(found, 1) if softmax else found
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_a_softmax_at_the_end_changes_no_relevance(residual):
    plain, soft = residual(False), replace(residual(True), output="probabilities")
    for layer in ("blocks.0", "blocks.1"):
        torch.testing.assert_close(
            Lrp(soft).relevance(batch_of(), 1, layer), Lrp(plain).relevance(batch_of(), 1, layer), rtol=1e-4, atol=1e-5
        )


def test_containers_are_layers_too(residual):
    subject = residual()
    lrp = Lrp(subject)
    last, whole = (lrp.relevance(batch_of(), 0, layer) for layer in ("blocks.1", "blocks"))
    torch.testing.assert_close(last, whole)
    assert not torch.allclose(lrp.relevance(batch_of(), 0, "blocks.0"), last)


@pytest.mark.parametrize("attributor", [Lrp, GradientXActivation])
def test_images_of_a_batch_do_not_mix(residual, attributor):
    subject = residual()
    made = attributor(subject)
    batch = batch_of()
    whole = made.relevance(batch, 0, "blocks.0")
    torch.testing.assert_close(whole[2:3], made.relevance(batch[2:3], 0, "blocks.0"), rtol=1e-4, atol=1e-6)
    components = torch.tensor([[0, 3], [1, -1], [7, 7], [-1, -1]])
    maps = made.heatmaps(batch, "blocks.0", components)
    assert maps.shape == (4, 2, 32, 32)
    assert not maps[1, 1].any() and not maps[3].any()
    torch.testing.assert_close(maps[2, 0], maps[2, 1])
    alone = made.heatmaps(batch[:1], "blocks.0", torch.tensor([[3]]))
    torch.testing.assert_close(maps[0, 1], alone[0, 0], rtol=1e-3, atol=1e-6)


def test_heatmaps_are_local(make_subject, make_layer):
    """A component that sees one bright spot is attributed to the spot."""
    module = nn.Sequential(nn.Conv2d(3, 2, 3, padding=1), nn.ReLU(), nn.Conv2d(2, 2, 3, padding=1), nn.ReLU())
    module.append(nn.AdaptiveAvgPool2d(1)).append(nn.Flatten())
    for conv in (module[0], module[2]):
        nn.init.constant_(conv.weight, 0.1)
        nn.init.zeros_(conv.bias)
    subject = make_subject(module.eval().requires_grad_(False), (make_layer("3", 2),))
    batch = torch.zeros(1, 3, 32, 32)
    batch[:, :, 10, 20] = 1
    for made, reach in ((Lrp(subject), 3), (GradientXActivation(subject), 3)):
        rows, columns = torch.nonzero(made.heatmaps(batch, "3", torch.tensor([[1]]))[0, 0], as_tuple=True)
        assert abs(rows - 10).max() <= reach and abs(columns - 20).max() <= reach


def test_token_maps_leave_out_the_class_token():
    tokens = torch.arange(2 * 10 * 3.0).reshape(2, 10, 3)
    grid = activation_grid(tokens, "token")
    assert grid.shape == (2, 3, 3, 3)
    torch.testing.assert_close(grid[0, :, 0, 0], tokens[0, 1])
    torch.testing.assert_close(grid[1, :, 1, 2], tokens[1, 6])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("groups", [1, 3])
def test_heatmaps_are_those_of_zennits_hooks(make_subject, make_layer, groups, bias):
    """One convolution takes in negative values, one does not; with groups the first layer has no channel to share."""
    from zennit.composites import EpsilonPlusFlat

    torch.manual_seed(0)
    convolutions = [
        nn.Conv2d(3, 6, 3, padding=1, groups=groups, bias=bias),
        nn.ConvTranspose2d(6, 6, 3, stride=2, output_padding=1, groups=groups, bias=bias),
        nn.Conv2d(6, 6, 5, stride=2, padding=2, groups=groups, padding_mode="circular", bias=bias),
    ]
    module = nn.Sequential(convolutions[0], convolutions[1], nn.ReLU(), nn.AvgPool2d(2), convolutions[2], nn.ReLU())
    subject = make_subject(module.eval().requires_grad_(False), (make_layer("5", 6),))
    components = torch.tensor([[0, 3], [2, 1], [5, 4], [0, 0]])
    found = Lrp(subject).heatmaps(batch_of(), "5", components)
    assert found.flatten(2).any(2).any()
    EpsilonPlusFlat().register(module)
    for image, turn in np.ndindex(4, 2):
        data = batch_of()[image : image + 1].requires_grad_()
        output = module(data)
        entering = torch.zeros_like(output)
        entering[:, components[image, turn]] = output[:, components[image, turn]].detach()
        (expected,) = torch.autograd.grad(output, data, entering)
        torch.testing.assert_close(found[image, turn], expected[0].sum(0), rtol=1e-4, atol=1e-6)


def test_a_layer_that_runs_twice_is_explained_by_its_last_run(make_subject, make_layer):
    torch.manual_seed(0)
    shared = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU())
    subject = make_subject(nn.Sequential(shared, shared).eval().requires_grad_(False), (make_layer("0", 3),))
    made, components = Lrp(subject), torch.tensor([[0], [1], [2], [0]])
    learns_that_it_runs_twice, stops_there = (made.heatmaps(batch_of(), "0", components) for _ in range(2))
    assert stops_there.any()
    torch.testing.assert_close(stops_there, learns_that_it_runs_twice)
    made._n_runs["0"] = 1
    assert not torch.allclose(made.heatmaps(batch_of(), "0", components), stops_there)


def test_nothing_behind_the_layer_runs_for_heatmaps(subject):
    made, calls = Lrp(subject), []
    made._twin.head.register_forward_hook(lambda *_: calls.append(1))
    for _ in range(3):
        made.heatmaps(batch_of(), "relu2", torch.zeros(4, 1, dtype=torch.int64))
    assert len(calls) == 1, "only the first pass, which counts the runs of the layer"


@pytest.mark.parametrize("made", [Lrp, GradientXActivation])
def test_flat_layers_have_heatmaps(subject, made):
    maps = made(subject).heatmaps(batch_of(2), "head", torch.tensor([[0, 2], [1, -1]]))
    assert maps.shape == (2, 2, 32, 32) and maps[0].any() and not maps[1, 1].any()


@pytest.mark.parametrize(
    ("forward", "why"),
    [
        (lambda x: x * torch.sigmoid(x), "no rule for sigmoid|no rule for mul"),
        (lambda x: x + 1, "no rule for add"),
        (lambda x: x if x.sum() > 0 else -x, "cannot be traced"),
        (lambda x: x.mean(1), "no rule for mean"),
    ],
)
def test_operations_without_a_rule_are_named(make_subject, forward, why):
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            return forward(self.conv(x))

    with pytest.raises(UnsupportedError, match=why):
        Lrp(make_subject(Own().eval(), ()))


def test_layers_that_do_not_fit_are_said(subject):
    with pytest.raises(LayerError, match="did you mean 'relu2'"):
        GradientXActivation(subject).relevance(batch_of(), 0, "relu3")


def test_a_layer_that_the_output_does_not_depend_on_is_irrelevant(make_subject, make_layer):
    class Aside(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.aside = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)

        def forward(self, x):
            self.aside(x)
            return self.conv(x).mean((2, 3))

    subject = make_subject(Aside().eval().requires_grad_(False), (make_layer("aside", 4),))
    for made in (Lrp(subject), GradientXActivation(subject)):
        assert not np.any(made.relevance(batch_of(), 0, "aside").numpy())


@pytest.mark.parametrize("attributor", [Lrp, GradientXActivation])
def test_with_several_labels_relevance_is_that_of_the_logit_alone(subject, attributor):
    """Before pooling and a linear head: the mean activation times the weight of the class, and nothing else."""
    chosen = replace(subject, output="multi_label")
    batch = batch_of()
    got = attributor(chosen).relevance(batch, 1, "relu2")
    maps = subject.module[:5](batch)
    torch.testing.assert_close(got, maps.mean((2, 3)) * subject.module.head.weight[1], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(got, attributor(subject).relevance(batch, 1, "relu2"), rtol=1e-2)
