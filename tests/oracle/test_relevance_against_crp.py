"""Class relevance and component heatmaps against zennit-crp, in float64, and LRP rules from their definitions."""

from collections import OrderedDict
from dataclasses import dataclass, field

import pytest
import torch
from crp.attribution import CondAttribution
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet
from torchvision.models.vgg import VGG, make_layers
from zennit.composites import EpsilonPlusFlat
from zennit.torchvision import ResNetCanonizer, VGGCanonizer

from auditlens.examine.attribution.lrp import Lrp
from auditlens.subject import margin, recording
from auditlens.subject.outputs import to_logits


@dataclass(frozen=True)
class Layer:
    name: str
    n_components: int
    kind: str = "spatial"
    n_sides = 1

    @property
    def n_channels(self):
        return self.n_components


@dataclass(frozen=True)
class Audited:
    module: nn.Module
    layers: tuple
    output: str = "logits"
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def prepare(self, image):
        return torch.from_numpy(image[:32, :32].copy()).permute(2, 0, 1).double() / 127.5 - 1

    def logits(self, batch):
        return to_logits(self.module(batch), self.output)


def _settle(module):
    """Give batch norms statistics, and an epsilon so small that zennit's leftover of it does not count."""
    torch.manual_seed(0)
    for norm in (m for m in module.modules() if isinstance(m, nn.BatchNorm2d)):
        nn.init.uniform_(norm.running_mean, -0.1, 0.1)
        nn.init.uniform_(norm.running_var, 0.5, 1.5)
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.uniform_(norm.bias, -0.2, 0.2)
        norm.eps = 1e-12
    return module.double().eval().requires_grad_(False)


def _vgg():
    torch.manual_seed(0)
    module = VGG(make_layers([8, "M", 12, 12, "M"], batch_norm=True), num_classes=3, init_weights=False)
    module.classifier = nn.Sequential(nn.Linear(12 * 49, 10), nn.ReLU(True), nn.Dropout(), nn.Linear(10, 3))
    return _settle(module), "features.9", "features.6", VGGCanonizer


def _resnet(block):
    torch.manual_seed(0)
    module = ResNet(block, [1, 1, 1, 1], num_classes=3, width_per_group=64)
    return _settle(module), "layer4", "layer2", ResNetCanonizer


NETWORKS = {"vgg": _vgg, "resnet": lambda: _resnet(BasicBlock), "bottleneck": lambda: _resnet(Bottleneck)}


@pytest.fixture(scope="module", params=list(NETWORKS))
def network(request):
    torch.manual_seed(0)
    module, last, middle, canonizer = NETWORKS[request.param]()
    batch = torch.randn(3, 3, 32, 32, dtype=torch.float64)
    with recording(module, [last, middle]) as recorded:
        module(batch)
    layers = tuple(Layer(name, activation.shape[1]) for name, activation in recorded.items())
    return Audited(module, layers), canonizer, batch


def crp_relevance(subject, canonizer, batch, conditions, layer, init_rel=None):
    """zennit-crp's safe form: condition on the output, record the layer, sum over space."""
    attribution = CondAttribution(subject.module)
    composite = EpsilonPlusFlat([canonizer()])
    data = batch.clone().requires_grad_()
    result = attribution(data, conditions, composite, record_layer=[layer], init_rel=init_rel)
    return result.relevances[layer].flatten(2).sum(2).detach()


def close(found, expected, share=1e-5):
    """Equal up to a share of the largest value."""
    return float((found - expected).abs().max()) <= share * float(expected.abs().max())


@pytest.mark.parametrize("class_index", [0, 2])
def test_relevance_for_the_margin_is_crps_started_with_output_times_gradient(network, class_index):
    subject, canonizer, batch = network
    output = subject.module(batch).requires_grad_()
    (gradient,) = torch.autograd.grad(margin(output, class_index).sum(), output)
    start = (output * gradient).detach()
    for layer in subject.layers:
        found = Lrp(subject).relevance(batch, class_index, layer.name)
        expected = crp_relevance(subject, canonizer, batch, [{}], layer.name, start)
        assert close(found, expected), layer.name


@pytest.mark.parametrize("class_index", [0, 1])
def test_for_one_rest_class_it_is_the_difference_of_crps_conditions(class_index):
    """Two classes: condition {"y": [c]} minus condition {"y": [other]}, each started with its own logit."""
    module, last, _, canonizer = _vgg()
    module.classifier[3] = nn.Linear(10, 2).double().requires_grad_(False)
    subject = Audited(module, (Layer(last, 12),))
    batch = torch.randn(4, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    each = [crp_relevance(subject, canonizer, batch, [{"y": [c]}], last) for c in (class_index, 1 - class_index)]
    assert close(Lrp(subject).relevance(batch, class_index, last), each[0] - each[1])


def test_heatmaps_of_single_components_are_crps(network):
    subject, canonizer, batch = network
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
            result = attribution(data, condition, EpsilonPlusFlat([canonizer()]), start_layer=layer.name)
            assert close(found[image, turn], result.heatmap[0]), (layer.name, image, turn)
        assert not found[2, 1].any()


def _conv_matrix(conv, shape):
    """The convolution as a matrix, column by column."""
    basis = torch.eye(int(torch.tensor(shape).prod()), dtype=torch.float64).reshape(-1, *shape)
    return nn.functional.conv2d(basis, conv.weight, None, conv.stride, conv.padding).flatten(1).T


def test_the_rules_follow_their_definitions():
    """Flat, z+ and epsilon written out as loops over matrices, for a net of two convolutions and a linear head."""
    torch.manual_seed(3)
    module = nn.Sequential(
        OrderedDict(
            first=nn.Conv2d(3, 4, 3, padding=1),
            relu1=nn.ReLU(),
            second=nn.Conv2d(4, 5, 3, padding=1, stride=2),
            relu2=nn.ReLU(),
            flatten=nn.Flatten(),
            head=nn.Linear(5 * 16, 2),
        )
    )
    module = module.double().eval().requires_grad_(False)

    class Small(Audited):
        def prepare(self, image):
            return super().prepare(image)[:, :8, :8]

    subject = Small(module, (Layer("relu1", 4), Layer("relu2", 5)))
    batch = torch.randn(1, 3, 8, 8, dtype=torch.float64)
    low = torch.relu(module.first(batch))
    high = torch.relu(module.second(low))
    logits = module(batch)[0]

    features, entering = high.flatten(), torch.stack([logits[0], -logits[1]])
    stable = logits + 1e-6 * logits.sign()
    at_high = torch.stack([(features[i] * module.head.weight[:, i] * entering / stable).sum() for i in range(80)])
    assert close(Lrp(subject).relevance(batch, 0, "relu2")[0], at_high.reshape(5, -1).sum(1))

    contributions = _conv_matrix(module.second, (4, 8, 8)).clamp_min(0) * low.flatten()
    total = contributions.sum(1) + module.second.bias.clamp_min(0).repeat_interleave(16)
    at_low = (contributions * (at_high / (total + 1e-6))[:, None]).sum(0)
    assert close(Lrp(subject).relevance(batch, 0, "relu1")[0], at_low.reshape(4, -1).sum(1))

    flat = (_conv_matrix(nn.Conv2d(3, 1, 3, padding=1).double(), (3, 8, 8)) != 0).double()
    component = torch.zeros_like(low)
    component[0, 2] = low[0, 2]
    spread = (flat * (component[0, 2].flatten() / (flat.sum(1) + 1e-6))[:, None]).sum(0).reshape(3, 8, 8).sum(0)
    assert close(Lrp(subject).heatmaps(batch, "relu1", torch.tensor([[2]]))[0, 0], spread)


def test_relevance_is_conserved_up_to_biases():
    """Without biases the shares at a layer add up to what enters at the output."""
    module, last, middle, _ = _vgg()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.zero_()
        if getattr(part, "bias", None) is not None:
            part.bias.data.zero_()
    subject = Audited(module, (Layer(last, 12), Layer(middle, 12)))
    batch = torch.randn(2, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    logits = module(batch)
    rest = torch.softmax(logits[:, 1:], 1)
    entering = logits[:, 0] - (rest * logits[:, 1:]).sum(1)
    for name in (last, middle):
        torch.testing.assert_close(Lrp(subject).relevance(batch, 0, name).sum(1), entering, rtol=1e-3, atol=1e-5)
