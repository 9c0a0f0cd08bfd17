"""A component's state and label from its scores, as plain rules (decision rules 1 and 2; paper, 3.4)."""

import statistics

import numpy as np
import pytest

from auditlens.findings.alignment import AlignmentTable
from auditlens.findings.labels import Families, combine, drop_irrelevant, label_components, whole_image_examples
from auditlens.stages.evidence import LayerExamples
from auditlens.stages.states import ComponentState
from tests.unit.findings.conftest import make_world

NAMES = ("border", "colour", "ruler", "ink", "veil", "hair")
FAMILIES = Families(valid=("border", "colour"), spurious=("ruler", "ink"), uncounted=("veil",), others=("hair",))
N = 400


def table_of(seed):
    """Many components, of which the scores lie on both sides of any threshold."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(N, len(NAMES))) * 3
    return AlignmentTable(
        concepts=NAMES,
        raw=z,
        z=z,
        z_low=z,
        z_high=z,
        random_z=rng.normal(size=(150, len(NAMES))),
        eligible=rng.random(z.shape) < 0.8,
        unrelated_pass=0.0,
        random_pass=0.0,
    )


def passing(table, component, family, threshold):
    """The family's best concept and its z, where both it and its stand among the random sets' best pass."""
    allowed = [name for name in family if table.eligible[component, NAMES.index(name)]]
    if not allowed:
        return None
    best = max(allowed, key=lambda name: table.z[component, NAMES.index(name)])
    z = table.z[component, NAMES.index(best)]
    null = [max(row[NAMES.index(name)] for name in family) for row in table.random_z.tolist()]
    stands_out = (z - statistics.fmean(null)) / statistics.pstdev(null)
    return (best, z) if z > threshold and stands_out > threshold else None


def judged(table, component, threshold):
    """Valid, spurious or both; else what nobody verified; else unexpected, with the name of another that passes."""
    families = (FAMILIES.valid, FAMILIES.spurious, FAMILIES.uncounted, FAMILIES.others)
    valid, spurious, uncounted, other = (passing(table, component, family, threshold) for family in families)
    if valid and spurious:
        return ComponentState.BOTH, (valid if valid[1] >= spurious[1] else spurious)[0]
    for found, state in ((valid, ComponentState.VALID), (spurious, ComponentState.SPURIOUS)):
        if found:
            return state, found[0]
    if uncounted:
        return ComponentState.UNVERIFIED, uncounted[0]
    return ComponentState.UNEXPECTED, other[0] if other else None


@pytest.mark.parametrize("threshold", [1.0, 3.0])
def test_states_and_labels_follow_the_rules(threshold):
    table = table_of(0)
    found = label_components(table, FAMILIES, threshold, N)
    for component in range(N):
        expected = judged(table, component, threshold)
        assert (found.states[component], found.labels[component]) == expected, component
    assert set(found.states) == {
        ComponentState.VALID,
        ComponentState.SPURIOUS,
        ComponentState.BOTH,
        ComponentState.UNVERIFIED,
        ComponentState.UNEXPECTED,
    }


def test_without_a_foundation_model_nothing_has_a_name():
    found = label_components(None, FAMILIES, 3.0, 4)
    assert found.states == (ComponentState.UNVERIFIED,) * 4 and found.labels == (None,) * 4


def test_crops_overrule_whole_images_and_no_relevance_overrules_both():
    screened, examined = (label_components(table_of(seed), FAMILIES, 1.0, N) for seed in (1, 2))
    components = np.array([5, 0, 17])
    together = combine(screened, examined, components)
    relevance = np.random.default_rng(0).normal(size=(6, N))
    relevance[:, [3, 5]] = 0
    final = drop_irrelevant(together, relevance)
    for component in range(N):
        source, place = (examined, [5, 0, 17].index(component)) if component in (5, 0, 17) else (screened, component)
        expected = (source.states[place], source.labels[place])
        assert (together.states[component], together.labels[component]) == expected
        irrelevant = (ComponentState.IRRELEVANT, None)
        assert (final.states[component], final.labels[component]) == (irrelevant if component in (3, 5) else expected)


def test_whole_images_stand_for_crops_with_their_own_embeddings():
    world = make_world({"ruler": 0.5}, n=50)
    rows = np.array([[4, 9, 1, 2], [7, 3, -1, -1]])
    found = whole_image_examples(LayerExamples("layer", rows, rows.astype(float)), world.space, 3)
    assert found.image_indices.tolist() == [[4, 9, 1], [7, 3, -1]]
    for component, line in enumerate(found.image_indices):
        for place, row in enumerate(line):
            expected = world.space.image_embeddings[row] if row >= 0 else np.full(24, np.nan)
            np.testing.assert_array_equal(found.embeddings[component, place], expected)
    np.testing.assert_array_equal(found.null_embeddings, world.space.image_embeddings)
