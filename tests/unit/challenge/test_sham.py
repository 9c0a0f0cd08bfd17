import numpy as np
import pytest

from auditlens.challenge.instances import load_artefact
from auditlens.challenge.placement import centre_ellipse
from auditlens.challenge.rendering import Rendering, energy
from auditlens.challenge.sham import closed_support, make_sham
from auditlens.spec.artefacts import HueShift, Rendered, Tint

from .scenes import artefact_of, skin

LOCAL = ["ruler", "band_aid", "hair", "ink"]


def trials(artefact, tmp_path, n=12, size=(128, 128)):
    source = load_artefact(artefact, tmp_path, 0)
    for number in range(n):
        image = skin(number, *size)
        rng = np.random.default_rng(number)
        yield image, source.render(image, number % source.n_instances, rng, centre_ellipse(*size)), rng


def brute_force_energy(before, after):
    return ((after.astype(float) - before.astype(float)) ** 2).sum()


@pytest.mark.parametrize("kind", LOCAL)
def test_same_energy_and_same_place(kind, tmp_path):
    ratios = []
    for image, rendering, rng in trials(Rendered(kind=kind, n_instances=12), tmp_path):
        sham = make_sham(image, rendering, rng)
        assert sham.image.dtype == np.uint8
        expected = brute_force_energy(image, sham.image) / brute_force_energy(image, rendering.inserted)
        assert sham.energy_ratio == pytest.approx(expected)
        touched = (sham.image != image).any(axis=2)
        assert not touched[~closed_support(rendering.alpha)].any()
        ratios.append(sham.energy_ratio)
    assert 0.9 <= np.median(ratios) <= 1.1
    assert np.mean([0.9 <= ratio <= 1.1 for ratio in ratios]) >= 0.75
    assert max(ratios) <= 1.1


@pytest.mark.parametrize(
    "artefact",
    [Tint(kind="tint", colour=(231, 128, 151)), HueShift(kind="hue_shift", degrees=(15.0, 30.0))],
    ids=["tint", "hue_shift"],
)
def test_full_field_shams_keep_the_hue(artefact, tmp_path):
    signs = set()
    for image, rendering, rng in trials(artefact, tmp_path):
        sham = make_sham(image, rendering, rng)
        assert 0.9 <= sham.energy_ratio <= 1.1
        change = sham.image.astype(float) - image
        signs.add(np.sign(change.mean()))
        colour, other = image.reshape(-1, 3).mean(axis=0), sham.image.reshape(-1, 3).mean(axis=0)
        assert np.abs(colour / colour.sum() - other / other.sum()).max() < 0.02
    assert signs == {-1.0, 1.0}


@pytest.mark.parametrize("kind", ["gel_bubble", "gel_border", "reflection", "tube", "watermark", "timestamp"])
def test_the_further_drawings_have_a_sham_of_equal_energy(kind, tmp_path):
    drawn = trials(artefact_of(kind, n_instances=12), tmp_path)
    ratios = [make_sham(image, rendering, rng).energy_ratio for image, rendering, rng in drawn]
    assert 0.95 <= np.median(ratios) <= 1.05
    assert max(ratios) <= 1.1


@pytest.mark.parametrize("kind", ["jpeg", "blur"])
def test_a_change_of_detail_has_noise_of_its_own_spectrum(kind, tmp_path):
    for image, rendering, rng in trials(artefact_of(kind, scale=(1.0, 1.0)), tmp_path, n=4):
        sham = make_sham(image, rendering, rng)
        assert 0.9 <= sham.energy_ratio <= 1.1
        change = (rendering.inserted.astype(float) - image).mean(axis=2)
        noise = (sham.image.astype(float) - image).mean(axis=2)
        assert abs(np.corrcoef(change.ravel(), noise.ravel())[0, 1]) < 0.2, "the sham knows nothing of the image"
        assert np.corrcoef(spectrum(change), spectrum(noise))[0, 1] > 0.7


def spectrum(change):
    """Energy by spatial frequency, in 16 rings."""
    power = np.abs(np.fft.fft2(change - change.mean())) ** 2
    y, x = np.meshgrid(*(np.fft.fftfreq(n) for n in change.shape), indexing="ij")
    rings = np.minimum((np.hypot(x, y) * 32).astype(int), 15)
    return np.log(np.bincount(rings.ravel(), power.ravel(), 16) + 1)


def test_the_sham_of_a_grey_image_is_grey(tmp_path):
    image = np.repeat(skin(0)[:, :, :1], 3, axis=2)
    for kind in ("jpeg", "blur", "colour_cast", "side_marker", "collimator"):
        rendering = load_artefact(artefact_of(kind), tmp_path, 0).render(image, 0, np.random.default_rng(0), None)
        sham = make_sham(image, rendering, np.random.default_rng(1)).image
        assert (sham[:, :, :1] == sham).all(), kind
        assert not np.array_equal(sham, image)


def test_the_closed_support_joins_ticks_but_not_the_whole_image():
    alpha = np.zeros((128, 128), dtype=np.float32)
    alpha[5:12, 4:124:8] = 1.0
    support = closed_support(alpha)
    assert support[5:12, 4:120].all()
    assert support.mean() < 0.25
    assert support[alpha > 0].all()


def test_the_edge_is_soft(tmp_path):
    image = np.full((128, 128, 3), 128, dtype=np.uint8)
    inserted = image.copy()
    inserted[40:90, 40:90] = 60
    alpha = np.zeros((128, 128), dtype=np.float32)
    alpha[40:90, 40:90] = 1
    sham = make_sham(image, Rendering(inserted, alpha), np.random.default_rng(0)).image.astype(float)
    steps = np.abs(np.diff(sham[:, :, 0], axis=0)).max()
    assert steps < 68 / 2, "no step is half as hard as the artefact's own edge"


def test_a_texture_is_neutral_and_zero_mean():
    image = np.full((128, 128, 3), (180, 140, 120), dtype=np.uint8)
    inserted = image.copy()
    inserted[30:100, 30:100] += 20
    alpha = np.zeros((128, 128), dtype=np.float32)
    alpha[30:100, 30:100] = 1
    sham = make_sham(image, Rendering(inserted, alpha), np.random.default_rng(0)).image.astype(float)
    change = sham - image
    assert abs(change.mean()) < 0.1 * np.abs(change).mean()
    strong = np.abs(change[:, :, 0]) > 10
    assert np.median(change[strong][:, 1] / change[strong][:, 0]) == pytest.approx(140 / 180, abs=0.05)


def test_nothing_inserted_gives_nothing_and_says_so(image):
    sham = make_sham(image, Rendering(image.copy(), np.zeros((128, 128), np.float32)), np.random.default_rng(0))
    assert np.array_equal(sham.image, image)
    assert np.isnan(sham.energy_ratio)


def test_what_cannot_be_matched_is_reported(tmp_path):
    white = np.full((64, 64, 3), 255, dtype=np.uint8)
    rendering = Rendering(np.zeros_like(white), np.ones((64, 64), np.float32))
    sham = make_sham(white, rendering, np.random.default_rng(0))
    assert sham.energy_ratio < 0.9
    assert sham.energy_ratio == pytest.approx(energy(white, sham.image) / energy(white, rendering.inserted))


@pytest.mark.parametrize("size", [(16, 16), (20, 33), (150, 100)])
def test_odd_and_tiny_images(size, tmp_path):
    for kind in LOCAL:
        for image, rendering, rng in trials(Rendered(kind=kind, n_instances=4), tmp_path, n=4, size=size):
            assert make_sham(image, rendering, rng).image.shape == image.shape
