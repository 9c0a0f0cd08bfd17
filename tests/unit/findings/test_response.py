"""Labels against responses, of components of which it is known what moves them."""

from types import SimpleNamespace

import numpy as np
import pytest

from auditlens.findings.labels import Labels
from auditlens.findings.response import alignment_scores, response_findings, sentence, with_responses
from auditlens.stages.evidence import LayerRelevance
from auditlens.stages.findings import Confrontation
from auditlens.stages.response import Responses
from auditlens.stages.states import ComponentState, ConceptState

N, K = 80, 12
EFFECTS = {"acts": 0, "acts too": 1, "silent": 2, "unclear": 3, "unlabelled": 4, "sham only": 5, "small": 6}
LABELLED = (0, 1, 2, 3)


def labels_of(*labelled):
    names = tuple("ruler" if k in labelled else None for k in range(K))
    states = tuple(ComponentState.SPURIOUS if name else ComponentState.UNEXPECTED for name in names)
    return Labels(states, names)


@pytest.fixture
def world():
    """Component 4 carries most of the margin's change without the label; 11 has no relevance."""
    rng = np.random.default_rng(0)
    noise = 0.1 * rng.normal(size=(N, K))
    noise[:, 3] *= 40
    beyond = np.array([2.0, 0.8, 0.0, 0.9, 1.5, -1.0, 0.1, 0, 0, 0, 0, 3.0])
    response = noise + beyond
    raw = response + np.where(np.arange(K) == 5, 1.3, 0.0)
    weights = np.array([0.2, 0.1, 0, 0, 1.0, 0, 0, 0, 0, 0, 0, 0.05])
    contributions = response * weights
    found = Responses(
        artefact="ruler", layer="l", image_indices=np.arange(N), instances=np.arange(N) % 8, has_sham=True,
        response=response, raw=raw, contributions={"tumour": contributions},
        change={"tumour": contributions.sum(axis=1) + 0.01},
    )  # fmt: skip
    shares = np.full((N, K), 1 / (K - 1)) * (np.arange(K) < K - 1)
    artefact = SimpleNamespace(artefact=None)
    return SimpleNamespace(
        spec=SimpleNamespace(
            concepts={"ruler": artefact, "border": artefact},
            artefacts={"ruler": artefact},
            examine=SimpleNamespace(relevance_floor=0.01),
        ),
        plan=SimpleNamespace(
            audited_classes=("tumour",),
            model=SimpleNamespace(component_id=lambda layer, component: f"{layer}:{component}"),
        ),
        evidence=SimpleNamespace(
            responses={("ruler", "l"): found},
            relevance={("l", "tumour"): LayerRelevance("l", "tumour", "exact", shares)},
            samples=SimpleNamespace(units=np.arange(N) // 2),
        ),
        found=found,
    )


def concepts_of(state=ConceptState.OBSERVABLE):
    return {name: SimpleNamespace(concept=name, state=state) for name in ("ruler", "border")}


def judged(world, labels=None, concepts=None, scores=None):
    labels = {("l", "tumour"): labels or labels_of(*LABELLED)}
    concepts = concepts or concepts_of()
    (row,) = response_findings(world.spec, world.plan, world.evidence, concepts, labels, {"l": scores or {}})
    return row


def kinds(row):
    return {found.index: found.kind for found in row.components}


def test_components_are_what_their_changes_say(world):
    row = judged(world)
    expected = {0: "responds", 1: "responds", 2: "silent", 3: "unclear", 4: "without label"}
    assert kinds(row) == expected
    assert (row.n_labelled, row.n_labelled_responding, row.n_labelled_silent, row.n_responding) == (4, 2, 1, 3)
    assert row.n_relevant == 11


def test_what_the_sham_moves_further_is_no_response(world):
    assert EFFECTS["sham only"] not in kinds(judged(world))
    world.found.raw[:, 5] = world.found.response[:, 5]
    assert kinds(judged(world))[5] == "without label"


def test_the_family_is_what_is_relevant_and_what_is_labelled(world):
    assert 11 not in kinds(judged(world))
    row = judged(world, labels_of(*LABELLED, 11))
    assert row.n_relevant == 12
    assert kinds(row)[11] == "responds"


def test_the_change_of_the_margin_is_split_by_the_label(world):
    row = judged(world)
    contributions = world.found.contributions["tumour"]
    assert row.by_labelled.value == pytest.approx(contributions[:, :4].sum(axis=1).mean())
    assert row.by_others.value == pytest.approx(contributions[:, 4:].sum(axis=1).mean())
    assert row.change.value == pytest.approx(row.by_labelled.value + row.by_others.value + 0.01)
    assert row.by_others.low < row.by_others.value < row.by_others.high
    assert row.by_others.n_instances == 8


def test_the_largest_contribution_comes_first_on_either_side(world):
    assert [found.index for found in judged(world).components][:2] == [0, 1]
    without = judged(world, labels_of(2)).components
    assert [found.index for found in without] == [2, 4, 0, 1]


def test_intervals_are_at_the_level_that_the_list_needs(world):
    for found in judged(world).components:
        clear = found.response.low > 0 or found.response.high < 0
        assert clear == (found.p_adjusted <= 0.05)
        assert found.response.confidence > 0.95


def test_labels_do_not_count_where_the_concept_is_not_seen(world):
    row = judged(world, concepts=concepts_of(ConceptState.UNVERIFIED))
    assert row.concepts == () and row.n_labelled == 0
    assert set(kinds(row).values()) == {"without label"}
    assert "No label that counts names ruler" in row.sentence


def test_alignment_that_ranks_responses_has_an_auroc_of_one(world):
    scores = {"ruler": np.where(np.isin(np.arange(K), (0, 1, 4)), 5.0, 0.0), "border": np.arange(K, dtype=float)}
    assert judged(world, scores=scores).told.value == 1.0
    assert judged(world, scores={"border": scores["border"]}).told.value is None


def test_scores_come_from_crops_where_there_are_any():
    whole = SimpleNamespace(concepts=("ruler",), z=np.zeros((4, 1)))
    cropped = SimpleNamespace(concepts=("ruler",), z=np.array([[7.0], [8.0]]))
    assert alignment_scores(cropped, whole, np.array([1, 3]))["ruler"].tolist() == [0, 7, 0, 8]
    assert not whole.z.any()
    assert alignment_scores(None, None, np.empty(0, int)) == {}


def test_sentences(world):
    expected = "Of 4 labelled components, 2 respond to ruler (1 silent, 1 unclear); 1 other component responds "
    assert judged(world).sentence == expected + "without the label."
    world.found.response[:] = 0
    row = judged(world, labels_of())
    assert sentence(row).startswith("No component carries a label that ruler shows; no other component responds")


def test_the_last_layer_joins_the_confrontation(world):
    line = Confrontation(
        class_name="tumour", concept="ruler", artefact="ruler", inside=None, n_components=0, behaviour=None,
        conclusion="not evaluated", sentence="",
    )  # fmt: skip
    row = judged(world)
    assert with_responses((line,), [row], ("k", "l"))[0].response == row.sentence
    assert with_responses((line,), [row], ("l", "k"))[0].response == ""
