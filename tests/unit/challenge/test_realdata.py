"""The real cut-outs and masks beside the checkout: how many there are, and that they look as they should."""

from pathlib import Path

import numpy as np
import pytest

from auditlens.challenge.instances import load_artefact
from auditlens.challenge.placement import centre_ellipse
from auditlens.challenge.sham import make_sham
from auditlens.spec.artefacts import Cutout, Overlay

from .scenes import skin

DATA = Path(__file__).parents[4] / "shared" / "data"
pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not DATA.is_dir(), reason="the shared real data is not beside the checkout"),
]


def overlay(form, *folders, **more):
    return Overlay(kind="overlay", images=tuple(f"artefacts/{folder}" for folder in folders), format=form, **more)


@pytest.mark.parametrize(
    ("artefact", "n", "largest"),
    [
        (overlay("with_without", "ruler_vertical", "ruler_horizontal"), 10, 0.2),
        (overlay("ink_on_white", "ink_circle", "ink_spot", placement="anywhere"), 10, 0.3),
        (overlay("with_without", "gel_bubble", placement="anywhere"), 46, 0.1),
        (Cutout(kind="cutout", images="isic2017/images", masks="isic2017/masks/band_aid"), 80, 0.4),
    ],
    ids=["ruler", "ink", "bubble", "patch"],
)
def test_real_cutouts_load_and_render(artefact, n, largest):
    source = load_artefact(artefact, DATA, 0)
    assert source.n_instances >= n
    avoid, ratios = centre_ellipse(256, 256), []
    for instance in range(0, source.n_instances, 5):
        image, rng = skin(instance, 256, 256), np.random.default_rng(instance)
        rendering = source.render(image, instance, rng, avoid)
        touched = (rendering.inserted != image).any(axis=2)
        assert 0.00005 < touched.mean() < largest
        assert not touched[rendering.alpha == 0].any()
        ratios.append(make_sham(image, rendering, rng).energy_ratio)
    assert 0.9 < np.median(ratios) < 1.1
