"""Mediation of an effect of which it is known what carries it: sets, controls, shares, and what is not told."""

from types import SimpleNamespace

import numpy as np
import pytest

from auditlens.findings.gates import METRICS
from auditlens.findings.labels import Labels
from auditlens.findings.mediation import (
    UNCLEAR,
    labelled_place,
    mediated_share,
    mediation_findings,
    sentence,
    with_mediations,
)
from auditlens.findings.mediation_groups import N_CONTROLS, mediation_groups, units_that_choose
from auditlens.stages.estimate import Estimate
from auditlens.stages.evidence import LayerExamples, LayerRelevance
from auditlens.stages.findings import Confrontation
from auditlens.stages.mediation import MediatedSet, MediationFinding, Mediations
from auditlens.stages.response import Responses
from auditlens.stages.states import ComponentState, ConceptState

N, K = 120, 30
CARRIES = np.zeros(K)
CARRIES[[2, 3, 7]] = [0.5, 0.3, 0.15]
"""Share of the effect that runs through each component; 5 % run around the layer."""
LABELLED = (2, 3)


def labels_of(*labelled, other=(20,)):
    names = tuple("ruler" if k in labelled else "ink" if k in other else None for k in range(K))
    return Labels(tuple(ComponentState.SPURIOUS if name else ComponentState.UNEXPECTED for name in names), names)


def concepts_of(state=ConceptState.OBSERVABLE):
    return {name: SimpleNamespace(concept=name, state=state) for name in ("ruler", "ink")}


@pytest.fixture
def world():
    """Two images a patient; components 2, 3 and 7 respond to the ruler; images 0 to 9 are examples of component 2."""
    rng = np.random.default_rng(0)
    units = np.arange(N) // 2
    beyond = np.where(CARRIES > 0, 2.0, 0.0) + 0.3 * rng.standard_normal((N, K))
    responses = Responses(
        artefact="ruler", layer="l", image_indices=np.arange(N), instances=np.arange(N) % 8, has_sham=True,
        response=beyond, raw=beyond, contributions={"tumour": beyond}, change={"tumour": beyond.sum(axis=1)},
    )  # fmt: skip
    examples = np.full((K, 12), -1)
    examples[:, :4] = rng.integers(60, N, (K, 4))
    examples[[2, 3], :10] = np.arange(10)
    entry = SimpleNamespace(artefact=None)
    return SimpleNamespace(
        rng=rng,
        spec=SimpleNamespace(
            concepts={"ruler": entry, "ink": entry},
            artefacts={"ruler": entry},
            examine=SimpleNamespace(n_examples=10),
        ),
        plan=SimpleNamespace(
            audited_classes=("tumour",),
            seed=3,
            model=SimpleNamespace(component_id=lambda layer, component: f"{layer}:{component}"),
        ),
        evidence=SimpleNamespace(
            responses={("ruler", "l"): responses},
            relevance={("l", "tumour"): LayerRelevance("l", "tumour", "exact", np.full((N, K), 1 / K))},
            examples={"l": LayerExamples("l", examples, np.zeros(examples.shape))},
            samples=SimpleNamespace(units=units),
            drawn_from=None,
            trials={"ruler": None},
            skipped=(),
            mediations={},
        ),
        chooses=units_that_choose(units, list(range(N))),
    )


def measured(world, effect=1.0, labels=None, concepts=None):
    """Trials of every image, in which a group takes away what its components carry, up to some noise."""
    labels = {("l", "tumour"): labels or labels_of(*LABELLED)}
    groups, free = mediation_groups(
        world.spec, world.plan, world.evidence, concepts or concepts_of(), labels, "ruler", "l", world.chooses
    )
    rng = np.random.default_rng(1)
    clean = np.stack([rng.standard_normal(N), np.full(N, 0.4)])
    total = np.stack([effect + 0.3 * rng.standard_normal(N), 0.1 * effect + 0.02 * rng.standard_normal(N)])
    gone = np.array([CARRIES[list(group.components)].sum() for group in groups])
    patched = (clean + total)[None] - gone[:, None, None] * total + 0.01 * rng.standard_normal((len(groups), 2, N))
    found = Mediations(
        artefact="ruler", layer="l", groups=groups, image_indices=np.arange(N), instances=np.arange(N) % 8, used=free,
        clean={"tumour": clean}, inserted={"tumour": clean + total}, patched=patched,
    )  # fmt: skip
    world.evidence.mediations = {"ruler": found}
    return found


def judged(world, **changes):
    concepts = changes.get("concepts") or concepts_of()
    measured(world, **changes)
    (row,) = mediation_findings(world.spec, world.plan, world.evidence, concepts)
    return row, {found.kind: found for found in row.sets}


def test_shares_are_what_the_components_carry(world):
    row, sets = judged(world)
    assert set(sets) == {"labelled", "responding", "spurious"}
    assert sets["labelled"].components == ("l:2", "l:3")
    assert sets["responding"].components == ("l:2", "l:3", "l:7")
    assert sets["spurious"].components == ("l:2", "l:3", "l:20")
    for kind, truth in (("labelled", 0.8), ("responding", 0.95), ("spurious", 0.8)):
        for share in (sets[kind].share, sets[kind].probability):
            assert share.low < truth < share.high and share.high - share.low < 0.1
    assert row.total.low < 1.0 < row.total.high
    assert row.sentence.startswith("Of the change of the margin with ruler, 80 % (95 %: ")


def test_random_components_of_like_relevance_carry_little(world):
    _, sets = judged(world)
    found = sets["labelled"]
    assert found.n_controls == N_CONTROLS and found.matched
    assert abs(found.controls.value) < 0.1
    assert found.beyond_controls.value == pytest.approx(found.share.value - found.controls.value)
    assert found.beyond_controls.low > 0.6


def test_controls_are_other_components_as_many_and_of_like_relevance(world):
    relevance = np.tile(np.linspace(1, 2, K), (N, 1))
    world.evidence.relevance["l", "tumour"] = LayerRelevance(
        "l", "tumour", "exact", relevance / relevance.sum(axis=1)[0]
    )
    found = measured(world)
    controls = [group.components for group in found.groups if group.is_control and group.kind == "labelled"]
    assert len(set(controls)) == len(controls) == N_CONTROLS
    for members in controls:
        assert len(members) == 2 and not set(members) & set(LABELLED)
        assert all(abs(member - 2.5) < 12 for member in members)
    again = measured(world)
    assert again.groups == found.groups, "same seed, same sets"


def test_a_set_that_nothing_matches_has_no_controls_or_says_so(world):
    relevance = np.zeros((N, K))
    relevance[:, [2, 3]], relevance[:, [5, 6, 8]] = 0.3, 0.03
    world.evidence.relevance["l", "tumour"] = LayerRelevance("l", "tumour", "exact", relevance)
    row, sets = judged(world)
    assert not sets["labelled"].matched and sets["labelled"].control_relevance == pytest.approx(0.06, rel=0.1)
    assert "(with 6 % of the relevance, against 60 %)" in row.sentence
    relevance[:, 5:20] = 0.0
    world.evidence.relevance["l", "tumour"] = LayerRelevance("l", "tumour", "exact", relevance)
    row, sets = judged(world)
    assert sets["labelled"].n_controls == 0 and sets["labelled"].controls is None
    assert "random" not in row.sentence


def test_a_labelled_set_is_estimated_on_patients_that_gave_it_no_example(world):
    found = measured(world)
    used = found.used[labelled_place(found, "tumour")]
    assert not used[:10].any() and used[10:].all()
    _, sets = judged(world)
    assert (sets["labelled"].n_trials, sets["labelled"].n_left_out) == (N - 10, 10)


def test_what_responds_is_chosen_on_one_half_of_the_patients_and_estimated_on_the_other(world):
    found = measured(world)
    place = next(n for n, group in enumerate(found.groups) if group.kind == "responding")
    assert np.array_equal(found.used[place], ~world.chooses)
    for unit in range(N // 2):
        assert len(set(world.chooses[[2 * unit, 2 * unit + 1]])) == 1
    assert world.chooses.sum() == N // 2
    world.evidence.responses["ruler", "l"].response[~world.chooses, 11] += 9.0
    world.evidence.responses["ruler", "l"].raw[~world.chooses, 11] += 9.0
    found = measured(world)
    assert 11 not in found.groups[place].components, "what only the other half shows does not choose"


def test_the_half_that_chooses_does_not_hang_on_the_order_of_images():
    units, names = np.array([0, 0, 1, 2, 2, 3]), [9, 4, 7, 1, 8, 6]
    order = np.array([5, 3, 0, 2, 4, 1])
    plain = units_that_choose(units, names)
    shuffled = units_that_choose(units[order], [names[place] for place in order])
    assert np.array_equal(plain[order], shuffled)
    assert plain.tolist() == [True, True, False, True, True, False]


def test_without_an_effect_nothing_has_a_share(world):
    row, sets = judged(world, effect=0.0)
    assert row.total.low < 0 < row.total.high
    assert all(found.share.value is None and found.share.note == UNCLEAR for found in sets.values())
    assert all(found.controls is None for found in sets.values())
    assert "not told: the total effect is not clear of zero" in row.sentence


def test_no_label_no_set(world):
    row, sets = judged(world, labels=labels_of(other=()))
    assert set(sets) == {"responding"} and row.sentence == ""
    row, sets = judged(world, concepts=concepts_of(ConceptState.UNVERIFIED))
    assert row.concepts == () and "labelled" not in sets


def gate(**fields):
    return SimpleNamespace(**{"artefact": "ruler", "class_name": "tumour", "confidence": 0.95} | fields)


def inputs(world, labels=None, concepts=None):
    labels = labels or labels_of(*LABELLED)
    return SimpleNamespace(
        spec=world.spec, evidence=world.evidence, trials={"ruler": object()},
        labels={("last", "tumour"): labels}, place=lambda gate: ("last", gate.class_name),
        concepts=concepts or concepts_of(),
    )  # fmt: skip


def test_a_gate_reads_the_labelled_set_at_its_own_confidence(world):
    found = measured(world)
    read = METRICS["mediated_share"]
    narrow, wide = (read(gate(confidence=level), inputs(world)) for level in (0.9, 0.99))
    assert narrow.sided == "one" and wide.low < narrow.low < narrow.value < narrow.high < wide.high
    place = labelled_place(found, "tumour")
    assert narrow == mediated_share(world.evidence, found, place, confidence=0.9, sided="one")


def test_a_gate_is_never_passed_by_what_is_missing(world):
    read = METRICS["mediated_share"]
    measured(world, effect=0.0)
    assert read(gate(), inputs(world)).note == UNCLEAR
    without = inputs(world, labels=labels_of(other=()))
    assert "no component carries the label ruler" in read(gate(), without).note
    unseen = inputs(world, concepts=concepts_of(ConceptState.UNVERIFIED))
    assert "not shown to see" in read(gate(), unseen).note
    world.evidence.mediations = {}
    assert "mediation_images" in read(gate(), inputs(world)).note
    assert "was not put in" in read(gate(artefact="hair"), inputs(world)).note
    for found in (read(gate(), inputs(world)), read(gate(artefact="hair"), inputs(world)), read(gate(), without)):
        assert found.value is None and found.low is None


def test_the_lines_of_evidence_are_told(world):
    row, _ = judged(world)
    line = Confrontation(
        class_name="tumour", concept="ruler", artefact="ruler", inside=None, n_components=2, behaviour=None,
        conclusion="not evaluated", sentence="",
    )  # fmt: skip
    other = line.model_copy(update={"artefact": None})
    assert [found.mediation for found in with_mediations((line, other), [row])] == [row.sentence, ""]


@pytest.mark.parametrize(("high", "said"), [(-0.1, True), (0.2, False)])
def test_an_effect_that_runs_past_the_labelled_components_is_told(high, said):
    share = Estimate(value=-0.23, low=-0.43, high=high)
    row = MediatedSet(
        kind="labelled", components=("l:2", "l:3"), relevance_share=0.1, n_trials=40, n_left_out=0, share=share,
        probability=share,
    )  # fmt: skip
    found = MediationFinding(
        artefact="hair", class_name="tumour", layer="l", concepts=("hair",), n_trials=40,
        total=Estimate(value=1.0, low=0.8, high=1.2), sets=(row,), sentence="",
    )  # fmt: skip
    assert ("does not run through them" in sentence(found)) is said
