import math

import numpy as np
import pytest
import torch
from torch import nn

from auditlens.errors import ModelError
from auditlens.subject.outputs import (
    check_ending,
    check_output,
    ends_in_sigmoid,
    margin,
    probabilities_of,
    to_logits,
    to_probabilities,
)


def test_margin_of_two_classes_is_the_log_odds():
    logits = torch.tensor([[1.0, 3.5], [0.0, -2.0]])
    assert margin(logits, 1).tolist() == [2.5, -2.0]
    probabilities = logits.softmax(1)
    torch.testing.assert_close(margin(logits, 0), (probabilities[:, 0] / probabilities[:, 1]).log())


def test_margin_from_its_definition_and_without_what_logits_share():
    logits = torch.randn(4, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for row in range(4):
        rest = math.log(sum(math.exp(logits[row, c]) for c in range(6) if c != 2))
        assert margin(logits, 2)[row].item() == pytest.approx(logits[row, 2].item() - rest)
    torch.testing.assert_close(margin(logits + 7, 2), margin(logits, 2))


def test_single_logit_becomes_two_columns():
    raw = torch.tensor([0.5, -1.0])
    for shape in (raw, raw[:, None]):
        logits = to_logits(shape, "single_logit")
        assert logits.tolist() == [[0.0, 0.5], [0.0, -1.0]]
        torch.testing.assert_close(logits.softmax(1)[:, 1], raw.sigmoid())


def test_probabilities_become_their_logarithm():
    raw = torch.tensor([[0.2, 0.8], [0.0, 1.0]])
    logits = to_logits(raw, "probabilities")
    torch.testing.assert_close(logits.softmax(1), raw)
    assert logits.isfinite().all()
    torch.testing.assert_close(to_logits(raw[:, 1], "probabilities").softmax(1), raw)


def test_gradients_pass():
    raw = torch.tensor([[0.2, 0.8]], requires_grad=True)
    margin(to_logits(raw, "probabilities"), 1).sum().backward()
    assert raw.grad is not None
    assert raw.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("raw", "output", "n_classes"),
    [
        (torch.tensor([[1.0, 2.0, -3.0]]), "logits", 3),
        (torch.tensor([[0.1, 0.9]]), "probabilities", 2),
        (torch.tensor([[0.7]]), "probabilities", 2),
        (torch.tensor([0.7]), "single_logit", 2),
        (torch.tensor([[7.0]]), "single_logit", 2),
        (torch.tensor([[1.0, 2.0, -3.0]]), "multi_label", 3),
        (torch.tensor([[0.9, 0.8]]), "multi_label", 2),
        (torch.tensor([[0.9, 0.8]]), "multi_label_probabilities", 2),
    ],
)
def test_fitting_outputs(raw, output, n_classes):
    check_output(raw, output, n_classes)


@pytest.mark.parametrize(
    ("raw", "output", "n_classes", "words"),
    [
        ((torch.zeros(1, 2),), "logits", 2, "one tensor"),
        (torch.zeros(1, 2, 3), "logits", 2, "shape"),
        (torch.tensor([[1.0, 2.0, 3.0]]), "logits", 2, "3 outputs, but the spec names 2 classes"),
        (torch.tensor([[1.0]]), "logits", 2, "declare `output: single_logit`"),
        (torch.tensor([[1.0, 2.0]]), "single_logit", 2, "one output and two classes"),
        (torch.tensor([[1.0]]), "single_logit", 3, "one output and two classes"),
        (torch.tensor([[1.0, 2.0]]), "probabilities", 2, "do not lie in 0 to 1"),
        (torch.tensor([[0.2, 0.2]]), "probabilities", 2, "sum to 1"),
        (torch.tensor([[0.25, 0.75]]), "logits", 2, "are probabilities"),
        (torch.tensor([[0.9, 0.8]]), "probabilities", 2, "declare `output: multi_label_probabilities`"),
        (torch.tensor([[0.9, -0.8]]), "multi_label_probabilities", 2, "declare `output: multi_label`"),
        (torch.tensor([[0.25, 0.75]]), "multi_label", 2, "are probabilities"),
        (torch.tensor([[0.25]]), "multi_label", 2, "1 outputs, but the spec names 2"),
        (torch.tensor([[math.nan, 0.0]]), "logits", 2, "not finite"),
    ],
)
def test_outputs_that_do_not_fit(raw, output, n_classes, words):
    with pytest.raises(ModelError, match=words):
        check_output(raw, output, n_classes)


def test_with_several_labels_each_class_has_its_own_sigmoid_and_margin():
    raw = torch.tensor([[1.5, 1.0, -4.0]])
    assert torch.equal(to_logits(raw, "multi_label"), raw)
    torch.testing.assert_close(to_probabilities(raw, "multi_label"), 1 / (1 + (-raw).exp()))
    assert margin(raw, 1, "multi_label").tolist() == [1.0]
    shifted = raw + torch.tensor([[3.0, 0.0, 3.0]])
    assert margin(shifted, 1, "multi_label").tolist() == [1.0]
    assert margin(shifted, 1).item() != pytest.approx(margin(raw, 1).item())


def test_independent_probabilities_become_their_log_odds():
    raw = torch.tensor([[0.2, 0.9, 0.0, 1.0]])
    logits = to_logits(raw, "multi_label_probabilities")
    assert logits.isfinite().all()
    torch.testing.assert_close(to_probabilities(logits, "multi_label_probabilities"), raw)
    assert margin(logits, 1, "multi_label_probabilities").item() == pytest.approx(math.log(9), rel=1e-5)


@pytest.mark.parametrize("output", ["logits", "single_logit", "probabilities"])
def test_probabilities_of_exclusive_classes_sum_to_one(output):
    logits = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(to_probabilities(logits, output), logits.exp() / logits.exp().sum(1, keepdim=True))


class Ending(nn.Module):
    def __init__(self, end):
        super().__init__()
        self.head, self.end = nn.Linear(4, 3), end

    def forward(self, x):
        return self.end(self.head(x))


@pytest.mark.parametrize("end", [torch.sigmoid, lambda z: z.sigmoid().view(-1, 3), lambda z: z.sigmoid().squeeze(-1)])
def test_a_sigmoid_at_the_end_is_found_and_refused_for_logits(end):
    module, batch = Ending(end), torch.rand(2, 4)
    assert ends_in_sigmoid(module, batch)
    for output in ("logits", "multi_label"):
        with pytest.raises(ModelError, match=r"ends in a sigmoid.*multi_label_probabilities"):
            check_ending(module, batch, module(batch), output)
    check_ending(module, batch, module(batch), "multi_label_probabilities")


def test_logits_that_happen_to_lie_between_zero_and_one_are_logits():
    module = Ending(lambda z: z * 1e-3 + 0.5)
    batch = torch.rand(2, 4)
    assert not ends_in_sigmoid(module, batch)
    check_ending(module, batch, module(batch), "multi_label")


def test_stored_logits_that_may_not_be_written_to():
    logits = np.array([[0.5, -1.0]], dtype=np.float32)
    logits.flags.writeable = False
    np.testing.assert_allclose(probabilities_of(logits, "multi_label"), 1 / (1 + np.exp(-logits)), rtol=1e-6)
    np.testing.assert_allclose(probabilities_of(logits, "logits").sum(1), 1, rtol=1e-6)
