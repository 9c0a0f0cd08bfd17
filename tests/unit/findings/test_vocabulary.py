"""Labels from a vocabulary: both rules against their definitions, counts, and what chance gives."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from auditlens.findings.scope import not_evaluated
from auditlens.findings.vocabulary import Limits, category_counts, vocabulary_findings, word_counts, word_scores
from auditlens.spec.load import load_spec
from auditlens.spec.model import Vocabulary
from auditlens.stages.evidence import Evidence, LayerExamples, LayerRelevance, Predictions
from auditlens.stages.findings import Estimate
from auditlens.stages.labelling import WordLabel
from auditlens.stages.sets import PlannedSets
from tests.unit.findings.conftest import DIM, axis, unit

WORDS = ("ruler", "ink", "border", "banana", "guitar")
VOCABULARY = Vocabulary(categories={"artefact": ("ruler", "ink"), "lesion": ("border",), "food": ("banana", "guitar")})


@pytest.fixture
def vectors():
    return np.stack([unit(axis(0) + axis(number)) for number in (1, 2, 3, 21, 22)])


def rows_with(world, flag, n=20):
    return np.flatnonzero(world.flags[flag])[:n]


def test_the_raw_score_is_the_paper_s_and_z_stands_against_random_sets(world, vectors):
    rng = np.random.default_rng(0)
    examples = world.examples([rows_with(world, "ink"), rng.permutation(600)[:20]])
    found = word_scores(examples, vectors, world.space.null, seed=3)
    for place in range(2):
        theta = examples.embeddings[place].mean(axis=0)
        raw = [float(theta @ word - theta @ world.space.null) / float(np.linalg.norm(theta)) for word in vectors]
        assert found.raw[place] == pytest.approx(max(raw))
        assert found.nearest[place] == int(np.argmax(raw))
    assert WORDS[found.best[0]] == "ink"
    assert found.z[0] > 8 and found.family_z[0] > 5
    limits = Limits(0.025, 3.0)
    assert limits.decide(found.z, found.family_z).tolist() == [True, False]
    assert np.mean(limits.decide(found.fresh_z, found.fresh_family_z)) < 0.02


def test_a_longer_vocabulary_does_not_label_more_random_sets(world):
    rng = np.random.default_rng(1)
    many = unit(axis(0) + 0.5 * rng.normal(size=(300, DIM)))
    examples = world.examples([rng.permutation(600)[:20] for _ in range(40)])
    limits = Limits(0.025, 3.0)
    found = word_scores(examples, many, world.space.null, seed=0)
    assert np.mean(found.z > limits.z) > 0.1  # the best of 300 words alone, uncorrected
    assert np.mean(limits.decide(found.z, found.family_z)) <= 0.05


def label(index, paper, decided):
    return WordLabel(
        id=f"l:{index}", layer="l", index=index, by="crops", nearest="ruler", raw=0.1, paper_label=paper,
        word="ruler", z=1.0, family_z=1.0, label=decided,
    )  # fmt: skip


def test_components_are_counted_by_both_rules_and_only_decided_ones_carry_relevance():
    rows = [label(0, "ruler", "ink"), label(1, "banana", "ink"), label(2, "ruler", None), label(3, None, "border")]
    asked = []

    def shares(components):
        asked.append(list(components))
        return {"melanoma": Estimate(value=0.1 * len(components))}

    counts = category_counts(VOCABULARY, rows, shares)
    assert [(row.name, row.n_paper, row.n_decided) for row in counts] == [
        ("artefact", 2, 2),
        ("lesion", 0, 1),
        ("food", 1, 0),
    ]
    assert asked == [[0, 1], [3], []]
    words = word_counts(VOCABULARY, rows)
    assert [(row.name, row.category, row.n_paper, row.n_decided) for row in words] == [
        ("ink", "artefact", 0, 2),
        ("border", "lesion", 0, 1),
        ("ruler", "artefact", 2, 0),
        ("banana", "food", 1, 0),
    ]


@pytest.fixture
def audited(world, vectors, tmp_path):
    (tmp_path / "spec.yaml").write_text(
        "auditlens: 1\naudit: {id: T}\nmodel: {architecture: 'torchvision:resnet18', classes: [a, b]}\n"
        "data: {generate: {factory: 'm:f'}}\n"
        "vocabulary: {categories: {artefact: [ruler, ink], lesion: [border], food: [banana, guitar]}}\n"
        "examine: {n_examples: 10}\ngates: {g: {metric: auroc, class: b, limit: '>= 0.5'}}\n"
    )
    rows = np.stack([rows_with(world, "ink", 30), np.random.default_rng(5).permutation(600)[:30], np.arange(30)])
    examples = LayerExamples("features", rows, np.ones(rows.shape))
    shares = np.tile([0.5, -0.3, 0.2], (600, 1))
    evidence = Evidence(
        samples=world.samples,
        predictions=Predictions(np.zeros((600, 2)), np.full((600, 2), 0.5)),
        examples={"features": examples},
        relevance={("features", "b"): LayerRelevance("features", "b", "lrp", shares)},
        components={"features": replace(world.examples(rows[[0]][:, :10]), components=np.array([0]))},
        space=replace(world.space, words=dict(zip(WORDS, vectors, strict=True))),
        trials={},
        skipped=(),
    )
    return load_spec(tmp_path / "spec.yaml").spec, evidence


class Model:
    """What is needed of the planned model."""

    def component_id(self, layer, index):
        return f"{layer}:{index}"


def test_a_layer_is_described_by_crops_where_there_are_any_and_by_whole_images_elsewhere(audited):
    spec, evidence = audited
    (found,) = vocabulary_findings(spec, Model(), evidence, seed=0)
    assert [row.by for row in found.components] == ["crops", "whole images", "whole images"]
    assert found.components[0].label == "ink"
    assert found.components[1].label is None
    assert (found.n_words, found.n_components, found.raw_threshold) == (5, 3, 0.025)
    artefact = found.categories[0]
    assert artefact.n_decided == 1
    assert artefact.shares["b"].value == pytest.approx(0.5)
    assert found.random_decided < 0.02


def test_how_often_each_rule_labels_random_sets_is_measured(audited):
    spec, evidence = audited
    raw = word_scores(
        evidence.components["features"], np.stack(list(evidence.space.words.values())), evidence.space.null, 0
    )
    middle = float(np.median(raw.random_raw))
    for threshold, expected in ((-2.0, 1.0), (middle, 0.5), (2.0, 0.0)):
        vocabulary = spec.vocabulary.model_copy(update={"threshold": threshold})
        (found,) = vocabulary_findings(spec.model_copy(update={"vocabulary": vocabulary}), Model(), evidence, seed=0)
        assert found.random_paper == pytest.approx(expected, abs=0.001)
        assert [row.paper_label for row in found.components] == [
            row.nearest if row.raw >= threshold else None for row in found.components
        ]


def test_without_words_nothing_is_described(audited):
    spec, evidence = audited
    wordless = replace(evidence, space=replace(evidence.space, words={}))
    assert vocabulary_findings(spec, Model(), wordless, seed=0) == ()
    assert vocabulary_findings(spec, Model(), replace(evidence, space=None), seed=0) == ()


def test_a_vocabulary_that_nothing_reads_is_named_as_not_evaluated(audited):
    spec, evidence = audited
    data = SimpleNamespace(sets=PlannedSets())
    plan = SimpleNamespace(model=SimpleNamespace(decision_source="x", threshold=0.5), data=data)
    named = [row.what for row in not_evaluated(spec, plan, replace(evidence, space=None), ())]
    assert "the vocabulary" in named
    assert "the vocabulary" not in [row.what for row in not_evaluated(spec, plan, evidence, ())]
