import pytest
import torch
from torch import nn

from auditlens.examine.attribution.gradient import GradientXActivation
from auditlens.examine.attribution.integrated_gradients import IntegratedGradients
from auditlens.subject import margin


def batch_of(n=4, size=32, seed=0):
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(seed))


def test_relevances_add_up_to_the_difference_of_the_margins(subject):
    made, batch = IntegratedGradients(subject), 2 * batch_of()
    found = made.completeness(batch, 1, "conv2")
    grey = subject.prepare(torch.full((40, 40, 3), 128, dtype=torch.uint8).numpy())[None]
    expected = margin(subject.logits(batch), 1) - margin(subject.logits(grey), 1)
    torch.testing.assert_close(found.difference, expected)
    assert (found.gap < 0.01).all() and (found.total.abs() > 1e-3).any()
    torch.testing.assert_close(made.relevance(batch, 1, "conv2").sum(1), found.total, rtol=1e-4, atol=1e-6)


def test_fewer_steps_are_less_complete(subject):
    batch = 4 * batch_of()
    few, many = (IntegratedGradients(subject, n).completeness(batch, 1, "conv1").gap.mean() for n in (1, 64))
    assert many < few and many < 0.01


def test_gradient_x_activation_is_not_complete(subject):
    batch = 4 * batch_of()
    difference = IntegratedGradients(subject).completeness(batch, 1, "conv2").difference
    total = GradientXActivation(subject).relevance(batch, 1, "conv2").sum(1)
    assert ((total - difference).abs() / difference.abs()).mean() > 0.05


def test_the_baseline_itself_has_no_relevance(subject):
    made = IntegratedGradients(subject)
    assert not made.relevance(made._baseline, 0, "relu2").any()


def test_sides_are_those_of_the_images_own_activation(subject):
    found = IntegratedGradients(subject).relevance(batch_of(2), 0, "conv2")
    assert found.shape == (2, 16) and found[:, :8].any() and found[:, 8:].any()


@pytest.mark.parametrize("output", ["probabilities", "multi_label_probabilities"])
def test_probabilities_are_explained_by_their_margin(make_subject, make_layer, output):
    ending = nn.Softmax(1) if output == "probabilities" else nn.Sigmoid()
    parts = [nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)]
    torch.manual_seed(0)
    bare = make_subject(
        nn.Sequential(*parts).requires_grad_(False),
        (make_layer("1", 4),),
        output="logits" if output == "probabilities" else "multi_label",
    )
    ended = make_subject(nn.Sequential(*parts, ending), (make_layer("1", 4),), output=output)
    expected, found = (IntegratedGradients(made).relevance(batch_of(), 1, "1") for made in (bare, ended))
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)


def test_heatmaps_are_activation_maps(subject):
    components = torch.tensor([[0, 3], [1, -1]])
    found = IntegratedGradients(subject).heatmaps(batch_of(2), "relu2", components)
    torch.testing.assert_close(found, GradientXActivation(subject).heatmaps(batch_of(2), "relu2", components))
