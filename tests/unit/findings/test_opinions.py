from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from auditlens.findings.labels import Labels
from auditlens.findings.opinions import FEWEST_LABELS, agreement, cohens_kappa, label_pairs, opinion_findings
from auditlens.stages.evidence import Evidence, OpinionEvidence
from auditlens.stages.findings import LabelPair
from auditlens.stages.plan import PlannedFoundation
from auditlens.stages.states import ComponentState as State
from auditlens.stages.states import ConceptState
from tests.unit.findings.conftest import make_world
from tests.unit.findings.test_observability import PLAN, spec_of


def pair(first, second):
    state = {None: State.UNEXPECTED}
    return LabelPair(
        id="l:0",
        layer="l",
        class_name="bad",
        first=first,
        first_state=state.get(first, State.SPURIOUS),
        second=second,
        second_state=state.get(second, State.SPURIOUS),
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([None, "a", "b"]), st.sampled_from([None, "a", "b"])), min_size=2))
def test_kappa_is_scikit_learns(answers):
    first, second = zip(*answers, strict=True)
    ours = cohens_kappa(first, second)
    if ours is None:
        assert len(set(first) | set(second)) == 1
    else:
        theirs = cohen_kappa_score(*([str(answer) for answer in row] for row in (first, second)))
        assert ours == pytest.approx(theirs)


def test_counts_are_of_labels_and_no_label_is_no_agreement():
    rows = [pair("a", "a")] * 5 + [pair("a", "b")] * 2 + [pair(None, None)] * 9 + [pair(None, "b"), pair("a", None)]
    found = agreement("l", "bad", rows)
    assert (found.n, found.n_first, found.n_second, found.n_either, found.n_same) == (18, 8, 8, 9, 5)
    assert found.kappa == pytest.approx(cohen_kappa_score([str(r.first) for r in rows], [str(r.second) for r in rows]))


def test_too_few_labels_are_said_and_give_no_number():
    rows = [pair("a", "a")] * (FEWEST_LABELS - 1) + [pair(None, None)] * 30
    found = agreement("l", "bad", rows)
    assert found.kappa is None
    assert "too few labels" in found.note and "4 of 34" in found.note
    assert agreement("l", "bad", [pair("a", "a")] * 9).note == "both give one and the same label to every component"


def component(index, state, label):
    return SimpleNamespace(id=f"l:{index}", layer="l", class_name="bad", index=index, state=state, label=label)


def test_what_nobody_sees_is_no_label():
    labels = {("l", "bad"): Labels((State.UNVERIFIED, State.SPURIOUS), ("veil", "ruler"))}
    rows = [component(1, State.UNVERIFIED, "veil"), component(0, State.SPURIOUS, "ruler")]
    found = label_pairs(rows, labels)
    assert [(row.first, row.second) for row in found] == [(None, "ruler"), ("ruler", None)]
    assert found[1].second_state is State.UNVERIFIED


def second_opinion(space):
    """Findings of a second model with that space on a world where the first labels six components "ruler"."""
    world = make_world({"ruler": 0.4, "ink": 0.1})
    evidence = Evidence(
        samples=world.samples,
        predictions=None,
        examples={},
        relevance={},
        components={},
        space=world.space,
        trials={},
        skipped=(),
        opinions=(OpinionEvidence("second", "1" * 64, space(world), {}),),
    )
    spec = spec_of(ruler={"texts": ("ruler",), "column": "ruler"}, ink={"texts": ("ink",), "column": "ink"})
    planned = PlannedFoundation(
        model="second", sha256="1" * 64, dimension=24, templates=("{}",), training_overlap="none"
    )
    copied = SimpleNamespace(**vars(PLAN), opinions=(planned,))
    plan = SimpleNamespace(**vars(copied), model_copy=lambda update: SimpleNamespace(**{**vars(copied), **update}))
    from auditlens.findings.observability import concept_findings

    concepts = concept_findings(spec, PLAN, world.samples, world.space)
    rows = [component(index, State.SPURIOUS, "ruler") for index in range(6)]
    asked = []

    def labels_of(spec, plan, evidence):
        asked.append((plan.foundation.model, evidence.space))
        return {("l", "bad"): Labels((State.SPURIOUS,) * 6, ("ruler",) * 4 + ("ink",) * 2)}

    (found,) = opinion_findings(spec, plan, evidence, concepts, rows, labels_of)
    assert asked == [("second", evidence.opinions[0].space)]
    return found


def test_an_opinion_shows_labels_side_by_side_and_what_either_sees():
    found = second_opinion(lambda world: world.space)
    assert [(row.first, row.second) for row in found.pairs] == [("ruler", "ruler")] * 4 + [("ruler", "ink")] * 2
    assert (found.agreements[0].n_same, found.agreements[0].n_either) == (4, 6)
    assert [row.second for row in found.concepts] == [ConceptState.OBSERVABLE] * 2
    assert "sees 2 of the 2 concepts" in found.sentence
    assert "The verdict rests on the first model alone." in found.sentence


def test_the_second_model_has_to_show_for_itself_what_it_sees():
    def blind(world):
        noise = np.random.default_rng(0).normal(size=world.space.image_embeddings.shape)
        return replace(world.space, image_embeddings=noise / np.linalg.norm(noise, axis=1, keepdims=True))

    found = second_opinion(blind)
    assert [row.first for row in found.concepts] == [ConceptState.OBSERVABLE] * 2
    assert ConceptState.OBSERVABLE not in [row.second for row in found.concepts]
    assert "sees 0 of the 2 concepts" in found.sentence


def test_without_a_further_model_there_is_no_opinion(world):
    evidence = Evidence(world.samples, None, {}, {}, {}, world.space, {}, ())
    assert opinion_findings(None, SimpleNamespace(opinions=()), evidence, (), (), None) == ()
