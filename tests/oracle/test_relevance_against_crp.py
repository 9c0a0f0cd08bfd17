"""Class relevance and component heatmaps against zennit-crp, in float64, on networks as torchvision builds them."""

import pytest
import torch
from crp.attribution import CondAttribution
from zennit.composites import EpsilonPlusFlat
from zennit.torchvision import ResNetCanonizer, VGGCanonizer

from auditlens.examine.attribution.lrp import Lrp
from auditlens.subject import recording
from tests.oracle.networks import CLASSES, batch_of, load

NETWORKS = {
    "vgg_bn": (("features.9", "features.6"), [VGGCanonizer]),
    "resnet": (("layer4", "layer2"), [ResNetCanonizer]),
    "resnet_bottleneck": (("layer4", "layer2"), [ResNetCanonizer]),
    "squeezenet": (("features.4", "features.2"), []),
}


@pytest.fixture(scope="module", params=list(NETWORKS))
def network(request):
    layers, canonizers = NETWORKS[request.param]
    subject = load(request.param, layers, size=32)
    assert all(layer.rectified for layer in subject.layers)
    return subject, canonizers, batch_of(3, 32)


def crp_relevance(subject, canonizers, batch, class_index, layer):
    """zennit-crp's safe form: condition on the output, record the layer, sum over space."""
    composite = EpsilonPlusFlat([canonizer() for canonizer in canonizers])
    attribution = CondAttribution(subject.module)
    result = attribution(batch.clone().requires_grad_(), [{"y": [class_index]}], composite, record_layer=[layer])
    return result.relevances[layer].flatten(2).sum(2).detach()


def close(found, expected, share=1e-5):
    """Equal up to a share of the largest value."""
    return float((found - expected).abs().max()) <= share * float(expected.abs().max())


@pytest.mark.parametrize("class_index", [0, 2])
def test_relevance_for_the_margin_combines_crps_classes(network, class_index):
    """LRP is linear in what enters: the class's own relevance minus that of the others by their softmax."""
    subject, canonizers, batch = network
    logits = subject.module(batch)
    assert logits.abs().min() > 1e-3
    rest = [c for c in range(len(CLASSES)) if c != class_index]
    weights = logits[:, rest].softmax(1)
    for layer in subject.layers:
        each = {c: crp_relevance(subject, canonizers, batch, c, layer.name) for c in range(len(CLASSES))}
        expected = each[class_index] - sum(weights[:, place, None] * each[c] for place, c in enumerate(rest))
        assert close(Lrp(subject).relevance(batch, class_index, layer.name), expected), layer.name


def test_heatmaps_of_single_components_are_crps(network):
    subject, canonizers, batch = network
    for layer in subject.layers:
        with recording(subject.module, [layer.name]) as recorded:
            subject.module(batch)
        components = recorded[layer.name].mean((2, 3)).topk(2).indices
        components[2, 1] = -1
        found = Lrp(subject).heatmaps(batch, layer.name, components)
        attribution = CondAttribution(subject.module)
        assert found.flatten(2).any(dim=2).sum() == 5, "all of them are active"
        for image, turn in ((0, 0), (0, 1), (1, 0), (1, 1), (2, 0)):
            data = batch[image : image + 1].clone().requires_grad_()
            condition = [{layer.name: [int(components[image, turn])]}]
            composite = EpsilonPlusFlat([canonizer() for canonizer in canonizers])
            result = attribution(data, condition, composite, start_layer=layer.name)
            assert close(found[image, turn], result.heatmap[0]), (layer.name, image, turn)
        assert not found[2, 1].any()


def test_the_relevance_of_a_layer_is_not_that_of_its_conditioned_form(network):
    """What others mask or double: asking for one component's heatmap leaves the layer's relevance as it was."""
    subject, _, batch = network
    lrp, layer = Lrp(subject), subject.layers[0].name
    before = lrp.relevance(batch, 1, layer)
    lrp.heatmaps(batch, layer, torch.tensor([[0, 1]] * 3))
    torch.testing.assert_close(lrp.relevance(batch, 1, layer), before, rtol=0, atol=0)
