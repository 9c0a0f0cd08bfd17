"""Faults that were measured in public implementations of these methods; none of them may be ours, one test each."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from auditlens import api
from auditlens.examine.attribution.attributor import shares
from auditlens.examine.attribution.gradient import GradientXActivation
from auditlens.examine.attribution.lrp import Lrp
from auditlens.examine.collect import collect
from auditlens.examine.crops import crop_boxes
from auditlens.examine.embed import embed_components
from auditlens.examine.interpretability import clarity, component_embeddings, redundancy, similarity_matrix
from auditlens.examine.relevance import class_relevance
from auditlens.semantics.probes import text_probe, word_probes
from auditlens.subject import margin
from tests.e2e.project import Project, brightness_weights
from tests.oracle.networks import batch_of, load, pixels_of, write_arrays, write_images
from tests.oracle.test_probe_definitions import Encoder


class Colours:
    """Embeds an image by its mean colour and its size; counts what it is given."""

    dimension = 5

    def __init__(self):
        self.given = []

    def embed_images(self, images, _batch_size=32):
        self.given += [image.tobytes() for image in images]
        rows = [[*image.mean(axis=(0, 1)) + 1, *image.shape[:2]] for image in images]
        return np.array([row / np.linalg.norm(row) for row in rows], np.float32)


@pytest.fixture
def subject():
    return load("two_convolutions", ["relu1", "conv2", "relu2"])


def test_several_queries_with_several_templates_do_not_mix():
    words = ["ruler", "ink", "hair"]
    together = word_probes(Encoder(), words, "paper")
    _, paraphrases = text_probe(Encoder(), words, "paper")
    for row, word in enumerate(words):
        alone, _ = text_probe(Encoder(), [word], "paper")
        np.testing.assert_allclose(together[word], alone, atol=1e-6)
        np.testing.assert_allclose(paraphrases[row], alone, atol=1e-6)


def test_as_many_components_as_dimensions_are_compared_with_each_other():
    """x @ y instead of x @ y.T would compare components with dimensions."""
    thetas = np.random.default_rng(0).normal(size=(6, 6))
    lengths = np.linalg.norm(thetas, axis=1)
    expected = [[thetas[i] @ thetas[j] / lengths[i] / lengths[j] for j in range(6)] for i in range(6)]
    np.testing.assert_allclose(similarity_matrix(thetas), expected, atol=1e-12)
    padded = np.concatenate([thetas, np.zeros((6, 1))], axis=1)
    assert redundancy(thetas) == pytest.approx(redundancy(padded))


def test_components_that_are_never_positive_have_examples(subject, tmp_path):
    """A start at zero would leave index -1 and lose their order."""
    subject.module.conv2.weight.mul_(0.1)
    subject.module.conv2.bias.fill_(-9.0)
    index = write_images(tmp_path, 6)
    _, examples = collect(subject, index, ["conv2"], 4, batch_size=4)
    found = examples["conv2"]
    maps = [subject.module[:3](subject.prepare(pixels)[None])[0] for pixels in pixels_of(index)]
    values = torch.stack([row.mean((1, 2)) for row in maps]).numpy()
    assert (values < 0).all() and (found.image_indices >= 0).all()
    for channel in range(5):
        rows = found.image_indices[channel]
        assert rows.tolist() == np.argsort(-values[:, channel])[:4].tolist()
        np.testing.assert_allclose(found.activations[channel], values[rows, channel], rtol=1e-6)


def test_fewer_images_than_examples_are_padded_and_the_padding_counts_for_nothing(subject, tmp_path):
    index = write_images(tmp_path, 3)
    _, examples = collect(subject, index, ["relu2"], 5)
    rows = examples["relu2"].image_indices[:2]
    assert (rows[:, 3:] == -1).all() and np.isnan(examples["relu2"].activations[:, 3:]).all()
    crops = crop_boxes(subject, Lrp(subject), index, "relu2", np.array([0, 1]), rows)
    found = embed_components(Colours(), index, "relu2", np.array([0, 1]), rows, crops.boxes, n_null=4)
    assert np.isnan(found.embeddings[:, 3:]).all() and np.isfinite(found.embeddings[:, :3]).all()
    theta = component_embeddings(found.embeddings)
    np.testing.assert_allclose(theta, found.embeddings[:, :3].mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(clarity(found.embeddings), clarity(found.embeddings[:, :3]), rtol=1e-9)


def n_hooks(module):
    parts = list(module.modules())
    return sum(len(p._forward_hooks) + len(p._forward_pre_hooks) + len(p._backward_hooks) for p in parts)


def test_nothing_hangs_on_the_model_afterwards_and_a_second_pass_finds_the_same(subject, tmp_path):
    index, rows = write_images(tmp_path, 5), np.arange(5)
    before = {name: tensor.clone() for name, tensor in subject.module.state_dict().items()}

    def everything():
        predictions, examples = collect(subject, index, ["relu1", "relu2"], 3, batch_size=2)
        made = [Lrp(subject), GradientXActivation(subject)]
        relevance = [class_relevance(subject, each, index, 1, "relu2", rows, 2) for each in made]
        chosen = examples["relu2"].image_indices
        boxes = [crop_boxes(subject, each, index, "relu2", np.arange(5), chosen, 0.3, 2).boxes for each in made]
        return [predictions.logits, *(found.activations for found in examples.values()), *relevance, *boxes]

    first, second = everything(), everything()
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    assert n_hooks(subject.module) == 0
    assert all(torch.equal(before[name], tensor) for name, tensor in subject.module.state_dict().items())


def record_of(project, name, store):
    folder = project.folder / name
    options = {"device": "cpu", "threads": 1, "batch_size": 4, "reports": False, "allow_code": True}
    api.audit(project.spec, out=folder, store=store, **options)
    return (folder / "record.json").read_bytes()


def test_a_retrained_model_gets_its_own_results(tmp_path):
    """Same file name, same class names, same structure, other weights: what was stored for the old ones is not used.

    A second run in the same process, with results stored by the first, equals a run on its own.
    """
    project = Project(tmp_path)
    first = record_of(project, "first", tmp_path / "store")
    weights = brightness_weights()
    weights["4.weight"], weights["4.bias"] = -weights["4.weight"], -weights["4.bias"]
    save_file(weights, tmp_path / "weights.safetensors")
    retrained = record_of(project, "retrained", tmp_path / "store")
    alone = record_of(project, "alone", tmp_path / "fresh store")
    assert retrained == alone
    sensitivities = [api.load_record(tmp_path / name).verdict.gates[0] for name in ("first", "retrained")]
    assert sensitivities[0].estimate.value > 0.9 and sensitivities[1].estimate.value < 0.1
    assert first != retrained
    save_file(brightness_weights(), tmp_path / "weights.safetensors")
    assert record_of(project, "again", tmp_path / "store") == first


def test_top_images_are_told_apart_in_float32(subject, tmp_path):
    """Eighteen grey levels on a large offset: in bfloat16 they are all one number."""
    greys = np.random.default_rng(0).permutation(np.arange(100, 118))
    index = write_arrays(tmp_path, [np.full((8, 8, 3), grey, np.uint8) for grey in greys])
    subject.module.conv1.weight.fill_(0.01)
    subject.module.conv1.bias.fill_(100.0)
    _, examples = collect(subject, index, ["relu1"], 10)
    found = examples["relu1"]
    assert found.activations.dtype == np.float32
    assert len(torch.from_numpy(found.activations[0]).bfloat16().unique()) == 1
    assert greys[found.image_indices[0]].tolist() == list(range(117, 107, -1))


def test_a_last_batch_of_one_image_is_like_any_other(subject, tmp_path):
    index, rows = write_images(tmp_path, 5), np.arange(5)
    made = Lrp(subject)
    indices = np.array([[0, 1, 2, 3, 4], [4, 3, 2, 1, 0]])
    results = []
    for batch_size in (2, 5):
        predictions, examples = collect(subject, index, ["relu2"], 5, batch_size=batch_size)
        crops = crop_boxes(subject, made, index, "relu2", np.array([1, 3]), indices, 0.3, batch_size)
        relevance = class_relevance(subject, made, index, 0, "relu2", rows, batch_size)
        results.append([predictions.logits, examples["relu2"].activations, relevance, crops.boxes, crops.box_share])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_model_in_training_mode_is_put_into_evaluation_mode(tmp_path):
    """With dropout and the batch's own statistics, an image's scores would depend on its neighbours and on chance."""
    subject, index = load("with_norm", ["2"]), write_images(tmp_path, 6)
    assert not any(part.training for part in subject.module.modules())
    together, _ = collect(subject, index, ["2"], 3, batch_size=6)
    alone, _ = collect(subject, index, ["2"], 3, batch_size=1)
    np.testing.assert_allclose(together.logits, alone.logits, atol=1e-6)


def test_relevance_that_biases_swallow_is_reported_as_it_is(subject):
    """The composite does not conserve relevance where there are biases; nothing may demand or force that it does."""
    for part in (subject.module.conv1, subject.module.conv2):
        part.bias.copy_(part.bias.abs() + 2)
    batch = batch_of(4)
    relevance = {layer: Lrp(subject).relevance(batch, 0, layer) for layer in ("relu1", "relu2")}
    lost = 1 - relevance["relu1"].sum(1) / relevance["relu2"].sum(1)
    assert (lost.abs() > 0.2).all()
    assert all(torch.allclose(shares(found).abs().sum(1), torch.ones(4).double()) for found in relevance.values())


@pytest.mark.parametrize("made", [Lrp, GradientXActivation])
def test_more_examples_than_a_batch_keep_their_component(subject, tmp_path, made):
    """Each image exemplifies some of the components only, so that a batch mixes them."""
    index = write_images(tmp_path, 9, (24, 24))
    subject = replace(subject, module=nn.Sequential(*subject.module[:4], nn.Flatten(), nn.LazyLinear(3)).double())
    subject = replace(subject, layers=tuple(replace(layer, name="3") for layer in subject.layers[2:]))
    subject.module(batch_of(1))
    subject.module.eval().requires_grad_(False)
    components = np.array([4, 0, 3, 1])
    indices = np.stack([np.random.default_rng(component).permutation(9)[:5] for component in components])
    together = crop_boxes(subject, made(subject), index, "3", components, indices, 0.5, 2)
    for row, component in enumerate(components):
        for place, image in enumerate(indices[row]):
            one = crop_boxes(subject, made(subject), index, "3", np.array([component]), np.array([[image]]), 0.5, 1)
            np.testing.assert_array_equal(together.boxes[row, place], one.boxes[0, 0])
            np.testing.assert_array_equal(together.focus[row, place], one.focus[0, 0])
    assert len(np.unique(together.boxes.reshape(-1, 4), axis=0)) > 4, "components differ in what they see"


def test_relevance_at_a_layer_is_neither_masked_nor_doubled(subject):
    """Every component's relevance at the last layer is its features times the margin's slope, each counted once."""
    batch = batch_of(3)
    features = subject.module[:5](batch).requires_grad_()
    logits = subject.module.head(features)
    (slope,) = torch.autograd.grad(margin(logits, 1).sum(), features)
    expected = (features * slope).detach().reshape(3, 5, 16).sum(2)
    lrp = Lrp(subject)
    lrp.heatmaps(batch, "relu2", torch.tensor([[0, 3]] * 3))
    for _ in range(2):
        torch.testing.assert_close(lrp.relevance(batch, 1, "relu2"), expected, rtol=1e-4, atol=1e-5)
    assert (expected.abs() > 1e-4).all(dim=0).sum() >= 3


def test_only_what_is_an_example_is_embedded_and_that_once(tmp_path):
    """The images that exemplify nothing are not embedded, nor is a crop that two components share, twice."""
    index = write_images(tmp_path, 12, (10, 10))
    rows, encoder = np.array([[0, 1], [1, 5]]), Colours()
    boxes = np.tile([2, 2, 8, 8], (2, 2, 1))
    embed_components(encoder, index, "relu2", np.array([0, 1]), rows, boxes, n_null=0)
    wanted = {pixels_of(index)[row][2:8, 2:8].tobytes() for row in (0, 1, 5)}
    assert len(encoder.given) == 3 and set(encoder.given) == wanted
