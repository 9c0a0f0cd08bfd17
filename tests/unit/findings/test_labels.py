import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditlens.findings.alignment import AlignmentTable
from auditlens.findings.labels import Families, Labels, combine, drop_irrelevant, label_components
from auditlens.findings.selection import FEWEST, floor_for, select_components
from auditlens.stages.evidence import LayerRelevance
from auditlens.stages.states import ComponentState as State

CONCEPTS = ("border", "ruler", "veil", "hair")
FAMILIES = Families(valid=("border",), spurious=("ruler",), uncounted=("veil",), others=("hair",))


def table(z, eligible=None):
    z = np.array(z, dtype=float)
    random_z = np.random.default_rng(0).normal(size=(2000, len(CONCEPTS)))
    blank = np.zeros_like(z)
    allowed = np.ones(z.shape, bool) if eligible is None else np.array(eligible)
    return AlignmentTable(CONCEPTS, blank, z, blank, blank, random_z, allowed, 0.0, 0.0)


@pytest.mark.parametrize(
    ("z", "state", "label"),
    [
        ([6, 0, 0, 0], State.VALID, "border"),
        ([0, 6, 0, 0], State.SPURIOUS, "ruler"),
        ([5, 6, 0, 0], State.BOTH, "ruler"),
        ([0, 0, 9, 0], State.UNVERIFIED, "veil"),
        ([0, 4, 9, 0], State.SPURIOUS, "ruler"),  # what is not seen never outweighs what is
        ([0, 0, 0, 6], State.UNEXPECTED, "hair"),
        ([2, 2, 2, 2], State.UNEXPECTED, None),
    ],
)
def test_states_and_labels(z, state, label):
    found = label_components(table([z]), FAMILIES, 3.0, 1)
    assert (found.states[0], found.labels[0]) == (state, label)


def test_a_contradicted_concept_cannot_label():
    found = label_components(table([[0, 6, 0, 0]], [[True, False, True, True]]), FAMILIES, 3.0, 1)
    assert found.states == (State.UNEXPECTED,)


def test_without_a_foundation_model_everything_is_unverified():
    assert label_components(None, FAMILIES, 3.0, 3).states == (State.UNVERIFIED,) * 3


def test_examined_components_are_judged_by_their_crops():
    screened = Labels((State.VALID,) * 3, ("border",) * 3)
    examined = Labels((State.SPURIOUS,), ("ruler",))
    assert combine(screened, examined, np.array([1])).labels == ("border", "ruler", "border")


def test_a_component_without_relevance_is_irrelevant():
    labels = Labels((State.VALID, State.SPURIOUS), ("border", "ruler"))
    found = drop_irrelevant(labels, np.array([[0.0, 0.5], [0.0, -0.5]]))
    assert found.states == (State.IRRELEVANT, State.SPURIOUS)
    assert found.labels == (None, "ruler")


def relevance(means):
    return LayerRelevance("l", "c", "lrp", np.tile(np.array(means), (3, 1)))


def test_the_floor_is_one_per_cent_or_five_even_shares():
    assert floor_for("auto", 100) == 0.01
    assert floor_for("auto", 1000) == 0.005
    assert floor_for(0.2, 1000) == 0.2


def test_selection_is_by_strength_with_a_cap_and_counts_what_reaches_the_floor():
    chosen, n_relevant = select_components(relevance([0.1, -0.5, 0.005, 0.3]), 0.05, 2)
    assert chosen.tolist() == [1, 3]
    assert n_relevant == 3


def test_a_model_that_spreads_its_relevance_still_shows_its_strongest():
    chosen, n_relevant = select_components(relevance(np.linspace(0.001, 0.0012, 900)), "auto", 40)
    assert n_relevant == 0
    assert len(chosen) == FEWEST
    assert select_components(relevance(np.full(900, 0.001)), 0.01, 40)[0].size == 0


def signed(rows):
    return LayerRelevance("l", "c", "lrp", np.array(rows))


def test_the_strongest_come_first_and_ties_go_to_the_smaller_index():
    found = signed([[0.5, -0.3, 0.2, 0.0], [-0.5, 0.3, 0.0, 0.2]])
    assert select_components(found, 0.0, 9)[0].tolist() == [0, 1, 2, 3]
    assert select_components(found, 0.2, 9)[0].tolist() == [0, 1]
    assert select_components(found, 0.9, 9)[0].tolist() == []


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 0.3), st.integers(1, 12))
def test_selection_is_blind_to_sign_and_image_order(seed, floor, cap):
    rng = np.random.default_rng(seed)
    shares = rng.normal(size=(9, 12))
    shares /= np.abs(shares).sum(1, keepdims=True)
    chosen, _ = select_components(signed(shares), floor, cap)
    assert (np.abs(shares).mean(axis=0)[chosen] >= floor).all()
    assert len(chosen) <= cap
    turned = shares[rng.permutation(9)] * rng.choice([-1, 1], size=(9, 12))
    np.testing.assert_array_equal(chosen, select_components(signed(turned), floor, cap)[0])
