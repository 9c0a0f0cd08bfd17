import pytest
import torch
from torch import nn

from auditlens.examine.attribution.lrp import Lrp
from auditlens.examine.attribution.rewrite import UnsupportedError
from auditlens.examine.attribution.twin import largest_gap, make_twin


def batch_of(n=4, size=32, seed=0):
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(seed))


class Net(nn.Module):
    def __init__(self, ending=None, width=3):
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        self.head, self._ending = nn.Linear(4, width), ending

    def forward(self, x):
        z = self.head(self.features(x).mean((2, 3)))
        return z if self._ending is None else self._ending(z)


ENDINGS = {
    "softmax": (lambda z: z.softmax(1), 3, "probabilities", "logits"),
    "sigmoid of one column": (torch.sigmoid, 1, "probabilities", "single_logit"),
    "sigmoid, squeezed": (lambda z: torch.sigmoid(z).squeeze(1), 1, "probabilities", "single_logit"),
    "sigmoids": (lambda z: z.sigmoid(), 3, "multi_label_probabilities", "multi_label"),
}


def pair(make_subject, make_layer, name):
    ending, width, output, bare = ENDINGS[name]
    layers = (make_layer("features.2", 4),)
    made = (Net(ending, width), output), (Net(None, width), bare)
    return [make_subject(net.eval().requires_grad_(False), layers, output=kind) for net, kind in made]


@pytest.mark.parametrize("name", ENDINGS)
def test_an_ending_is_left_out_and_changes_no_relevance(make_subject, make_layer, name):
    ending, bare = pair(make_subject, make_layer, name)
    assert make_twin(ending).output == bare.output
    assert not ending.module(batch_of()).isclose(bare.module(batch_of()).reshape(ending.module(batch_of()).shape)).any()
    for class_index in range(2):
        expected = Lrp(bare).relevance(batch_of(), class_index, "features.2")
        found = Lrp(ending).relevance(batch_of(), class_index, "features.2")
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
        assert expected.any()


def test_a_sigmoid_that_saturates_still_has_relevance(make_subject, make_layer):
    """Through the probability itself the gradient would be zero in single precision."""
    ending, _ = pair(make_subject, make_layer, "sigmoid of one column")
    ending.module.head.bias += 60
    assert ending.module(batch_of()).eq(1).all()
    assert Lrp(ending).relevance(batch_of(), 1, "features.2").abs().sum() > 1e-3


@pytest.mark.parametrize("last", [nn.Softmax(1), nn.Sigmoid()])
def test_the_end_of_a_sequence_is_left_out(make_subject, make_layer, last):
    parts = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3), last)
    output = "probabilities" if isinstance(last, nn.Softmax) else "multi_label_probabilities"
    made = make_twin(make_subject(nn.Sequential(parts).eval().requires_grad_(False), (), output=output))
    assert made.output in ("logits", "multi_label") and made.gap < 1e-5


def test_a_sigmoid_elsewhere_has_no_rule(make_subject):
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sigmoid(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(UnsupportedError, match=r"no rule for Sigmoid \(1\)"):
        make_twin(make_subject(module.eval(), ()))


def test_sigmoids_declared_as_exclusive_are_refused(make_subject):
    with pytest.raises(UnsupportedError, match="exclude each other"):
        make_twin(make_subject(Net(torch.sigmoid).eval(), (), output="probabilities"))


def test_other_outputs_are_refused(make_subject):
    subject = make_subject(Net().eval().requires_grad_(False), ())
    outputs = subject.module(batch_of())
    assert largest_gap(subject, batch_of(), outputs * 1.0001) == pytest.approx(1e-4, rel=0.01)
    with pytest.raises(UnsupportedError, match="gives other outputs"):
        largest_gap(subject, batch_of(), outputs + 0.1)
