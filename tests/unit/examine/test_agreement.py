import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from auditlens.errors import LayerError
from auditlens.examine.agreement import (
    Agreement,
    ablation_agreement,
    drop_without_most_relevant,
    margin_drops,
    spearman,
)
from auditlens.examine.attribution.gradient import GradientXActivation
from auditlens.subject import margin


def batch_of(n=4, size=32, seed=0):
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def linear(subject):
    """Two classes: behind relu2 the margin is linear in the channels."""
    subject.module.head.weight[2] = 0
    subject.module.head.bias[2] = -1e6
    return subject


def test_where_the_margin_is_linear_the_agreement_is_perfect(linear):
    made = GradientXActivation(linear)
    found = ablation_agreement(linear, made, [batch_of(3), batch_of(2, seed=1)], 0, "relu2")
    assert found.components.tolist() == list(range(8)) and found.drop.shape == (5, 8)
    np.testing.assert_allclose(found.drop, found.relevance, atol=1e-5)
    np.testing.assert_allclose(found.of_sign_and_size, 1)
    assert found.mean > 0.99


def test_relevance_of_another_image_agrees_less(linear):
    class Wrong(GradientXActivation):
        def relevance(self, batch, class_index, layer):
            return super().relevance(batch, class_index, layer).roll(3, dims=1)

    assert ablation_agreement(linear, Wrong(linear), [batch_of(8)], 0, "relu2").mean < 0.6


def test_drops_are_those_of_silenced_channels(subject):
    layer = subject.layers[1]
    found = margin_drops(subject, batch_of(), 1, layer, np.array([2, 5]))
    with torch.no_grad():
        whole = margin(subject.logits(batch_of()), 1)
        for column, channel in enumerate((2, 5)):
            handle = subject.module.relu2.register_forward_hook(
                lambda _m, _i, out, c=channel: out.index_fill(1, torch.tensor([c]), 0)
            )
            expected = whole - margin(subject.logits(batch_of()), 1)
            handle.remove()
            np.testing.assert_allclose(found[:, column], expected.numpy(), atol=1e-6)


def test_a_side_goes_alone(subject):
    """conv2 is followed by a ReLU: without its negative side nothing changes, without the positive one all is gone."""
    drops = margin_drops(subject, batch_of(), 0, subject.layers[0], np.arange(16))
    assert not drops[:, 8:].any()
    np.testing.assert_allclose(
        drops[:, :8], margin_drops(subject, batch_of(), 0, subject.layers[1], np.arange(8)), atol=1e-6
    )


def test_the_audited_model_runs_as_before(subject):
    before = subject.module(batch_of())
    margin_drops(subject, batch_of(), 0, subject.layers[1], np.arange(8))
    assert torch.equal(before, subject.module(batch_of()))


def test_components_are_drawn_by_the_seed_alone(subject):
    made = GradientXActivation(subject)
    first, again, other = (
        ablation_agreement(subject, made, [batch_of(1)], 0, "relu2", 3, seed).components.tolist() for seed in (1, 1, 2)
    )
    assert len(first) == 3 and first == again and first != other


def test_rank_correlation_is_scipys():
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, 5, (6, 12)).astype(float), rng.normal(size=(6, 12))
    expected = [spearmanr(a, b).statistic for a, b in zip(left, right, strict=True)]
    np.testing.assert_allclose(spearman(left, right), expected)


def test_constant_rows_have_no_correlation_and_do_not_count():
    found = Agreement(np.arange(3), np.array([[0.0, 0, 0], [1, -2, 3]]), np.array([[1.0, 2, 3], [1, -2, 3]]))
    assert np.isnan(found.of_size[0]) and found.mean == 1
    assert np.isnan(Agreement(np.arange(3), np.zeros((1, 3)), np.zeros((1, 3))).mean)


def test_no_images_give_no_rows(subject):
    assert ablation_agreement(subject, GradientXActivation(subject), [], 0, "relu2").drop.shape == (0, 8)


def test_an_unknown_layer_is_refused(subject):
    with pytest.raises(LayerError, match="relu2"):
        ablation_agreement(subject, GradientXActivation(subject), [batch_of(1)], 0, "relu9")


def test_what_is_lost_together_adds_up_where_the_margin_is_linear(linear):
    relevance = GradientXActivation(linear).relevance(batch_of(), 0, "relu2")
    found = drop_without_most_relevant(linear, relevance, batch_of(), 0, "relu2", 0.25)
    np.testing.assert_allclose(found, relevance.topk(2, dim=1).values.sum(1).numpy(), atol=1e-5)
    least = drop_without_most_relevant(linear, -relevance, batch_of(), 0, "relu2", 0.25)
    assert (found > least).all()


def test_sides_are_lost_alone(subject):
    """Without all negative sides of conv2 nothing changes, without all positive ones nothing is left."""
    positive, batch = torch.arange(16.0).flip(0).expand(4, 16), batch_of()
    nothing_left = margin(subject.module.head(torch.zeros(4, 8)), 0)
    found = drop_without_most_relevant(subject, positive, batch, 0, "conv2", 0.5)
    np.testing.assert_allclose(found, (margin(subject.logits(batch), 0) - nothing_left).numpy(), atol=1e-5)
    assert not drop_without_most_relevant(subject, -positive, batch, 0, "conv2", 0.5).any()
