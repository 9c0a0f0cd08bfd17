"""Faithfulness of the labels that were given: by a concept's column, or by the class or column of a word's name."""

from types import SimpleNamespace

import numpy as np
import pytest

from auditlens.findings.faithfulness import faithfulness_findings
from auditlens.stages.evidence import Evidence, LayerExamples, Predictions, Samples

SPEC = SimpleNamespace(
    concepts={"ruler": SimpleNamespace(flag="has_ruler"), "border": SimpleNamespace(flag=None)},
)
MEANS = {"benign": np.array([1.0, 0.0]), "melanoma": np.array([2.0, 4.0]), "has_ruler": np.array([5.0, 1.0])}


@pytest.fixture
def evidence():
    labels = np.array([0, 1, 1])
    samples = Samples(("a", "b", "c"), labels, labels, {"has_ruler": np.array([1.0, 1.0, 0.0])}, labels)
    examples = {"late": LayerExamples("late", np.zeros((2, 1), int), np.zeros((2, 1)), MEANS)}
    return Evidence(samples, Predictions(np.empty(0), np.empty(0)), examples, {}, {}, None, {}, ())


def carrying(label, index=0, layer="late"):
    return SimpleNamespace(id=f"{layer}:{index}", layer=layer, index=index, label=label)


def found(evidence, components=(), words=()):
    vocabulary = [SimpleNamespace(components=words)]
    return faithfulness_findings(SPEC, evidence, ("benign", "melanoma"), components, vocabulary)


def test_a_concept_is_scored_by_its_column_once_for_all_classes(evidence):
    (row,) = found(evidence, [carrying("ruler"), carrying("ruler")])
    assert (row.id, row.label, row.column, row.phi) == ("late:0", "ruler", "has_ruler", 1.0)
    assert (row.strongest, row.n_labels, row.n_images) == ("has_ruler", 3, 2)


def test_a_label_that_other_images_activate_more_scores_low(evidence):
    (row,) = found(evidence, [carrying("ruler", 1)])
    assert row.phi == pytest.approx(0.25)
    assert row.strongest == "melanoma"


def test_a_word_is_scored_by_the_class_of_its_name(evidence):
    (row,) = found(evidence, words=[carrying("melanoma"), carrying("banana"), carrying(None)])
    assert (row.label, row.column, row.n_images) == ("melanoma", "melanoma", 2)
    assert row.phi == pytest.approx(0.25)


def test_without_a_column_there_is_no_score(evidence):
    assert found(evidence, [carrying("border"), carrying(None), carrying("ruler", layer="early")]) == ()
