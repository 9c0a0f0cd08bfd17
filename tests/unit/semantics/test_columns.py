import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditlens.semantics.columns import (
    FEWEST_UNITS,
    N_FOLDS,
    column_probe,
    contrast_weights,
    folds_of,
    out_of_fold,
)
from auditlens.stages.evidence import Samples

DIM = 16


def world(n=400, rate=0.3, shift=1.0, per_unit=2, seed=0, confounded=False):
    """Images whose flag moves them along axis 1 and whose label moves them along axis 2; noise elsewhere."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    chance = np.where(labels == 1, 0.8, 0.2) if confounded else np.full(n, rate)
    flags = (rng.random(n) < chance).astype(float)
    images = 3 * np.eye(DIM)[0] + 0.4 * rng.normal(size=(n, DIM))
    images += shift * flags[:, None] * np.eye(DIM)[1] + 2.0 * labels[:, None] * np.eye(DIM)[2]
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    samples = Samples(tuple(map(str, range(n))), labels, np.arange(n) // per_unit, {"flag": flags}, labels)
    return images, samples


def auc(scores, flags):
    with_flag, without = scores[flags > 0.5], scores[flags <= 0.5]
    return np.mean(with_flag[:, None] > without[None])


@pytest.mark.parametrize("kind", ["mean", "cav"])
def test_a_column_that_the_space_shows_is_found_out_of_fold(kind):
    images, samples = world()
    probe, why = column_probe("c", images, samples, "flag", kind, 0)
    assert why == ""
    assert probe.source == kind
    assert auc(probe.out_of_fold, samples.columns["flag"]) > 0.9
    assert auc(probe.scores(images, np.full(DIM, np.nan)), samples.columns["flag"]) > 0.9


@pytest.mark.parametrize("kind", ["mean", "cav"])
def test_a_random_column_is_seen_in_its_own_images_but_not_out_of_fold(kind):
    found = []
    for seed in range(8):
        images, samples = world(n=120, rate=0.15, shift=0.0, per_unit=1, seed=seed)
        probe, _ = column_probe("c", images, samples, "flag", kind, seed)
        flags = samples.columns["flag"]
        found.append([auc(probe.scores(images, np.zeros(DIM)), flags), auc(probe.out_of_fold, flags)])
    inside, outside = np.mean(found, axis=0)
    assert inside > 0.65
    assert abs(outside - 0.5) < 0.08


@pytest.mark.parametrize("kind", ["mean", "cav"])
def test_images_of_one_unit_help_none_of_their_own(kind):
    """Copies of one picture under one unit would give the flag away, were they split over the folds."""
    rng = np.random.default_rng(0)
    n = 60
    own = rng.normal(size=(n, DIM)) + 3 * np.eye(DIM)[0]
    flags = (rng.random(n) < 0.5).astype(float)
    images = np.repeat(own / np.linalg.norm(own, axis=1, keepdims=True), 6, axis=0)
    many, units = np.repeat(flags, 6), np.repeat(np.arange(n), 6)
    strata = np.zeros(many.size, int)
    fair = auc(out_of_fold(images, many, units, strata, kind, 0), many)
    split = auc(out_of_fold(images, many, np.arange(many.size), strata, kind, 0), many)
    assert split > 0.7 > fair


@pytest.mark.parametrize("kind", ["mean", "cav"])
def test_a_flag_that_goes_with_the_label_is_not_mistaken_for_it(kind):
    images, samples = world(n=1500, shift=0.8, confounded=True)
    probe, _ = column_probe("c", images, samples, "flag", kind, 0)
    direction = probe.direction(np.zeros(DIM))
    assert abs(direction[2]) < 0.25 * direction[1]


def test_the_mean_probe_is_the_papers_score_with_the_other_images_as_null():
    images, samples = world(n=200)
    flags = samples.columns["flag"]
    one_stratum = Samples(samples.ids, samples.labels, samples.units, samples.columns, np.zeros(200, int))
    probe, _ = column_probe("c", images, one_stratum, "flag", "mean", 0)
    cosines = []
    for side in (flags > 0.5, flags <= 0.5):
        mean = images[side].mean(axis=0)
        cosines.append(images[7] @ mean / np.linalg.norm(mean))
    assert probe.scores(images[7], np.full(DIM, np.nan)) == pytest.approx(cosines[0] - cosines[1])


def test_the_activation_vector_scores_by_the_signed_distance_to_its_plane():
    images, samples = world(shift=2.0)
    probe, _ = column_probe("c", images, samples, "flag", "cav", 0)
    assert np.linalg.norm(probe.vector) == pytest.approx(1)
    scores = probe.scores(images, np.full(DIM, np.nan))
    flags = samples.columns["flag"] > 0.5
    assert np.mean((scores > 0) == flags) > 0.95
    moved = images[0] + 0.25 * probe.vector
    assert probe.scores(moved, np.zeros(DIM)) - scores[0] == pytest.approx(0.25)


def test_cells_that_are_empty_are_not_used_but_scored():
    images, samples = world()
    flags = samples.columns["flag"].copy()
    flags[:40] = np.nan
    empty = Samples(samples.ids, samples.labels, samples.units, {"flag": flags}, samples.strata)
    probe, _ = column_probe("c", images, empty, "flag", "mean", 0)
    moved = images.copy()
    moved[:40] = np.eye(DIM)[9]
    again, _ = column_probe("c", moved, empty, "flag", "mean", 0)
    np.testing.assert_array_equal(again.vector, probe.vector)
    assert np.isfinite(probe.out_of_fold).all()


@pytest.mark.parametrize("n_with", [0, FEWEST_UNITS - 1])
def test_too_few_units_give_no_probe_and_say_so(n_with):
    images, samples = world(n=60, per_unit=1)
    flags = (np.arange(60) < n_with).astype(float)
    few = Samples(samples.ids, samples.labels, samples.units, {"flag": flags}, np.zeros(60, int))
    probe, why = column_probe("c", images, few, "flag", "cav", 0)
    assert probe is None
    assert f"{n_with} units with the flag" in why or n_with == 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_weights_balance_the_flag_in_every_stratum(seed):
    rng = np.random.default_rng(seed)
    flags = rng.choice([0.0, 1.0, np.nan], size=50, p=[0.5, 0.3, 0.2])
    strata = rng.integers(0, 4, 50)
    weights = contrast_weights(flags, strata)
    assert (weights[np.isnan(flags)] == 0).all()
    for stratum in range(4):
        inside = strata == stratum
        assert weights[inside & (flags == 1)].sum() == pytest.approx(weights[inside & (flags == 0)].sum())


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_a_unit_lies_in_one_fold_and_the_folds_are_even(seed):
    rng = np.random.default_rng(seed)
    units = rng.integers(0, 40, 150)
    flags = (rng.random(150) < 0.3).astype(float)
    folds = folds_of(units, flags, seed)
    assert all(len(set(folds[units == unit])) == 1 for unit in set(units))
    sizes = [len(set(units[folds == fold])) for fold in range(N_FOLDS)]
    assert max(sizes) - min(sizes) <= 2
    np.testing.assert_array_equal(folds, folds_of(units, flags, seed))
