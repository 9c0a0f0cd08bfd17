"""`model.silenced`: components that give zero in every pass, for whoever loads the model from the spec."""

import copy

import pytest
import torch

from auditlens.errors import LayerError
from auditlens.examine.attribution.choice import choose
from auditlens.examine.attribution.lrp import Lrp
from auditlens.spec.model import Model, Preprocessing
from auditlens.subject import LayerInfo, activations, load_subject
from auditlens.subject.silencing import keep_sides

NETS = """
import torch
from torch import nn
from torch.nn import functional

class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
    def forward(self, x):
        return functional.relu(self.bn(self.conv(x)) + x)

def block():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.ReLU(), Block(6), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 2)
    )

def gelu():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 2))
"""


@pytest.fixture
def load(tmp_path):
    (tmp_path / "nets_to_silence.py").write_text(NETS)

    def loaded(factory="block", layers="2", silenced=()):
        model = Model(
            architecture=f"python:nets_to_silence:{factory}", import_path=".", classes=("a", "b"),
            layers=layers, preprocessing=Preprocessing(resize=12), silenced=silenced,
        )  # fmt: skip
        return load_subject(model, tmp_path)

    return loaded


def batch():
    return torch.rand(3, 3, 12, 12, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_a_named_component_gives_zero_and_the_others_stay(load):
    whole, pruned = load(), load(silenced=("2:1", "2:4"))
    before, after = (activations(subject, ("2",), batch())["2"] for subject in (whole, pruned))
    assert before[:, [1, 4]].any()
    assert not after[:, [1, 4]].any()
    kept = [0, 2, 3, 5]
    assert torch.equal(before[:, kept], after[:, kept])
    assert not torch.allclose(whole.logits(batch()), pruned.logits(batch()))


@torch.no_grad()
def test_only_the_named_side_gives_zero(load):
    pruned = load("gelu", "1", ("1:2-", "1:3"))
    out, whole = (activations(subject, ("1",), batch())["1"] for subject in (pruned, load("gelu", "1")))
    assert (out[:, 2] >= 0).all()
    assert torch.equal(out[:, 2], whole[:, 2].clamp_min(0))
    assert torch.equal(out[:, 3], whole[:, 3].clamp_max(0))


def test_a_layer_keeps_its_components_when_all_negative_sides_are_silenced(load):
    names = tuple(f"1:{channel}-" for channel in range(6))
    assert load("gelu", "1", names).layers == load("gelu", "1").layers, "ids must mean the same before and after"


def test_the_digest_knows_of_it(load):
    digests = {load(silenced=names).digest for names in ((), ("2:1",), ("2:4",), ("2:1", "2:4"), ("2:4", "2:1"))}
    assert len(digests) == 4


def test_a_copy_stays_silent(load):
    subject = load(silenced=("2:1",))
    assert torch.equal(copy.deepcopy(subject.module)(batch()), subject.logits(batch()))


@pytest.mark.parametrize("layers", ["2", "2.bn", "1"])
def test_lrp_stays_and_gives_the_silenced_no_relevance(load, layers):
    """`2.bn` is merged away in the form with rules, which must not lose the hook."""
    side = "-" if layers == "2.bn" else ""
    silenced = tuple(f"{layers}:{channel}{end}" for channel in (1, 4) for end in {"", side})
    subject = load(layers=layers, silenced=silenced)
    attributor, why = choose(subject)
    assert isinstance(attributor, Lrp), why
    relevance = attributor.relevance(batch(), 1, layers)
    n = subject.layers[0].n_channels
    gone = [1, 4] if relevance.shape[1] == n else [1, 4, 1 + n, 4 + n]
    assert not relevance[:, gone].any()
    assert relevance.any()


@pytest.mark.parametrize("requested", ["attnlrp", "gradient_x_activation", "integrated_gradients"])
def test_no_attributor_gives_the_silenced_relevance(load, requested):
    subject = load("gelu", "1", ("1:2", "1:2-", "1:3-"))
    attributor, _ = choose(subject, requested)
    relevance = attributor.relevance(batch(), 1, "1")
    assert not relevance[:, [2, 8, 9]].any()
    assert relevance[:, [0, 3]].any()


@pytest.mark.parametrize(
    ("names", "place", "said"),
    [
        (("2:1", "2:6"), 1, "layer '2' has no channel 6; valid are 2:0 to 2:5"),
        (("2:1-",), 0, "is rectified, so its channels have no negative side; write 2:1"),
        (("2.bm:1",), 0, "did you mean '2.bn'"),
        (("auto:1",), 0, "names no single layer"),
        (("2.*:1",), 0, "names no single layer"),
    ],
)
def test_what_the_model_lacks_is_told_with_its_place(load, names, place, said):
    with pytest.raises(LayerError) as caught:
        load(silenced=names)
    assert said in str(caught.value)
    assert caught.value.field == ("model", "silenced", place)


@pytest.mark.parametrize(("kind", "shape"), [("spatial", (2, 3, 4, 4)), ("token", (2, 5, 3))])
def test_what_is_kept_may_differ_from_image_to_image(kind, shape):
    layer = LayerInfo("x", 3, kind, rectified=False)
    output = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    kept = torch.ones(2, 2, 3)
    kept[0, 0, 1] = kept[1, 1, 2] = 0
    found = keep_sides(output, layer, kept)
    each = [keep_sides(output[row : row + 1], layer, kept[row]) for row in range(2)]
    assert torch.equal(found, torch.cat(each))
    assert not torch.equal(found[0], output[0]) and not torch.equal(found[1], output[1])
