import torch
from torch import nn

from auditlens.testbed.models import normalise, small_cnn


def test_shapes_and_layer_names():
    model = small_cnn().eval()
    spatial = []
    model.get_submodule("features.relu4").register_forward_hook(lambda _m, _i, out: spatial.append(out.shape))
    with torch.inference_mode():
        logits = model(torch.zeros(2, 3, 128, 128))
        assert small_cnn(5).eval()(torch.zeros(1, 3, 112, 112)).shape == (1, 5)
    assert logits.shape == (2, 2)
    assert spatial == [(2, 96, 8, 8)]


def test_it_suits_relevance_propagation():
    model = small_cnn()
    leaves = [m for m in model.modules() if not list(m.children())]
    known = (nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d, nn.AdaptiveAvgPool2d, nn.Flatten, nn.Linear)
    assert all(isinstance(m, known) for m in leaves)
    assert not any(m.inplace for m in leaves if isinstance(m, nn.ReLU))
    assert sum(p.numel() for p in model.parameters()) * 4 < 400_000


def test_normalise_uses_imagenet_statistics():
    black = normalise(torch.zeros(1, 3, 2, 2, dtype=torch.uint8))
    assert torch.allclose(black[0, :, 0, 0], torch.tensor([-2.1179, -2.0357, -1.8044]), atol=1e-3)
