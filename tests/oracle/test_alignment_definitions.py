"""Alignment a, z against random sets, the column's second score and the flags' veto, as loops from their definitions.

The definitions: paper 3.3 and 3.4 for a; docs/decisions/0002 for z. Only the draw of the sets is shared with the code.
"""

import math
import statistics

import numpy as np
import pytest

from auditlens.findings.alignment import N_RANDOM_SETS, alignments, random_sets
from tests.unit.findings.conftest import CONCEPTS, make_world

M, SEED, THRESHOLD = 12, 3, 3.0
COLUMNS = {"ruler": "ruler", "ink": "ink"}


def cosine(one, other):
    dot = sum(float(a) * float(b) for a, b in zip(one, other, strict=True))
    return dot / math.sqrt(sum(float(a) ** 2 for a in one)) / math.sqrt(sum(float(b) ** 2 for b in other))


def mean_vector(rows):
    return [sum(float(row[d]) for row in rows) / len(rows) for d in range(len(rows[0]))]


def raw_of(world, theta, concept):
    """a(theta, probe) = s(theta, probe) - s(theta, null): a difference of cosines."""
    return cosine(theta, world.space.probes[concept].vector) - cosine(theta, world.space.null)


def direction_of(world, column):
    """Within each stratum: mean of the images with the flag minus mean of those without, by harmonic counts."""
    total = [0.0] * world.space.image_embeddings.shape[1]
    for stratum in sorted(set(world.samples.strata.tolist())):
        sides = {True: [], False: []}
        for row, vector in enumerate(world.space.image_embeddings):
            if world.samples.strata[row] == stratum:
                sides[bool(world.samples.columns[column][row] > 0.5)].append(vector)
        if sides[True] and sides[False]:
            weight = 1 / (1 / len(sides[True]) + 1 / len(sides[False]))
            present, absent = mean_vector(sides[True]), mean_vector(sides[False])
            total = [t + weight * (p - a) for t, p, a in zip(total, present, absent, strict=True)]
    length = math.sqrt(sum(t * t for t in total))
    return [t / length for t in total]


def standardised(value, null):
    return (value - statistics.fmean(null)) / statistics.pstdev(null)


def scores_of(world, theta, columns, directions):
    """Per concept the scores that it has: its probe's, and its column's where there is one."""
    found = []
    for name in CONCEPTS:
        scores = [raw_of(world, theta, name)]
        if name in columns:
            scores.append(sum(float(a) * b for a, b in zip(theta, directions[name], strict=True)))
        found.append(scores)
    return found


def z_by_loops(world, thetas, random_thetas, columns):
    """Standardise each score by the random sets, take the larger, standardise again by the random sets' larger."""
    directions = {name: direction_of(world, column) for name, column in columns.items()}
    null = [scores_of(world, theta, columns, directions) for theta in random_thetas]
    found = [scores_of(world, theta, columns, directions) for theta in thetas]
    z, random_z = np.empty((len(thetas), len(CONCEPTS))), np.empty((len(null), len(CONCEPTS)))
    for place in range(len(CONCEPTS)):
        kinds = range(len(null[0][place]))
        columns_of_null = [[row[place][kind] for row in null] for kind in kinds]
        best_null = [max(standardised(row[place][kind], columns_of_null[kind]) for kind in kinds) for row in null]
        for row, scores in enumerate(found):
            best = max(standardised(scores[place][kind], columns_of_null[kind]) for kind in kinds)
            z[row, place] = standardised(best, best_null)
        random_z[:, place] = [standardised(value, best_null) for value in best_null]
    return z, random_z


@pytest.fixture(scope="module")
def world():
    return make_world({"ruler": 0.4, "ink": 0.15}, n=160)


@pytest.fixture(scope="module")
def examples(world):
    """Examples of one concept, of the other, of both at random, and of none."""
    rng = np.random.default_rng(1)
    ruler, ink = (np.flatnonzero(world.flags[name])[:M] for name in ("ruler", "ink"))
    none = np.flatnonzero(~world.flags["ruler"] & ~world.flags["ink"])[:M]
    return world.examples([ruler, ink, rng.choice(160, M, replace=False), none])


def tabled(world, examples, columns):
    return alignments(examples, world.space, world.samples, columns, seed=SEED, threshold=THRESHOLD, n_resampled=0)


@pytest.mark.parametrize("columns", [{}, COLUMNS], ids=["probe", "probe and column"])
def test_a_and_z_are_those_of_the_definitions(world, examples, columns, monkeypatch):
    monkeypatch.setattr("auditlens.findings.alignment.N_RANDOM_SETS", 120)
    table = tabled(world, examples, columns)
    rng = np.random.default_rng([SEED, 0xA11])
    drawn = random_sets(examples.null_embeddings, M, 120, rng)
    thetas = [mean_vector(rows) for rows in examples.embeddings]
    z, random_z = z_by_loops(world, thetas, drawn, columns)
    raw = [[raw_of(world, theta, name) for name in CONCEPTS] for theta in thetas]
    np.testing.assert_allclose(table.raw, raw, atol=1e-12)
    np.testing.assert_allclose(table.z, z, atol=1e-9)
    np.testing.assert_allclose(table.random_z, random_z, atol=1e-9)


def test_z_is_that_of_random_sets_drawn_by_anyone(world, examples):
    """Sets drawn by `random.sample` give the same z within what 4,000 draws leave open (about z / sqrt(2 * 4000))."""
    import random

    assert N_RANDOM_SETS == 4_000
    table = tabled(world, examples, {})
    pool, rng = examples.null_embeddings, random.Random(0)
    thetas = [mean_vector(rows) for rows in examples.embeddings]
    drawn = np.array([pool[rng.sample(range(len(pool)), M)].mean(axis=0) for _ in range(4_000)])
    for place, name in enumerate(CONCEPTS):
        unit = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
        null = unit @ (world.space.probes[name].vector - world.space.null)
        for row, theta in enumerate(thetas):
            expected = standardised(raw_of(world, theta, name), null.tolist())
            error = 4 * math.sqrt(2) * math.sqrt((1 + expected**2 / 2) / 4_000)
            assert table.z[row, place] == pytest.approx(expected, abs=error)


def test_a_family_stands_out_from_the_random_sets_best(world, examples):
    table = tabled(world, examples, COLUMNS)
    for family in (("ruler",), ("ruler", "ink"), CONCEPTS):
        places = [CONCEPTS.index(name) for name in family]
        null = [max(row[place] for place in places) for row in table.random_z.tolist()]
        for component, found in enumerate(table.family_z(family)):
            allowed = [table.z[component, place] for place in places if table.eligible[component, place]]
            expected = standardised(max(allowed), null) if allowed else -math.inf
            assert found == pytest.approx(expected, abs=1e-9)


def test_flags_veto_where_too_few_examples_are_flagged(world, examples):
    """The flagged share must exceed the base rate by one standard deviation of a random set."""
    table = tabled(world, examples, COLUMNS)
    for place, name in enumerate(CONCEPTS):
        for component, rows in enumerate(examples.image_indices):
            if name not in COLUMNS:
                assert table.eligible[component, place]
                continue
            flags = world.samples.columns[name].tolist()
            base = sum(flags) / len(flags)
            share = sum(flags[row] for row in rows) / len(rows)
            assert table.eligible[component, place] == (share >= base + math.sqrt(base * (1 - base) / len(rows)))
    assert table.eligible[0, 0] and not table.eligible[3, 0]


def test_the_controls_count_what_they_say(world, examples, monkeypatch):
    """Share of components that the best unrelated word would label, against the random sets' best word."""
    monkeypatch.setattr("auditlens.findings.alignment.N_RANDOM_SETS", 200)
    rng = np.random.default_rng([SEED, 0xA11])
    drawn = random_sets(examples.null_embeddings, M, 200, rng)
    words = [vector - world.space.null for vector in world.space.unrelated.values()]

    def scores(theta):
        length = math.sqrt(sum(float(a) ** 2 for a in theta))
        return [sum(float(a) * float(b) for a, b in zip(theta, word, strict=True)) / length for word in words]

    null = [scores(theta) for theta in drawn]
    per_word = [[row[word] for row in null] for word in range(len(words))]
    best_null = [max(standardised(row[w], per_word[w]) for w in range(len(words))) for row in null]
    best = []
    for rows in examples.embeddings:
        found = scores(mean_vector(rows))
        best.append(standardised(max(standardised(found[w], per_word[w]) for w in range(len(words))), best_null))
    for threshold in (-1.0, 0.0, 1.0):
        table = alignments(examples, world.space, world.samples, {}, seed=SEED, threshold=threshold, n_resampled=0)
        assert table.unrelated_pass == sum(value > threshold for value in best) / len(best)
