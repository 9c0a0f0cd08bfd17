import pytest
import torch
import torchvision
from torch import nn

from auditlens.errors import ModelError
from auditlens.examine.attribution.choice import ATTRIBUTORS, SENTENCES, choose


def torchvision_subject(make_subject, name):
    torch.manual_seed(0)
    module = getattr(torchvision.models, name)(num_classes=4)
    return make_subject(module.eval().requires_grad_(False), (), size=64)


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet18", "squeezenet1_1", "alexnet"])
def test_auto_takes_lrp_for_convolutions_and_relus(make_subject, name):
    attributor, reason = choose(torchvision_subject(make_subject, name))
    assert attributor.name == "lrp"
    assert reason.endswith("rules, since every layer of the model has a propagation rule.")


@pytest.mark.parametrize(
    ("name", "why"),
    [("efficientnet_b0", "SiLU"), ("swin_t", "ShiftedWindowAttention"), ("mobilenet_v3_small", "Hard")],
)
def test_auto_takes_attnlrp_elsewhere_and_names_what_lrp_lacks(make_subject, name, why):
    subject = torchvision_subject(make_subject, name)
    attributor, reason = choose(subject)
    assert attributor.name == "attnlrp"
    assert reason.startswith("AttnLRP (") and "since the z+ composite does not fit: " in reason
    with pytest.raises(ModelError, match=f"^LRP does not fit this model: .*({why})"):
        choose(subject, "lrp")


class Exponential(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return self.conv(x).exp().mean((2, 3))


def test_without_rules_it_is_gradient_x_activation_and_says_so(make_subject):
    subject = make_subject(Exponential().requires_grad_(False), ())
    attributor, reason = choose(subject)
    assert attributor.name == "gradient_x_activation"
    assert reason == (
        "Gradient x activation: LRP does not fit, since there is no rule for exp in Exponential; "
        "AttnLRP does not, since there is no AttnLRP rule for Exp."
    )
    with pytest.raises(ModelError, match="AttnLRP does not fit this model: there is no AttnLRP rule for Exp"):
        choose(subject, "attnlrp")


@pytest.mark.parametrize("name", ATTRIBUTORS)
def test_what_the_spec_asks_is_taken_and_said(subject, name):
    attributor, reason = choose(subject, name)
    assert attributor.name == name and reason == f"{SENTENCES[name]}, as the spec asks."


def test_every_attributor_has_a_sentence():
    assert set(SENTENCES) == set(ATTRIBUTORS)


def test_an_unknown_name_is_refused(subject):
    with pytest.raises(ModelError, match=r"valid are auto, lrp, attnlrp.*did you mean"):
        choose(subject, "attn_lrp")
