import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from auditlens.examine.attribution.attention import AttnLrp
from auditlens.examine.attribution.gradient import GradientXActivation
from auditlens.examine.attribution.rewrite import UnsupportedError
from auditlens.subject import LayerInfo, margin


def batch_of(n=4, size=32, seed=0):
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(seed))


class Small(nn.Module):
    """Patches, a gated convolution, attention, a perceptron: one of each kind of rule."""

    def __init__(self, ending=None):
        super().__init__()
        torch.manual_seed(0)
        self.patch, self.gate = nn.Conv2d(3, 8, 8, stride=8), nn.Conv2d(8, 8, 1)
        self.norm1, self.attention = nn.LayerNorm(8), nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm2, self.up, self.act, self.down = nn.LayerNorm(8), nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8)
        self.norm, self.head, self.ending = nn.LayerNorm(8), nn.Linear(8, 3), ending or nn.Identity()

    def forward(self, x):
        x = functional.silu(self.patch(x))
        x = x * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True)))
        x = x.flatten(2).transpose(1, 2)
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        x = x + self.down(self.act(self.up(self.norm2(x))))
        return self.ending(self.head(self.norm(x).mean(1)))


LAYERS = (
    LayerInfo("patch", 8, "spatial", False),
    LayerInfo("gate", 8, "spatial", False),
    LayerInfo("norm1", 8, "token", False),
    LayerInfo("up", 16, "token", False),
    LayerInfo("norm", 8, "token", False),
)


@pytest.fixture
def small(make_audited):
    return make_audited()


@pytest.fixture
def make_audited(make_subject):
    def make(ending=None, output="logits", module=None):
        module = module or Small(ending)
        for parameter in module.parameters():
            nn.init.normal_(parameter, 0, 0.5, generator=torch.Generator().manual_seed(parameter.numel()))
        return make_subject(module.eval().requires_grad_(False), LAYERS, output=output)

    return make


def test_behind_the_last_layer_it_is_activation_x_weight(small):
    """Only a mean and a linear layer follow: exactly what gradient x activation says."""
    found = AttnLrp(small).relevance(batch_of(), 1, "norm")
    torch.testing.assert_close(found, GradientXActivation(small).relevance(batch_of(), 1, "norm"))


def test_further_in_it_is_something_else(small):
    for layer in ("patch", "norm1", "up"):
        found = AttnLrp(small).relevance(batch_of(), 1, layer)
        plain = GradientXActivation(small).relevance(batch_of(), 1, layer)
        assert found.abs().max() > 1e-3 and (found - plain).abs().max() > 1e-2 * plain.abs().max()


def test_relevance_is_conserved_without_biases(make_audited):
    """What enters at the logits arrives at every layer that all of it passes through, but for attention's softmax."""
    subject = make_audited()
    with torch.no_grad():
        subject.module.attention.out_proj.weight.zero_()
        for name, parameter in subject.module.named_parameters():
            if "bias" in name:
                parameter.zero_()
    made, batch = AttnLrp(subject), batch_of()
    logits = subject.module(batch)
    entering = logits[:, 1] - (torch.softmax(logits[:, [0, 2]], 1) * logits[:, [0, 2]]).sum(1)
    for layer in ("norm", "patch"):
        torch.testing.assert_close(made.relevance(batch, 1, layer).sum(1), entering, rtol=1e-4, atol=1e-4)


def test_a_gates_own_layers_have_no_relevance(small):
    assert not AttnLrp(small).relevance(batch_of(), 0, "gate").any()


@pytest.mark.parametrize(("layer", "expected"), [("patch", True), ("norm1", False), ("up", False), ("norm", True)])
def test_the_graph_begins_at_layers_that_everything_passes(small, layer, expected):
    made = AttnLrp(small)
    made.relevance(batch_of(1), 0, layer)
    assert made._cuts == {layer: expected}


def test_where_the_graph_begins_changes_nothing(small):
    quick, slow = AttnLrp(small), AttnLrp(small)
    slow._cuts["patch"] = False
    expected = slow.relevance(batch_of(), 2, "patch")
    torch.testing.assert_close(quick.relevance(batch_of(), 2, "patch"), expected, rtol=1e-4, atol=1e-6)


def test_images_of_a_batch_do_not_mix(small):
    made = AttnLrp(small)
    whole = made.relevance(batch_of(), 0, "up")
    torch.testing.assert_close(whole[2:3], made.relevance(batch_of()[2:3], 0, "up"), rtol=1e-4, atol=1e-5)


ENDINGS = {
    "softmax": (nn.Softmax(1), "probabilities", "logits"),
    "softmax function": (lambda z: functional.softmax(z, dim=1), "probabilities", "logits"),
    "sigmoid": (nn.Sigmoid(), "multi_label_probabilities", "multi_label"),
    "sigmoid, moved": (
        lambda z: torch.sigmoid(input=z.reshape(-1)).view(z.shape),
        *("multi_label_probabilities", "multi_label"),
    ),
}


@pytest.mark.parametrize("name", ENDINGS)
@pytest.mark.parametrize("shift", [0, 100])
def test_an_ending_changes_no_relevance(make_audited, name, shift):
    """Not even where probabilities are exactly 0 and 1 and have no gradient left."""
    ending, output, bare = ENDINGS[name]
    plain, ended = make_audited(None, bare), make_audited(ending, output)
    for subject in (plain, ended):
        subject.module.head.bias[1] += shift
    assert shift == 0 or ended.module(batch_of())[:, 1].eq(1).all()
    expected, found = (AttnLrp(subject).relevance(batch_of(), 1, "up") for subject in (plain, ended))
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
    assert expected.abs().max() > 1e-3


def test_sigmoids_declared_as_exclusive_are_refused(make_audited):
    with pytest.raises(UnsupportedError, match="exclude each other"):
        AttnLrp(make_audited(nn.Sigmoid(), "probabilities"))


def test_the_audited_model_stays_untouched(small):
    before = copy.deepcopy(small.module.state_dict())
    made = AttnLrp(small)
    made.relevance(batch_of(), 0, "up")
    assert all(torch.equal(before[name], tensor) for name, tensor in small.module.state_dict().items())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in small.module.modules())
    assert made.gap < 1e-5


def test_other_outputs_with_rules_are_refused(make_audited):
    class InPlace(nn.Module):
        """Drops what the product returns, and counts on its being done in place."""

        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            x = self.conv(x)
            functional.silu(x, inplace=True)
            return x.mean((2, 3))

    with pytest.raises(UnsupportedError, match="its form with rules gives other outputs"):
        AttnLrp(make_audited(module=InPlace()))


def test_norms_over_the_batch_are_refused(make_audited):
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False), nn.Flatten())
    with pytest.raises(UnsupportedError, match="NativeBatchNorm"):
        AttnLrp(make_audited(module=module))


def test_a_model_that_does_not_run_with_rules_is_refused(make_audited):
    class Asks(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            return torch.from_numpy(self.conv(x).numpy()).mean((2, 3))

    with pytest.raises(UnsupportedError, match="does not run with rules"):
        AttnLrp(make_audited(module=Asks()))


def test_heatmaps_are_activation_maps(small):
    components = torch.tensor([[0, 9], [3, -1]])
    found = AttnLrp(small).heatmaps(batch_of(2), "norm", components)
    torch.testing.assert_close(found, GradientXActivation(small).heatmaps(batch_of(2), "norm", components))


def test_the_margin_is_what_is_explained(small):
    """Two classes of three: the sum over a layer that conserves follows the class that is asked for."""
    made = AttnLrp(small)
    scores = [margin(small.logits(batch_of()), index) for index in range(3)]
    assert not torch.allclose(made.relevance(batch_of(), 0, "norm"), made.relevance(batch_of(), 1, "norm"))
    assert len({round(float(score.sum()), 4) for score in scores}) == 3
