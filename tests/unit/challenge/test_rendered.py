import numpy as np
import pytest

from auditlens.challenge.instances import load_artefact
from auditlens.challenge.placement import centre_ellipse
from auditlens.challenge.rendered import FAMILIES
from auditlens.challenge.rendering import as_grey, is_grey

from .scenes import artefact_of, skin

KINDS = sorted(FAMILIES)
EVERYWHERE = {"dark_corner"}
"""Kinds that lie where they lie, whatever is to be avoided."""
SIZES = [(24, 24), (96, 96), (128, 200), (300, 190)]


def source_of(kind, tmp_path, n=8, seed=0, **more):
    return load_artefact(artefact_of(kind, n_instances=n, **more), tmp_path, seed)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", SIZES)
def test_any_size_gives_a_visible_artefact_of_the_same_size(kind, size, tmp_path):
    source = source_of(kind, tmp_path)
    image = skin(1, *size)
    areas = []
    for instance in range(source.n_instances):
        rendering = source.render(image, instance, np.random.default_rng(instance), centre_ellipse(*size))
        assert rendering.inserted.shape == image.shape
        assert rendering.inserted.dtype == np.uint8
        assert rendering.alpha.shape == size
        assert 0.0 <= rendering.alpha.min() <= rendering.alpha.max() <= 1.0
        touched = (rendering.inserted != image).any(axis=2)
        assert not touched[rendering.alpha == 0].any(), "a change outside of the support"
        areas.append(touched.mean())
    assert min(areas) > 0.0005
    assert max(areas) < 0.5


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in EVERYWHERE])
@pytest.mark.parametrize("placement", ["border", "corner", "anywhere"])
def test_the_centre_is_avoided(kind, placement, tmp_path):
    source = source_of(kind, tmp_path, placement=placement, scale=(0.8, 1.0))
    image, avoid = skin(2), centre_ellipse(128, 128)
    shares = []
    for trial in range(16):
        inserted = source.render(image, trial % 8, np.random.default_rng(trial), avoid).inserted
        touched = (inserted != image).any(axis=2)
        shares.append((touched & avoid).sum() / touched.sum())
    assert np.mean(shares) < 0.02
    assert np.median(shares) == 0.0


@pytest.mark.parametrize("kind", KINDS)
def test_seeds_reproduce_and_instances_differ(kind, tmp_path):
    image = skin(3)
    one, again, other = (source_of(kind, tmp_path, seed=seed) for seed in (5, 5, 6))
    first = one.render(image, 0, np.random.default_rng(0), None).inserted
    assert np.array_equal(first, again.render(image, 0, np.random.default_rng(0), None).inserted)
    assert not np.array_equal(first, other.render(image, 0, np.random.default_rng(0), None).inserted)
    assert not np.array_equal(first, one.render(image, 1, np.random.default_rng(0), None).inserted)
    assert len(set(one.names)) == one.n_instances == 8


@pytest.mark.parametrize("kind", KINDS)
def test_no_two_instances_look_alike(kind, tmp_path):
    image, source = skin(3), source_of(kind, tmp_path, n=12)
    seen = {source.render(image, i, np.random.default_rng(0), None).inserted.tobytes() for i in range(12)}
    assert len(seen) == 12


@pytest.mark.parametrize("kind", KINDS)
def test_a_grey_image_stays_grey(kind, tmp_path):
    image, source = as_grey(skin(3)), source_of(kind, tmp_path, n=4)
    for instance in range(4):
        inserted = source.render(image, instance, np.random.default_rng(instance), None).inserted
        assert is_grey(inserted)
        assert not np.array_equal(inserted, image)


@pytest.mark.parametrize("kind", KINDS)
def test_the_size_follows_the_image(kind, tmp_path):
    shares = []
    for side in (160, 480):
        image, source = skin(5, side, side), source_of(kind, tmp_path, scale=(1.0, 1.0))
        covers = [source.render(image, i, np.random.default_rng(i), None).alpha.mean() for i in range(8)]
        shares.append(np.mean(covers))
    assert shares[1] == pytest.approx(shares[0], rel=0.25)


@pytest.mark.parametrize("kind", KINDS)
def test_more_instances_keep_the_first_ones(kind, tmp_path):
    few, many = source_of(kind, tmp_path, n=3), source_of(kind, tmp_path, n=9)
    assert few.designs == many.designs[:3]  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", KINDS)
def test_opacity_zero_changes_nothing(kind, tmp_path):
    image = skin(4)
    source = source_of(kind, tmp_path, opacity=(0.0, 0.0))
    assert np.array_equal(source.render(image, 0, np.random.default_rng(0), None).inserted, image)


def test_a_larger_scale_covers_more(tmp_path):
    image = skin(5, 160, 160)
    for kind in sorted(set(KINDS) - {"hair", "ink", "watermark"}):
        areas = []
        for scale in (0.6, 1.4):
            source = source_of(kind, tmp_path, scale=(scale, scale))
            covers = [source.render(image, i, np.random.default_rng(i), None).alpha.sum() for i in range(8)]
            areas.append(np.mean(covers))
        assert areas[1] > 1.2 * areas[0], kind


def test_dark_corners_leave_the_middle_alone(tmp_path):
    image, source = skin(6), source_of("dark_corner", tmp_path)
    inserted = source.render(image, 0, np.random.default_rng(0), None).inserted
    assert np.array_equal(inserted[40:88, 40:88], image[40:88, 40:88])
    assert inserted[:4, :4].max() < 40
