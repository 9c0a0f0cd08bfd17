"""Components keep their clean values while an artefact is in: what is left of its effect, by hand."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from auditlens.challenge.ablation import goes_on_from
from auditlens.challenge.mediation import patched_logits
from auditlens.errors import LayerError
from auditlens.subject import LayerInfo

CHANNELS = 5


class Toy:
    """As much of a subject as patching needs: a module on the CPU."""

    device = torch.device("cpu")

    def __init__(self, module):
        self.module = module.eval()

    def logits(self, batch):
        with torch.no_grad():
            return self.module(batch)


def two_layers(into, weights):
    """Channel k is the mean of input channel 0 or 1, as `into` says; the margin of class 1 is their weighted sum."""
    first, last = nn.Conv2d(2, CHANNELS, 1, bias=False), nn.Linear(CHANNELS, 2, bias=False)
    with torch.no_grad():
        first.weight.zero_()
        for channel, source in enumerate(into):
            first.weight[channel, source] = 1.0
        last.weight.zero_()
        last.weight[1] = torch.tensor(weights)
    return Toy(nn.Sequential(first, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), last))


LAYER = LayerInfo("1", CHANNELS, "spatial", True)


def pictures(artefact):
    """The artefact raises input channel 1 by so much; channel 0 is the lesion."""
    clean = torch.rand(3, 2, 4, 4)
    inserted = clean.clone()
    inserted[:, 1] += artefact
    return clean, inserted


def share(subject, clean, inserted, group, layer=LAYER, one_pass=True):
    """1 - [f(patched) - f(clean)] / [f(art) - f(clean)] of the class's margin, ratio of means."""
    plain, patched = patched_logits(subject, clean, inserted, layer, [(), group], in_one_pass=one_pass)
    before, after, with_clean = (logits[:, 1] - logits[:, 0] for logits in (plain, *patched))
    return float(1 - (with_clean - before).mean() / (after - before).mean())


@pytest.mark.parametrize("one_pass", [True, False])
def test_an_effect_through_one_component_is_all_its_own(one_pass):
    subject = two_layers([0, 0, 0, 1, 0], [1.0, 2.0, -1.0, 3.0, 0.5])
    found = [share(subject, *pictures(2.0), [k], one_pass=one_pass) for k in range(CHANNELS)]
    assert found == pytest.approx([0, 0, 0, 1, 0], abs=1e-5)


def test_half_of_it_through_either_of_two():
    subject = two_layers([0, 1, 0, 1, 0], [1.0, 2.0, 1.0, 2.0, 1.0])
    clean, inserted = pictures(1.0)
    assert share(subject, clean, inserted, [1]) == pytest.approx(0.5, abs=1e-5)
    assert share(subject, clean, inserted, [3]) == pytest.approx(0.5, abs=1e-5)
    assert share(subject, clean, inserted, [1, 3]) == pytest.approx(1.0, abs=1e-5)


def test_a_share_may_leave_the_unit_interval():
    """Component 1 speaks against the artefact: +4 through 3, -1 through 1, together +3."""
    subject = two_layers([0, 1, 0, 1, 0], [0.0, -1.0, 0.0, 4.0, 0.0])
    clean, inserted = pictures(1.0)
    assert share(subject, clean, inserted, [3]) == pytest.approx(4 / 3, abs=1e-5)
    assert share(subject, clean, inserted, [1]) == pytest.approx(-1 / 3, abs=1e-5)


def test_it_is_not_zeroing():
    """A component that the artefact leaves alone carries nothing of it, however much the model misses it."""
    subject = two_layers([0, 0, 0, 1, 0], [9.0, 0.0, 0.0, 1.0, 0.0])
    clean, inserted = pictures(1.0)
    plain, patched = patched_logits(subject, clean, inserted, LAYER, [(), [0]], in_one_pass=True)
    assert torch.allclose(patched[1], patched[0]) and (patched[1] - plain).abs().max() > 0.5


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), rectified=st.booleans())
def test_nothing_carries_nothing_and_everything_carries_all(seed, rectified):
    torch.manual_seed(seed)
    middle = nn.ReLU() if rectified else nn.Identity()
    subject = Toy(
        nn.Sequential(
            nn.Conv2d(2, CHANNELS, 3), middle, nn.Conv2d(CHANNELS, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(64, 2)
        )
    )
    layer = LayerInfo("1", CHANNELS, "spatial", rectified)
    clean, inserted = torch.randn(2, 2, 8, 8), torch.randn(2, 2, 8, 8)
    everything = range(layer.n_components)
    plain, patched = patched_logits(subject, clean, inserted, layer, [(), everything], in_one_pass=True)
    assert torch.allclose(patched[0], subject.logits(inserted), atol=1e-6)
    assert torch.allclose(patched[1], plain, atol=1e-6) and torch.allclose(plain, subject.logits(clean), atol=1e-6)


def test_only_the_side_comes_from_the_clean_image():
    """Channel values clean 3, inserted -2: its positive side alone gives 3 - 2, its negative side alone 0."""
    subject = Toy(nn.Sequential(nn.Identity(), nn.Flatten()))
    layer = LayerInfo("0", 2, "flat", False)
    clean, inserted = torch.tensor([[3.0, 1.0]]), torch.tensor([[-2.0, 1.0]])
    _, patched = patched_logits(subject, clean, inserted, layer, [[0], [2], [0, 2]], in_one_pass=True)
    assert patched[:, 0].tolist() == [[1.0, 1.0], [0.0, 1.0], [3.0, 1.0]]


def test_tokens_have_their_components_last():
    subject = Toy(nn.Sequential(nn.Identity(), nn.Flatten()))
    layer = LayerInfo("0", 3, "token", True)
    clean, inserted = torch.zeros(1, 2, 3), torch.ones(1, 2, 3)
    _, patched = patched_logits(subject, clean, inserted, layer, [[2]], in_one_pass=False)
    assert patched[0, 0].tolist() == [1, 1, 0, 1, 1, 0]


class Around(nn.Module):
    """A path leads around the block."""

    def __init__(self):
        super().__init__()
        self.block, self.head = nn.Conv2d(2, CHANNELS, 1), nn.Linear(CHANNELS + 2, 2)

    def forward(self, batch):
        return self.head(torch.cat([self.block(batch), batch], dim=1).mean((2, 3)))


def test_what_runs_around_the_layer_is_not_carried_by_it():
    torch.manual_seed(0)
    subject, layer = Toy(Around()), LayerInfo("block", CHANNELS, "spatial", False)
    clean, inserted = pictures(1.0)
    assert not goes_on_from(subject, clean, layer)
    whole = share(subject, clean, inserted, range(layer.n_components), layer, one_pass=False)
    weights = (subject.module.head.weight[1] - subject.module.head.weight[0]).detach()
    around = float(weights[-1])
    through = float(weights[:CHANNELS] @ subject.module.block.weight[:, 1, 0, 0].detach())
    assert whole == pytest.approx(through / (through + around), abs=1e-4)


def test_a_layer_behind_that_works_in_place_does_not_change_what_was_kept():
    subject = Toy(nn.Sequential(nn.Conv2d(2, CHANNELS, 1), nn.ReLU(inplace=True), nn.Flatten()))
    layer = LayerInfo("0", CHANNELS, "spatial", False)
    clean, inserted = torch.randn(1, 2, 2, 2), torch.randn(1, 2, 2, 2)
    plain, patched = patched_logits(subject, clean, inserted, layer, [range(10)], in_one_pass=True)
    assert torch.allclose(patched[0], plain)


def test_a_component_that_is_not_there():
    subject = two_layers([0] * CHANNELS, [1.0] * CHANNELS)
    with pytest.raises(LayerError, match="no component 7"):
        patched_logits(subject, *pictures(1.0), LAYER, [[7]], in_one_pass=True)
