"""Which images exemplify a component depends on neither their order, nor batches, nor how the pass was cut up."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditlens.examine.collect import collect, collect_shard, finish, merge
from tests.oracle.networks import load, write_arrays

N, M = 12, 4
LAYERS = ["relu1", "conv2"]
few = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def subject():
    """The first channel sees nothing: all images tie, and only their digests order them."""
    found = load("two_convolutions", LAYERS)
    found.module.conv1.weight[0] = 0
    return found


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """Ten images of noise, of which two lie there twice: equal bytes, equal activations."""
    arrays = list(np.random.default_rng(0).integers(0, 256, (10, 8, 8, 3), dtype=np.uint8))
    return write_arrays(tmp_path_factory.mktemp("images"), [*arrays, arrays[0], arrays[7]])


@pytest.fixture(scope="module")
def whole(subject, index):
    return collect(subject, index, LAYERS, M, batch_size=N)


def shown(index, found):
    """The digests of each component's images, in order."""
    return [[index.digests[row] for row in rows] for rows in found.image_indices]


@few
@given(st.permutations(range(N)))
def test_the_order_of_images_changes_no_example(subject, index, whole, order):
    turned = replace(index, samples=tuple(index.samples[row] for row in order))
    predictions, examples = collect(subject, turned, LAYERS, M, batch_size=5)
    np.testing.assert_allclose(predictions.logits, whole[0].logits[list(order)], atol=1e-6)
    for layer in LAYERS:
        assert shown(turned, examples[layer]) == shown(index, whole[1][layer])


@few
@given(st.integers(1, N + 3))
def test_the_batch_size_changes_nothing(subject, index, whole, batch_size):
    predictions, examples = collect(subject, index, LAYERS, M, batch_size=batch_size)
    np.testing.assert_allclose(predictions.logits, whole[0].logits, atol=1e-5)
    for layer in LAYERS:
        expected = whole[1][layer]
        np.testing.assert_allclose(examples[layer].activations, expected.activations, atol=1e-5)
        other = examples[layer].image_indices != expected.image_indices
        tied = np.abs(examples[layer].activations - expected.activations) < 1e-5
        assert tied[other].all()


@few
@given(st.lists(st.integers(0, 3), min_size=N, max_size=N), st.randoms(use_true_random=False))
def test_shards_merged_in_any_grouping_are_one_pass(subject, index, whole, parts, random):
    rows = [np.flatnonzero(np.array(parts) == part) for part in range(4)]
    shards = [collect_shard(subject, index, part, LAYERS, M, batch_size=5) for part in rows if len(part)]
    while len(shards) > 1:
        first, second = (shards.pop(random.randrange(len(shards))) for _ in range(2))
        shards.append(merge(first, second))
    predictions, examples = finish(shards, subject.output)
    np.testing.assert_allclose(predictions.logits, whole[0].logits, atol=1e-6)
    for layer in LAYERS:
        np.testing.assert_array_equal(examples[layer].image_indices, whole[1][layer].image_indices)
        np.testing.assert_allclose(examples[layer].activations, whole[1][layer].activations, atol=1e-6)


@few
@given(st.integers(1, N))
def test_a_shorter_list_is_the_beginning_of_a_longer_one(subject, index, m):
    _, short = collect(subject, index, LAYERS, m, batch_size=N)
    _, long = collect(subject, index, LAYERS, N, batch_size=N)
    for layer in LAYERS:
        np.testing.assert_array_equal(short[layer].image_indices, long[layer].image_indices[:, :m])


def test_images_that_lie_there_twice_stand_side_by_side(subject, index):
    _, examples = collect(subject, index, LAYERS, N, batch_size=N)
    for layer in LAYERS:
        found = examples[layer]
        for component, rows in enumerate(found.image_indices.tolist()):
            assert sorted(rows) == list(range(N))
            for one, other in ((0, 10), (7, 11)):
                places = [rows.index(one), rows.index(other)]
                values = found.activations[component, places]
                assert values[0] == pytest.approx(values[1], abs=1e-6)
                apart = places[1] - places[0]
                between = found.activations[component, places[0] : places[1]]
                assert apart == 1 or np.ptp(between) < 1e-5, "ties of other images may lie between"


def with_units(index, units):
    """The same images, as those of a few patients."""
    samples = (replace(sample, unit=str(unit)) for sample, unit in zip(index.samples, units, strict=True))
    return replace(index, samples=tuple(samples))


def slow_examples(subject, index, layer):
    """Rank all images, then walk down and skip patients that were met before."""
    _, everything = collect(subject, index, [layer], N, batch_size=N)
    found = []
    for rows in everything[layer].image_indices.tolist():
        met, kept = set(), []
        for row in rows:
            if index.samples[row].unit not in met:
                met.add(index.samples[row].unit)
                kept.append(row)
        found.append((kept + [-1] * M)[:M])
    return np.array(found)


patients = st.lists(st.integers(0, 5), min_size=N, max_size=N)


@few
@given(patients, st.lists(st.integers(0, 3), min_size=N, max_size=N), st.randoms(use_true_random=False))
def test_with_one_image_per_unit_shards_merge_to_one_pass(subject, index, units, parts, random):
    grouped = with_units(index, units)
    rows = [np.flatnonzero(np.array(parts) == part) for part in range(4)]
    shards = [
        collect_shard(subject, grouped, part, LAYERS, M, batch_size=5, one_per_unit=True) for part in rows if len(part)
    ]
    while len(shards) > 1:
        first, second = (shards.pop(random.randrange(len(shards))) for _ in range(2))
        shards.append(merge(first, second))
    _, merged = finish(shards, subject.output)
    _, whole = collect(subject, grouped, LAYERS, M, batch_size=N, one_per_unit=True)
    for layer in LAYERS:
        np.testing.assert_array_equal(merged[layer].image_indices, whole[layer].image_indices)
        np.testing.assert_array_equal(whole[layer].image_indices, slow_examples(subject, grouped, layer))
        absent = whole[layer].image_indices < 0
        assert np.isnan(whole[layer].activations[absent]).all()
        assert np.isfinite(whole[layer].activations[~absent]).all()


def test_without_a_unit_column_one_per_unit_changes_nothing(subject, index, whole):
    _, examples = collect(subject, index, LAYERS, M, batch_size=N, one_per_unit=True)
    for layer in LAYERS:
        np.testing.assert_array_equal(examples[layer].image_indices, whole[1][layer].image_indices)
