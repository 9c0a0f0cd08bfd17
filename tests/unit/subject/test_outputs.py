import math

import pytest
import torch

from auditlens.errors import ModelError
from auditlens.subject.outputs import check_output, margin, to_logits


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
        (torch.tensor([[math.nan, 0.0]]), "logits", 2, "not finite"),
    ],
)
def test_outputs_that_do_not_fit(raw, output, n_classes, words):
    with pytest.raises(ModelError, match=words):
        check_output(raw, output, n_classes)
