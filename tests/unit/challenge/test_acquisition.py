import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from auditlens.challenge.acquisition import (
    ACQUISITIONS,
    KERNELS,
    BlurDesign,
    Cast,
    Compression,
    blurred,
    cast,
    compressed,
)
from auditlens.challenge.instances import load_artefact
from auditlens.challenge.rendering import as_grey, is_grey

from .scenes import artefact_of, skin

KINDS = sorted(ACQUISITIONS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(20, 33), (128, 96)])
def test_the_whole_image_changes_and_keeps_its_size(kind, size, tmp_path):
    image, source = skin(0, *size), load_artefact(artefact_of(kind), tmp_path, 0)
    rendering = source.render(image, 0, np.random.default_rng(0), None)
    assert rendering.inserted.shape == image.shape
    assert rendering.inserted.dtype == np.uint8
    assert rendering.full_field
    assert rendering.of_detail == (kind != "colour_cast")
    assert (rendering.alpha == 1).all()
    assert (rendering.inserted != image).mean() > 0.3


@pytest.mark.parametrize("kind", KINDS)
def test_instances_differ_and_the_seed_reproduces_them(kind, tmp_path):
    image = skin(1)
    one, again, other = (load_artefact(artefact_of(kind), tmp_path, seed) for seed in (0, 0, 1))
    renders = [one.render(image, i, np.random.default_rng(0), None).inserted for i in range(one.n_instances)]
    assert len({render.tobytes() for render in renders}) >= one.n_instances - 1  # two may draw the same quality
    assert len(set(one.names)) == one.n_instances == 12
    assert one.names == again.names != other.names
    assert load_artefact(artefact_of(kind, n_instances=3), tmp_path, 0).names == one.names[:3]


@pytest.mark.parametrize("kind", KINDS)
def test_a_grey_image_stays_grey(kind, tmp_path):
    image, source = as_grey(skin(2)), load_artefact(artefact_of(kind), tmp_path, 0)
    for instance in range(4):
        inserted = source.render(image, instance, np.random.default_rng(0), None).inserted
        assert is_grey(inserted)
        assert not np.array_equal(inserted, image)


@pytest.mark.parametrize("kind", KINDS)
def test_opacity_zero_changes_nothing_and_half_is_half_way(kind, tmp_path):
    image = skin(3)
    fields = {"scale": (1.0, 1.0)}
    whole, half, none = (
        load_artefact(artefact_of(kind, opacity=(share, share), **fields), tmp_path, 0)
        .render(image, 0, np.random.default_rng(0), None)
        .inserted.astype(float)
        for share in (1.0, 0.5, 0.0)
    )
    assert np.array_equal(none, image)
    assert np.abs(half - (whole + image) / 2).max() <= 1


def test_jpeg_is_what_pillow_makes_of_it():
    image, file = skin(4), io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=12, subsampling="4:2:0")
    assert np.array_equal(compressed(image, Compression(12, "4:2:0")), np.asarray(Image.open(file)))


def test_less_quality_changes_more():
    image = skin(4)
    changes = [np.abs(compressed(image, Compression(q, "4:4:4")).astype(float) - image).mean() for q in (5, 20, 60, 95)]
    assert changes == sorted(changes, reverse=True)


@pytest.mark.parametrize("form", sorted(KERNELS))
@pytest.mark.parametrize("angle", [0.0, 0.7])
def test_a_point_is_spread_as_far_as_the_design_says(form, angle):
    point = np.zeros((201, 201, 3), dtype=np.float32)
    point[100, 100] = 1000.0
    spread = 0.03 * 200
    after = KERNELS[form](point, spread, angle)[:, :, 0] / 1000.0
    assert after.sum() == pytest.approx(1.0, abs=1e-3)
    y, x = np.mgrid[:201, :201] - 100.0
    along = x * np.cos(angle) + y * np.sin(angle)
    assert np.sqrt((after * along**2).sum()) == pytest.approx(spread, rel=0.08)


def test_a_soft_lens_is_a_gaussian_of_the_image():
    image = skin(5)
    expected = ndimage.gaussian_filter(image.astype(float), (0.02 * 128, 0.02 * 128, 0), mode="reflect")
    assert np.abs(blurred(image, BlurDesign("soft lens", 0.02, 0.0)) - expected).max() <= 0.6


def test_blur_scales_with_the_image_and_with_the_scale():
    small, large = skin(5, 64, 64), skin(5, 256, 256)
    design = BlurDesign("soft lens", 0.05, 0.0)
    edge = [np.abs(np.diff(blurred(image, design, scale).astype(float), axis=0)).max() for image, scale in
            ((small, 1.0), (large, 1.0), (large, 2.0))]  # fmt: skip
    assert edge[0] > 2 * edge[1] > 2 * edge[2], "the same edge is spread over more pixels"


def test_a_cast_is_a_gain_and_a_tone_curve():
    image = skin(6)
    scanner = Cast((1.1, 1.0, 0.9), (1.0, 1.05, 0.95))
    expected = 255 * np.array(scanner.gains) * (image / 255) ** np.array(scanner.exponents)
    assert np.abs(cast(image, scanner) - expected.clip(0, 255)).max() <= 0.51


def test_gains_are_as_far_apart_as_the_spec_says(tmp_path):
    source = load_artefact(artefact_of("colour_cast", strength=(0.1, 0.1), n_instances=30), tmp_path, 0)
    gains = np.array([design.gains for design in source.designs])
    assert np.ptp(gains, axis=1) == pytest.approx(np.full(30, 0.1))
    assert gains.mean(axis=1) == pytest.approx(np.ones(30))
    assert len(set(gains.argmax(axis=1))) == 3, "each channel is the strongest somewhere"


def test_parameters_keep_their_ranges(tmp_path):
    source = load_artefact(artefact_of("jpeg", quality=(20, 22), n_instances=40), tmp_path, 0)
    assert {design.quality for design in source.designs} == {20, 21, 22}
    source = load_artefact(artefact_of("blur", radius=(0.01, 0.01), n_instances=20), tmp_path, 0)
    assert {design.form for design in source.designs} == set(KERNELS)
    assert {design.radius for design in source.designs} == {0.01}
