"""Boxes of crops, in float32, against the boxes of zennit-crp's heatmaps: equal to a pixel."""

from dataclasses import replace

import numpy as np
import pytest
from crp.attribution import CondAttribution
from PIL import Image
from zennit.composites import EpsilonPlusFlat
from zennit.torchvision import ResNetCanonizer, VGGCanonizer

from auditlens.examine.attribution.lrp import Lrp
from auditlens.examine.boxes import focus_box, smooth, threshold_box
from auditlens.examine.crops import crop_boxes
from tests.oracle.networks import load, pixels_of, write_arrays

SIDE = 64
NETWORKS = {
    "vgg_bn": ("features.6", [VGGCanonizer]),
    "resnet": ("layer2", [ResNetCanonizer]),
    "resnet_bottleneck": ("layer2", [ResNetCanonizer]),
    "squeezenet": ("features.2", []),
}
EXAMPLES = np.array([[0, 1, 2], [2, 0, 3], [3, 2, 0], [0, 1, 2]])
"""Image 0 and 2 are examples of every component, image 1 of two: batches of images with unequally many."""


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """Dark images with a few bright tiles."""
    rng, arrays = np.random.default_rng(0), []
    for _ in range(4):
        tiles = rng.integers(0, 256, (8, 8, 3)) * (rng.random((8, 8, 1)) < 0.15)
        arrays.append(
            np.asarray(Image.fromarray(tiles.astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.NEAREST))
        )
    return write_arrays(tmp_path_factory.mktemp("pictures"), arrays)


def crp_boxes(subject, canonizers, pixels, layer, component, threshold):
    data = subject.prepare(pixels)[None].requires_grad_()
    composite = EpsilonPlusFlat([canonizer() for canonizer in canonizers])
    result = CondAttribution(subject.module)(data, [{layer: [component]}], composite, start_layer=layer)
    found = smooth(result.heatmap[0].detach().numpy())
    return threshold_box(found, threshold), focus_box(found)


@pytest.mark.parametrize("threshold", [0.01, 0.3])
@pytest.mark.parametrize("name", list(NETWORKS))
def test_boxes_are_those_of_crps_heatmaps_to_a_pixel(index, name, threshold):
    layer, canonizers = NETWORKS[name]
    double = load(name, [layer], size=SIDE)
    subject = replace(double, module=double.module.float(), prepare=lambda image: double.prepare(image).float())
    components = np.array([1, 3, 4, 7])
    crops = crop_boxes(subject, Lrp(subject), index, layer, components, EXAMPLES, threshold, 3)
    images, smaller = pixels_of(index), 0
    for place in np.ndindex(EXAMPLES.shape):
        pixels = images[EXAMPLES[place]]
        expected = crp_boxes(subject, canonizers, pixels, layer, int(components[place[0]]), threshold)
        for found, box in zip((crops.boxes[place], crops.focus[place]), expected, strict=True):
            box = np.array([0, 0, SIDE, SIDE]) if box is None else box
            if (box[2:] - box[:2]).min() >= SIDE / 8:  # smaller ones are widened
                assert np.abs(found - box).max() <= 1
                smaller += (box[2:] - box[:2]).min() < SIDE
    assert smaller >= 4, "not all boxes are the whole image"
