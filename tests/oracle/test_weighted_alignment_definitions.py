"""z where examples have weights: by loops, each component against random sets weighted like its own group's."""

from dataclasses import replace

import numpy as np
import pytest

from auditlens.findings import alignment
from auditlens.findings.alignment import alignments, random_sets
from tests.oracle.test_alignment_definitions import COLUMNS, SEED, z_by_loops
from tests.unit.findings.conftest import CONCEPTS, make_world

M, N_COMPONENTS, N_SETS, N_GROUPS = 6, 9, 60, 4


@pytest.fixture(scope="module")
def world():
    return make_world({"ruler": 0.4, "ink": 0.2}, n=120)


@pytest.fixture(scope="module")
def examples(world):
    """From nearly equal weights to one example that counts almost alone."""
    rng = np.random.default_rng(0)
    found = world.examples([rng.choice(120, M, replace=False) for _ in range(N_COMPONENTS)])
    weights = np.stack([rng.permutation(np.arange(1, M + 1.0) ** (component / 2)) for component in range(N_COMPONENTS)])
    return replace(found, weights=weights / weights.sum(axis=1, keepdims=True))


def groups_by_hand(weights):
    """Components in order of 1 / sum of squared weights, dealt into four runs, the longer ones first."""
    numbers = [1 / sum(float(w) ** 2 for w in row) for row in weights]
    order = sorted(range(len(numbers)), key=lambda component: numbers[component])
    size, longer = divmod(len(order), N_GROUPS)
    lengths = [size + 1] * longer + [size] * (N_GROUPS - longer)
    starts = [sum(lengths[:place]) for place in range(N_GROUPS)]
    return [order[start : start + length] for start, length in zip(starts, lengths, strict=True)]


def test_each_group_is_held_against_sets_weighted_alike(world, examples, monkeypatch):
    monkeypatch.setattr(alignment, "N_RANDOM_SETS", N_SETS)
    table = alignments(examples, world.space, world.samples, COLUMNS, seed=SEED, threshold=3.0, n_resampled=0)
    rng, random_z = np.random.default_rng([SEED, 0xA11]), []
    groups = groups_by_hand(examples.weights)
    assert (
        sorted(place for group in groups for place in group) == list(range(N_COMPONENTS))
        and len({len(group) for group in groups}) == 2
    )
    draws = [random_sets(examples.null_embeddings, M, N_SETS, rng, examples.weights[group]) for group in groups]
    for group, drawn in zip(groups, draws, strict=True):
        thetas = [
            [sum(float(w) * float(row[d]) for w, row in zip(examples.weights[k], examples.embeddings[k], strict=True))
             for d in range(examples.embeddings.shape[2])]
            for k in group
        ]  # fmt: skip
        z, null = z_by_loops(world, thetas, drawn, COLUMNS)
        np.testing.assert_allclose(table.z[group], z, atol=1e-9)
        random_z.append(null)
    np.testing.assert_allclose(table.random_z, np.concatenate(random_z), atol=1e-9)


def test_a_weighted_random_set_has_the_weights_of_some_component_in_some_order():
    weights = np.array([[0.5, 0.3, 0.2], [0.8, 0.1, 0.1]])
    drawn = random_sets(np.eye(10), 3, 3_000, np.random.default_rng(0), weights)
    found = {tuple(np.round(sorted(row[row > 0]), 6)) for row in drawn}
    assert found == {(0.2, 0.3, 0.5), (0.1, 0.1, 0.8)}
    np.testing.assert_allclose(drawn.mean(axis=0), 0.1, atol=4 * drawn.std() / np.sqrt(3_000))


def test_a_probe_with_its_own_null_and_an_offset_scores_by_them(world, examples):
    """As a concept activation vector does: the signed distance of the unit theta to its plane."""
    own_null, offset = np.full(24, 0.05), -0.3
    probe = replace(world.space.probes["ink"], null=own_null, offset=offset)
    space = replace(world.space, probes=world.space.probes | {"ink": probe})
    plain = replace(examples, weights=None)
    table = alignments(plain, space, world.samples, {}, seed=SEED, threshold=3.0, n_resampled=0)
    for component, rows in enumerate(examples.embeddings):
        theta = [sum(float(row[d]) for row in rows) / M for d in range(24)]
        length = sum(value**2 for value in theta) ** 0.5
        expected = offset + sum(t / length * (p - n) for t, p, n in zip(theta, probe.vector, own_null, strict=True))
        assert table.raw[component, CONCEPTS.index("ink")] == pytest.approx(expected, abs=1e-12)
