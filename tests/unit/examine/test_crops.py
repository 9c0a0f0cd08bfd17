import numpy as np
import pytest
import torch
from torch import nn

from auditlens.errors import ModelError
from auditlens.examine import crops
from auditlens.examine.attribution.gradient import GradientXActivation
from auditlens.examine.attribution.lrp import Lrp
from auditlens.examine.crops import choose_heatmaps, crop_boxes, whole_boxes


@pytest.fixture
def spots(make_index):
    """Black images with one white spot each; its place is (x, y)."""
    places = [(10, 60), (60, 10), (64, 64), (20, 20)]
    arrays = []
    for x, y in places:
        image = np.zeros((80, 80, 3), np.uint8)
        image[y - 3 : y + 3, x - 3 : x + 3] = 255
        arrays.append(image)
    return make_index(arrays), places


@pytest.fixture
def seer(make_subject, make_layer):
    """Component 0 sees white, component 1 sees nothing."""
    module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    nn.init.zeros_(module[0].weight)
    nn.init.constant_(module[0].weight[0], 0.1)
    nn.init.zeros_(module[0].bias)
    module[0].bias.data[0] = 2.6
    return make_subject(module.eval().requires_grad_(False), (make_layer("1", 2),), size=40)


@pytest.mark.parametrize("made", [Lrp, GradientXActivation])
def test_crops_show_what_the_component_sees(seer, spots, made):
    index, places = spots
    indices = np.array([[0, 1, 2], [3, 0, -1]])
    crops = crop_boxes(seer, made(seer), index, "1", np.array([0, 1]), indices, 0.01, 2)
    for example in range(3):
        x, y = places[indices[0, example]]
        left, top, right, bottom = crops.focus[0, example]
        assert left <= x <= right and top <= y <= bottom
        assert crops.focus_share[0, example] < 0.25
        outer = crops.boxes[0, example]
        assert (outer[:2] <= (x, y)).all() and (outer[2:] >= (x, y)).all()
        assert crops.box_share[0, example] < 0.5
    assert crops.boxes[1, 0].tolist() == [0, 0, 80, 80], "a component without attribution keeps the whole image"
    assert crops.box_share[1, 0] == 1
    assert crops.boxes[1, 2].tolist() == [0, 0, 0, 0] and np.isnan(crops.box_share[1, 2])


def test_sharing_forwards_changes_nothing(subject, index):
    rng = np.random.default_rng(0)
    components = np.array([5, 0, 3])
    indices = np.stack([rng.permutation(23)[:6] for _ in components])
    made, done = Lrp(subject), []
    shared = crop_boxes(subject, made, index, "relu2", components, indices, 0.3, 5, done.append)
    assert sum(done) == len(np.unique(indices))
    for k, component in enumerate(components):
        alone = crop_boxes(subject, made, index, "relu2", np.array([component]), indices[k : k + 1], 0.3, 1)
        np.testing.assert_array_equal(shared.boxes[k], alone.boxes[0])
        np.testing.assert_array_equal(shared.focus[k], alone.focus[0])
    assert (shared.boxes[..., 2:] > shared.boxes[..., :2]).all()


def test_each_distinct_image_runs_forward_once(subject, index):
    seen = []
    handle = subject.module.register_forward_hook(lambda _m, inputs, _o: seen.append(len(inputs[0])))
    indices = np.array([[0, 1, 2], [2, 1, 0], [1, 3, 0]])
    crop_boxes(subject, GradientXActivation(subject), index, "relu2", np.array([0, 1, 2]), indices, 0.01, 2)
    handle.remove()
    assert sum(seen) == 4


def full(rng, n_components, n_examples, n_images):
    return np.stack([rng.permutation(n_images)[:n_examples] for _ in range(n_components)])


def test_batches_hold_images_with_about_equally_many_components():
    indices = full(np.random.default_rng(0), 30, 10, 60)
    works = crops._by_image(indices)
    groups = list(crops._groups(works, 8))
    assert [work for group in groups for work in group] == works
    for group in groups:
        counts = [len(work.places) for work in group]
        assert len(group) <= 8 and max(counts) == counts[0]
        assert sum(counts) >= crops.LEAST_USED * len(counts) * counts[0]
    assert len(groups) < len(works) / 2


def test_few_heatmaps_are_held_however_many_components_share_an_image(subject, index, monkeypatch):
    indices, components = full(np.random.default_rng(1), 8, 10, 12), np.arange(8)
    made, done, held = Lrp(subject), [], []
    whole = crop_boxes(subject, made, index, "relu2", components, indices, 0.3, 5)
    monkeypatch.setattr(crops, "MOST_MAPS", 3)
    heatmaps = made.heatmaps
    monkeypatch.setattr(made, "heatmaps", lambda *given: held.append(given[2].numel()) or heatmaps(*given))
    cut = crop_boxes(subject, made, index, "relu2", components, indices, 0.3, 5, done.append)
    assert max(held) <= 3
    assert sum(done) == len(np.unique(indices))
    np.testing.assert_array_equal(cut.boxes, whole.boxes)


def test_without_heatmaps_the_images_stay_whole(subject, make_index, noise):
    index = make_index([*noise(1, size=(20, 30)), *noise(1, size=(50, 40))])
    indices = np.array([[1, 0, -1]])
    crops = crop_boxes(subject, None, index, "relu2", np.array([0]), indices)
    assert crops.boxes[0].tolist() == [[0, 0, 40, 50], [0, 0, 30, 20], [0, 0, 0, 0]]
    np.testing.assert_array_equal(crops.boxes, whole_boxes(index, indices))
    np.testing.assert_array_equal(crops.box_share, [[1, 1, np.nan]])


def test_what_crops_is_said(subject):
    lrp, gradient = Lrp(subject), GradientXActivation(subject)
    assert choose_heatmaps(subject, "none", lrp)[0] is None
    assert choose_heatmaps(subject, "auto", lrp) == (lrp, "CRP heatmaps of single components.")
    assert choose_heatmaps(subject, "crp", lrp)[0] is lrp
    assert choose_heatmaps(subject, "activation", lrp)[0].name == "gradient_x_activation"
    assert "since CRP heatmaps need the attributor lrp" in choose_heatmaps(subject, "auto", gradient)[1]
    with pytest.raises(ModelError, match="CRP crops need LRP"):
        choose_heatmaps(subject, "crp", gradient)


def test_a_layer_of_tokens_is_cropped_too(make_subject, make_layer, make_index, noise):
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.patch, self.norm, self.head = nn.Conv2d(3, 6, 8, stride=8), nn.LayerNorm(6), nn.Linear(6, 2)

        def forward(self, x):
            tokens = self.patch(x).flatten(2).transpose(1, 2)
            tokens = torch.cat([tokens.mean(1, keepdim=True), tokens], dim=1)
            return self.head(self.norm(tokens).mean(1))

    subject = make_subject(Tokens().eval().requires_grad_(False), (make_layer("norm", 6, "token", False),))
    index = make_index(noise(4))
    made = GradientXActivation(subject)
    assert made.relevance(torch.zeros(2, 3, 32, 32), 0, "norm").shape == (2, 12)
    crops = crop_boxes(subject, made, index, "norm", np.array([0, 9]), np.array([[0, 1], [2, 3]]))
    assert (crops.box_share > 0).all() and (crops.box_share <= 1).all()
