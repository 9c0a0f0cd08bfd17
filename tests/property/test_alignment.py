"""Scores of components against concepts: bounds, and what they must not depend on."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditlens.findings import alignment
from auditlens.findings.alignment import alignments
from tests.unit.findings.conftest import CONCEPTS, DIM, make_world

N_IMAGES, N_COMPONENTS, M = 80, 5, 8
COLUMNS = {"ruler": "ruler", "ink": "ink"}
SCORES = ("raw", "z", "z_low", "z_high", "eligible")
some = settings(max_examples=12, deadline=None)
seeds = st.integers(0, 10_000)


@pytest.fixture(autouse=True, scope="module")
def fewer_random_sets():
    """The symmetries hold for any number of random sets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alignment, "N_RANDOM_SETS", 200)
        yield


def drawn(seed):
    """A world, and components whose examples are drawn from it; the first ones lean on a concept."""
    world, rng = make_world({"ruler": 0.4, "ink": 0.2}, n=N_IMAGES, seed=seed), np.random.default_rng(seed)
    rows = [rng.choice(N_IMAGES, M, replace=False) for _ in range(N_COMPONENTS)]
    rows[0] = np.flatnonzero(world.flags["ruler"])[:M]
    return world, world.examples(rows)


def table_of(world, examples, columns=COLUMNS, n_resampled=4):
    return alignments(examples, world.space, world.samples, columns, seed=3, threshold=3.0, n_resampled=n_resampled)


def assert_same(found, expected, atol=1e-7):
    for name in (*SCORES, "random_z"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=atol, err_msg=name)
    assert (found.unrelated_pass, found.random_pass) == (expected.unrelated_pass, expected.random_pass)


@some
@given(seeds)
def test_bounds(seed):
    world, examples = drawn(seed)
    table = table_of(world, examples)
    assert (np.abs(table.raw) <= 2).all() and np.isfinite(table.z).all()
    assert (table.z_low <= table.z_high).all()
    assert 0 <= table.unrelated_pass <= 1 and 0 <= table.random_pass <= 1
    np.testing.assert_allclose(table.random_z.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(table.random_z.std(axis=0), 1, atol=1e-9)
    for place, name in enumerate(CONCEPTS):
        single = np.where(table.eligible[:, place], table.z[:, place], -np.inf)
        np.testing.assert_allclose(table.family_z([name]), single, atol=1e-9)


@some
@given(seeds, st.permutations(range(N_COMPONENTS)))
def test_permuting_components_permutes_scores(seed, order):
    world, examples = drawn(seed)
    order = list(order)
    moved = replace(examples, image_indices=examples.image_indices[order], embeddings=examples.embeddings[order])
    base, found = table_of(world, examples), table_of(world, moved)
    for name in SCORES:
        np.testing.assert_allclose(getattr(found, name), getattr(base, name)[order], atol=1e-9, err_msg=name)


@some
@given(seeds, st.permutations(range(N_IMAGES)))
def test_permuting_images_changes_no_score(seed, order):
    """Row `order[i]` becomes row i; the pool of random crops stays as it is."""
    world, examples = drawn(seed)
    order = np.array(order)
    samples = replace(
        world.samples,
        ids=tuple(world.samples.ids[row] for row in order),
        labels=world.samples.labels[order],
        units=world.samples.units[order],
        strata=world.samples.strata[order],
        columns={name: values[order] for name, values in world.samples.columns.items()},
    )
    space = replace(world.space, image_embeddings=world.space.image_embeddings[order])
    moved = replace(examples, image_indices=np.argsort(order)[examples.image_indices])
    base = table_of(world, examples)
    assert_same(table_of(replace(world, samples=samples, space=space), moved), base)


@some
@given(seeds, st.permutations(range(M)))
def test_the_order_of_examples_changes_no_score(seed, order):
    world, examples = drawn(seed)
    order = list(order)
    moved = replace(examples, image_indices=examples.image_indices[:, order], embeddings=examples.embeddings[:, order])
    assert_same(table_of(world, moved), table_of(world, examples))


@some
@given(seeds, st.floats(0.01, 100))
def test_scale_changes_no_score(seed, scale):
    world, examples = drawn(seed)
    moved = replace(examples, embeddings=examples.embeddings * scale, null_embeddings=examples.null_embeddings * scale)
    assert_same(table_of(world, moved), table_of(world, examples))


@some
@given(seeds)
def test_turning_the_whole_space_changes_no_score(seed):
    world, examples = drawn(seed)
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(DIM, DIM)))
    space = replace(
        world.space,
        image_embeddings=world.space.image_embeddings @ turn,
        probes={name: replace(probe, vector=probe.vector @ turn) for name, probe in world.space.probes.items()},
        null=world.space.null @ turn,
        unrelated={word: vector @ turn for word, vector in world.space.unrelated.items()},
    )
    moved = replace(examples, embeddings=examples.embeddings @ turn, null_embeddings=examples.null_embeddings @ turn)
    assert_same(table_of(replace(world, space=space), moved), table_of(world, examples))


@some
@given(seeds)
def test_duplicates_of_components_and_concepts_score_alike(seed):
    world, examples = drawn(seed)
    base = table_of(world, examples, n_resampled=0)
    twice = replace(
        examples,
        image_indices=np.concatenate([examples.image_indices] * 2),
        embeddings=np.concatenate([examples.embeddings] * 2),
    )
    found = table_of(world, twice, n_resampled=0)
    np.testing.assert_allclose(found.z, np.concatenate([base.z] * 2), atol=1e-9)
    space = replace(world.space, probes=world.space.probes | {"again": world.space.probes["ruler"]})
    found = table_of(replace(world, space=space), examples, COLUMNS | {"again": "ruler"}, n_resampled=0)
    np.testing.assert_allclose(found.z[:, -1], base.z[:, 0], atol=1e-9)
    np.testing.assert_allclose(found.family_z([*CONCEPTS, "again"]), base.family_z(CONCEPTS), atol=1e-9)


@some
@given(seeds)
def test_a_concept_without_a_column_takes_nothing_from_the_columns_of_others(seed):
    """Its z is that of its probe alone, whether or not other concepts have a second score."""
    world, examples = drawn(seed)
    bare, labelled = table_of(world, examples, {}), table_of(world, examples)
    place = CONCEPTS.index("border")
    np.testing.assert_allclose(bare.z[:, place], labelled.z[:, place], atol=1e-9)
    np.testing.assert_array_equal(np.argsort(bare.z[:, place]), np.argsort(bare.raw[:, place]))
