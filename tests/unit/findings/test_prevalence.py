"""Is the shortcut in the data: rates by class, scores where there are no flags, and the words for both."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from auditlens.findings.prevalence import prevalence_findings, source_of, with_prevalences
from auditlens.spec.artefacts import Tint
from auditlens.spec.meaning import Concept
from auditlens.stages.evidence import Evidence, Predictions, Probe, Samples, SemanticSpace
from auditlens.stages.findings import ConceptFinding, Confrontation
from auditlens.stages.states import ConceptState

CLASSES = ("benign", "melanoma")
PLAN = SimpleNamespace(audited_classes=("melanoma",), model=SimpleNamespace(classes=CLASSES))
EMPTY = np.empty((0, 2))


def spec_of(column=None, concepts=None):
    artefact = Tint(kind="tint", colour=(1, 2, 3), column=column, label="ruler")
    return SimpleNamespace(artefacts={"ruler": artefact}, concepts=concepts or {})


def evidence_of(labels, flags=None, scores=None, units=None):
    n = len(labels)
    columns = {} if flags is None else {"has_ruler": np.asarray(flags, float)}
    labels = np.asarray(labels)
    samples = Samples(tuple(map(str, range(n))), labels, np.arange(n) if units is None else units, columns, labels)
    space = None
    if scores is not None:
        embeddings = np.stack([scores, np.zeros(n)], axis=1)
        probe = Probe("mark", np.array([1.0, 0.0]), EMPTY, ())
        space = SemanticSpace(embeddings, {"mark": probe}, np.zeros(2), {}, {})
    none = Predictions(np.zeros((n, 2)), np.full((n, 2), 0.5))
    return Evidence(samples, none, {}, {}, {}, space, {}, ())


def flags_of(n_benign, with_benign, n_melanoma, with_melanoma):
    labels = np.repeat([0, 1], [n_benign, n_melanoma])
    flags = np.r_[np.arange(n_benign) < with_benign, np.arange(n_melanoma) < with_melanoma].astype(float)
    return labels, flags


def by_flag(*counts):
    (found,) = prevalence_findings(spec_of("has_ruler"), PLAN, evidence_of(*flags_of(*counts)), {})
    return found


def test_a_shortcut_in_the_data_is_named_with_its_rates():
    found = by_flag(100, 4, 50, 19)
    assert found.conclusion == "in the data"
    assert (found.inside.value, found.outside.value) == (0.38, 0.04)
    exact = stats.binomtest(19, 50).proportion_ci(method="exact")
    assert (found.inside.low, found.inside.high) == (pytest.approx(exact.low), pytest.approx(exact.high))
    assert found.difference.value == pytest.approx(0.34)
    assert found.rates["benign"].value == 0.04
    assert (found.class_given.value, found.class_overall) == (pytest.approx(19 / 23), pytest.approx(1 / 3))
    assert found.sentence.startswith(
        "In the data, 4.0 % of benign and 38 % of melanoma images are flagged with 'ruler'"
    )
    assert found.sentence.endswith("Of the images with it 83 % are melanoma, of all images 33 %.")


@pytest.mark.parametrize(
    ("counts", "conclusion"),
    [
        ((1000, 200, 1000, 205), "as frequent"),
        ((60, 12, 40, 10), "undecided"),
        ((2000, 4, 2000, 40), "in the data"),  # rare: 1.8 points, but ten times as frequent
        ((4000, 800, 4000, 900), "as frequent"),  # clear of zero, but too small to matter
        ((100, 4, 9, 5), "too few"),
        ((100, 38, 50, 2), "in the data"),  # the other way round is a shortcut too
    ],
)
def test_conclusions(counts, conclusion):
    assert by_flag(*counts).conclusion == conclusion


def test_empty_flags_are_left_out_and_counted():
    labels, flags = flags_of(100, 4, 50, 19)
    flags[:50] = np.nan
    (found,) = prevalence_findings(spec_of("has_ruler"), PLAN, evidence_of(labels, flags), {})
    assert (found.n_unknown, found.outside.n, found.outside.value) == (50, 50, 0.0)


def test_units_count_and_not_images():
    labels, flags = flags_of(100, 40, 100, 70)
    alone = evidence_of(labels, flags)
    of_few = evidence_of(labels, flags, units=np.arange(200) // 10)
    wide, narrow = (prevalence_findings(spec_of("has_ruler"), PLAN, e, {})[0].difference for e in (of_few, alone))
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def concept(state=ConceptState.OBSERVABLE, source="insertion"):
    return {"mark": ConceptFinding(concept="mark", group=None, role={}, state=state, source=source)}


SEEN = {"mark": Concept(texts=("a ruler",), artefact="ruler")}


def by_score(shift, n=400, **states):
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 2
    evidence = evidence_of(labels, scores=0.02 * (rng.normal(size=n) + shift * labels))
    return prevalence_findings(spec_of(concepts=SEEN), PLAN, evidence, concept(**states))


@pytest.mark.parametrize(
    ("shift", "n", "conclusion"), [(1.0, 400, "in the data"), (0.0, 4000, "as frequent"), (0.1, 100, "undecided")]
)
def test_without_flags_the_score_speaks_and_says_so(shift, n, conclusion):
    (found,) = by_score(shift, n)
    assert (found.source, found.by, found.conclusion) == ("score", "mark", conclusion)
    assert found.difference.value == pytest.approx(shift, abs=0.25)
    assert found.inside is None
    assert found.sentence.startswith("By score, not by flag: ")


@pytest.mark.parametrize("states", [{"state": ConceptState.UNVERIFIED}, {"source": "assumption"}, {"source": "column"}])
def test_a_score_that_is_not_shown_to_see_the_artefact_says_nothing(states):
    assert by_score(1.0, **states) == ()


def test_the_column_of_the_concept_comes_before_any_score():
    concepts = {"mark": Concept(column="has_ruler", texts=("a ruler",), artefact="ruler")}
    evidence = evidence_of(*flags_of(100, 4, 50, 19))
    assert source_of(spec_of(concepts=concepts), evidence, concept(), "ruler").by == "has_ruler"


def test_confrontations_get_the_sentence_of_their_artefact():
    base = {"class_name": "melanoma", "concept": "mark", "inside": None, "n_components": 0, "behaviour": None}
    rows = [
        Confrontation(**base, artefact=name, conclusion="not evaluated", sentence="") for name in ("ruler", "ink", None)
    ]
    found = by_flag(100, 4, 50, 19)
    assert [row.data for row in with_prevalences(rows, [found])] == [found.sentence, "", ""]
    assert [row.data for row in with_prevalences(rows, [by_flag(100, 4, 9, 5)])] == ["", "", ""]
