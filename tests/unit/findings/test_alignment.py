from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditlens.findings.alignment import alignments, contradicted, contrast_direction, random_sets, standardise
from tests.unit.findings.conftest import CONCEPTS, make_world

M = 20
COLUMNS = {"ruler": "ruler", "ink": "ink"}


def table_for(world, rows, columns=COLUMNS, seed=3):
    return alignments(world.examples(rows), world.space, world.samples, columns, seed=seed, threshold=3.0)


def rows_with(world, flag, n_components=1, m=M):
    return [np.flatnonzero(world.flags[flag])[k * m : (k + 1) * m] for k in range(n_components)]


def test_raw_is_the_difference_of_cosines_as_the_paper_defines_it(world):
    examples = world.examples([np.arange(M)])
    table = table_for(world, [np.arange(M)])
    theta = examples.embeddings[0].mean(axis=0)
    for column, name in enumerate(CONCEPTS):
        probe, null = world.space.probes[name].vector, world.space.null
        cosines = [theta @ other / np.linalg.norm(theta) / np.linalg.norm(other) for other in (probe, null)]
        assert table.raw[0, column] == pytest.approx(cosines[0] - cosines[1])


@pytest.mark.parametrize(("rate", "flag"), [(0.05, "ink"), (0.2, "ruler"), (0.5, "ruler")])
def test_a_component_of_one_concept_is_labelled_at_rare_and_frequent_base_rates(rate, flag):
    world = make_world({"ruler": 0.3, "ink": 0.3} | {flag: rate}, n=1200)
    table = table_for(world, rows_with(world, flag, 3 if rate < 0.1 else 8))
    column = CONCEPTS.index(flag)
    assert table.z[:, column].mean() > 3
    assert (table.z.argmax(axis=1) == column).all()
    assert table.family_z(CONCEPTS).mean() > 3


def test_random_sets_are_hardly_ever_labelled(world):
    rng = np.random.default_rng(5)
    rows = [rng.choice(600, M, replace=False) for _ in range(400)]
    table = table_for(world, rows)
    assert np.mean(table.family_z(CONCEPTS) > 3) <= 0.03
    assert table.random_pass <= 0.03
    assert abs(table.z.mean()) < 0.2
    assert table.z.std() == pytest.approx(1, abs=0.25)


def test_a_longer_list_of_concepts_does_not_win_by_its_length(world):
    rng = np.random.default_rng(6)
    table = table_for(world, [rng.choice(600, M, replace=False) for _ in range(400)])
    single = np.mean(table.family_z(["ink"]) > 2)
    whole = np.mean(table.family_z(CONCEPTS) > 2)
    assert whole < single + 0.04


def test_a_column_helps_where_the_probe_points_elsewhere(world):
    """The word lands beside the concept (its probe points elsewhere): the column's direction still finds it."""
    rows = rows_with(world, "ruler", 4)
    probe = world.space.probes["ruler"]
    turned = np.eye(24)[0] + np.eye(24)[15]
    world.space.probes["ruler"] = type(probe)("ruler", turned / np.linalg.norm(turned), probe.paraphrases, ("ruler",))
    without, with_column = (table_for(world, rows, columns).z[:, 0] for columns in ({}, COLUMNS))
    assert without.mean() < 3 < with_column.mean()
    assert (with_column > without).all()


def test_the_interval_holds_the_estimate_most_of_the_time(world):
    table = table_for(world, rows_with(world, "ruler", 5))
    inside = (table.z_low <= table.z) & (table.z <= table.z_high)
    assert inside.mean() > 0.9


def test_contrast_is_taken_within_strata():
    world = make_world({"ruler": 0.3}, n=800)
    labels = world.samples.labels
    shifted = world.space.image_embeddings + 2.0 * labels[:, None] * np.eye(24)[9]
    flags = (labels == 1) & (np.random.default_rng(0).random(800) < 0.5) | world.flags["ruler"]
    samples = type(world.samples)(
        world.samples.ids, labels, world.samples.units, {"ruler": flags.astype(float)}, labels
    )
    direction = contrast_direction(shifted, samples, "ruler")
    naive = shifted[flags].mean(axis=0) - shifted[~flags].mean(axis=0)
    assert abs(direction[9]) < 0.3
    assert naive[9] / np.linalg.norm(naive) > 0.6


def test_a_column_without_contrast_gives_no_direction(world):
    samples = type(world.samples)(
        world.samples.ids,
        world.samples.labels,
        world.samples.units,
        {"ruler": np.ones(600)},
        world.samples.strata,
    )
    assert np.isnan(contrast_direction(world.space.image_embeddings, samples, "ruler")).all()


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(4)))
def test_permuting_components_permutes_scores(order):
    world = make_world({"ruler": 0.5, "ink": 0.2}, n=300)
    rows = [np.arange(k * M, (k + 1) * M) for k in range(4)]
    base = table_for(world, rows)
    moved = table_for(world, [rows[place] for place in order])
    np.testing.assert_allclose(moved.z, base.z[list(order)], atol=1e-9)


def test_random_sets_have_distinct_members_and_their_mean():
    pool = np.eye(7)
    sets = random_sets(pool, 3, 50, np.random.default_rng(0))
    assert np.allclose(sets.sum(axis=1), 1)
    assert set(np.round(sets[sets > 0], 9)) == {round(1 / 3, 9)}


def test_standardise_gives_zero_where_nothing_varies():
    assert standardise(np.array([5.0]), np.full(9, 2.0)) == 0


def test_flags_veto_a_label_that_they_contradict(world):
    """Examples drawn at the base rate or below contradict the concept; all flagged do not; no column, no veto."""
    all_flagged = np.flatnonzero(world.flags["ruler"])[:M]
    none_flagged = np.flatnonzero(~world.flags["ruler"])[:M]
    half = np.concatenate([all_flagged[: M // 2], none_flagged[: M // 2]])
    rows = np.array([half, all_flagged, none_flagged])
    found = contradicted(rows, world.samples, {"ruler": "ruler"}, CONCEPTS)
    assert found[:, 0].tolist() == [True, False, True]
    assert not found[:, 1:].any()


def test_empty_cells_speak_neither_for_nor_against(world):
    """Half of the cells are empty: the veto rests on the others, and on nothing where nothing is known."""
    flags = world.samples.columns["ruler"].copy()
    flagged, others = np.flatnonzero(flags == 1), np.flatnonzero(flags == 0)
    rows = np.array([flagged[:M], others[:M], np.concatenate([flagged[M : 2 * M - 5], others[M : M + 5]])])
    flags[rows[0]] = flags[others[M : M + 5]] = np.nan
    samples = replace(world.samples, columns={"ruler": flags})
    found = contradicted(rows, samples, {"ruler": "ruler"}, CONCEPTS)
    assert found[:, 0].tolist() == [False, True, False]
    assert contradicted(rows, world.samples, {"ruler": "ruler"}, CONCEPTS)[:, 0].tolist() == [False, True, False]


def test_a_contradicted_concept_labels_nothing(world):
    none_flagged = np.flatnonzero(~world.flags["ruler"])[:M]
    table = table_for(world, [none_flagged])
    assert np.isneginf(table.eligible_z()[0, 0])
    assert table.family_z(["ruler"])[0] < 3


def weighted(world, rows, weights, seed=3):
    examples = replace(world.examples(rows), weights=np.array(weights))
    return alignments(examples, world.space, world.samples, COLUMNS, seed=seed, threshold=3.0, n_resampled=20)


def test_equal_weights_written_out_judge_as_equal_weights_left_out(world):
    rows = rows_with(world, "ruler", 5)
    plain = table_for(world, rows)
    table = weighted(world, rows, np.full((5, M), 1 / M))
    np.testing.assert_allclose(table.raw, plain.raw)
    np.testing.assert_allclose(table.z, plain.z, rtol=0.1, atol=0.25)  # other random sets


def test_weighted_random_sets_are_hardly_ever_labelled(world):
    """A component whose theta is nearly one example varies most: it is held against sets that vary as much."""
    rng = np.random.default_rng(5)
    rows = [rng.choice(600, M, replace=False) for _ in range(400)]
    even = np.full((200, M), 1 / M)
    steep = np.tile(0.5 ** np.arange(M), (200, 1))
    weights = np.concatenate([even, steep / steep.sum(axis=1, keepdims=True)])
    table = weighted(world, rows, weights)
    for half in (slice(0, 200), slice(200, 400)):
        assert table.z[half].std() == pytest.approx(1, abs=0.25)
        assert np.mean(table.family_z(CONCEPTS)[half] > 3) <= 0.03
    assert table.random_pass <= 0.03


def test_weights_of_examples_without_the_concept_pull_theta_away(world):
    flagged, others = (np.flatnonzero(world.flags["ruler"] == flag)[:M] for flag in (True, False))
    mixed = np.concatenate([flagged[: M // 2], others[: M // 2]])
    first, second = np.repeat([1.0, 0.0], M // 2) / (M // 2), np.repeat([0.0, 1.0], M // 2) / (M // 2)
    table = weighted(world, [mixed, mixed], [first, second])
    column = CONCEPTS.index("ruler")
    assert table.raw[0, column] > table.raw[1, column]
    assert table.z_low[0, column] > table.z_high[1, column]


def test_random_sets_take_the_weights_of_components_in_any_order():
    weights = np.array([[0.7, 0.2, 0.1]])
    sets = random_sets(np.eye(9), 3, 4000, np.random.default_rng(0), weights)
    assert np.allclose(np.sort(sets, axis=1)[:, -3:], [0.1, 0.2, 0.7])
    assert sets.mean(axis=0) == pytest.approx(np.full(9, 1 / 9), abs=0.02)
