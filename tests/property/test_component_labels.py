"""The order of concepts decides nothing, and concepts that nobody verified take nothing from those that count."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from auditlens.findings.alignment import AlignmentTable
from auditlens.findings.labels import Families, label_components
from auditlens.stages.states import ComponentState

VALID, SPURIOUS, OTHERS = ("border", "colour", "shape"), ("ruler", "ink"), ("hair", "skin")
NAMES = (*VALID, *SPURIOUS, *OTHERS)
N_COMPONENTS, THRESHOLD = 12, 2.0
FAMILIES = Families(valid=VALID, spurious=SPURIOUS, uncounted=(), others=OTHERS)
COUNTED = (ComponentState.VALID, ComponentState.SPURIOUS, ComponentState.BOTH)


def table_of(seed, names=NAMES):
    """Scores of which about a fifth stand out."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(N_COMPONENTS, len(names))) + 6 * (rng.random((N_COMPONENTS, len(names))) < 0.2)
    return AlignmentTable(
        concepts=names,
        raw=z / 10,
        z=z,
        z_low=z - 1,
        z_high=z + 1,
        random_z=rng.normal(size=(200, len(names))),
        eligible=rng.random(z.shape) < 0.9,
        unrelated_pass=0.0,
        random_pass=0.0,
    )


def judged(table, families):
    return label_components(table, families, THRESHOLD, N_COMPONENTS)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.permutations(NAMES))
def test_the_order_of_concepts_changes_nothing(seed, order):
    table = table_of(seed)
    places = [NAMES.index(name) for name in order]
    shuffled = replace(
        table,
        concepts=tuple(order),
        **{name: getattr(table, name)[:, places] for name in ("raw", "z", "z_low", "z_high", "random_z", "eligible")},
    )
    families = Families(*(tuple(name for name in order if name in family) for family in (VALID, SPURIOUS, (), OTHERS)))
    assert judged(shuffled, families) == judged(table, FAMILIES)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_unverified_concepts_take_nothing_from_those_that_count(seed, n_added):
    table = table_of(seed)
    added = tuple(f"unverified{number}" for number in range(n_added))
    further = table_of(seed + 1, added)
    wider = replace(
        table,
        concepts=(*NAMES, *added),
        **{
            name: np.concatenate([getattr(table, name), getattr(further, name)], axis=1)
            for name in ("raw", "z", "z_low", "z_high", "random_z", "eligible")
        },
    )
    before = judged(table, FAMILIES)
    after = judged(wider, replace(FAMILIES, uncounted=added))
    for place in range(N_COMPONENTS):
        if before.states[place] in COUNTED:
            assert (after.states[place], after.labels[place]) == (before.states[place], before.labels[place])
        else:
            assert after.states[place] in (ComponentState.UNEXPECTED, ComponentState.UNVERIFIED)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.permutations(range(N_COMPONENTS)))
def test_components_are_judged_one_by_one(seed, order):
    table = table_of(seed)
    moved = replace(
        table, **{name: getattr(table, name)[list(order)] for name in ("raw", "z", "z_low", "z_high", "eligible")}
    )
    states = judged(table, FAMILIES).states
    assert judged(moved, FAMILIES).states == tuple(states[place] for place in order)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 5), st.floats(0.1, 5))
def test_a_higher_threshold_labels_no_further_component(seed, one, other):
    low, high = sorted((one, other))
    table = table_of(seed)
    few, many = (label_components(table, FAMILIES, limit, N_COMPONENTS) for limit in (high, low))
    assert set(few.where(ComponentState.UNEXPECTED)) >= set(many.where(ComponentState.UNEXPECTED))
