"""The libraries that come with the tool."""

import pytest

from auditlens.errors import SpecError
from auditlens.findings.statistics.smallest import n_for_zero_events
from auditlens.plan.gates import expand_gates
from auditlens.spec.concept_libraries import concept_library_names
from auditlens.spec.include import library_names

ABCDE, DERMOSCOPY = "auditlens/concepts/abcde", "auditlens/artefacts/dermoscopy"
GENERAL, XRAY = "auditlens/artefacts/general", "auditlens/artefacts/xray"
VOCABULARIES = ("auditlens/vocabularies/dermoscopy", "auditlens/vocabularies/semanticlens")


def test_there_are_three_of_artefacts_six_of_concepts_three_of_gates_and_two_vocabularies():
    names = library_names()
    assert names[:3] == (DERMOSCOPY, GENERAL, XRAY)
    assert names[-2:] == VOCABULARIES
    assert set(names[3:-5]) == set(concept_library_names())
    assert len(concept_library_names()) == 6


@pytest.mark.parametrize(("name", "n_words", "n_categories"), [(VOCABULARIES[0], 111, 7), (VOCABULARIES[1], 679, 9)])
def test_a_vocabulary_has_its_words_and_the_threshold_of_the_paper(bench, name, n_words, n_categories):
    vocabulary = bench.load(include=[name]).spec.vocabulary
    assert len(vocabulary.words) == n_words
    assert len(vocabulary.categories) == n_categories
    assert vocabulary.threshold == 0.025


def test_the_dermoscopy_vocabulary_is_the_words_of_the_concept_library(bench, spec):
    words = bench.load(include=["auditlens/vocabularies/dermoscopy"]).spec.vocabulary.words
    assert set(words) == {text for concept in spec.concepts.values() for text in concept.texts}


@pytest.mark.parametrize(
    ("categories", "said"),
    [
        ({"a": ["dog"], "b": ["cat", "dog"]}, "'dog' is listed twice"),
        ({"a": []}, "needs words"),
        ({"a": [" "]}, "none of them empty"),
    ],
)
def test_a_vocabulary_without_sense_is_refused(bench, categories, said):
    with pytest.raises(SpecError, match=said):
        bench.load(vocabulary={"categories": categories})


@pytest.fixture
def spec(bench):
    return bench.load(include=[ABCDE, DERMOSCOPY], concepts={}, artefacts={}).spec


def test_the_libraries_are_valid_together_and_every_entry_has_a_source(spec):
    for name, entry in {**spec.concepts, **spec.artefacts}.items():
        assert ("2004.11457" if name.startswith("gel_") else "2501.05398") in entry.source


def test_each_letter_of_the_rule_has_concepts(spec):
    groups = {concept.group for concept in spec.concepts.values()}
    assert groups == {"ABCDE/A", "ABCDE/B", "ABCDE/C", "ABCDE/D", "ABCDE/E", "benign", "spurious"}


def test_evolution_cannot_be_seen_in_one_image_and_diameter_may_be(spec):
    assert spec.concepts["evolution"].not_assessable == "single image"
    assert spec.concepts["large_diameter"].not_assessable is None


def test_no_text_stands_in_two_concepts(spec):
    texts = [text for concept in spec.concepts.values() for text in concept.texts]
    assert len(texts) == len(set(texts))


def test_the_artefacts_are_those_that_can_be_drawn_and_none_names_a_column(spec):
    named = {"ruler", "band_aid", "hair", "ink", "red_skin", "dark_corner", "white_reflections"}
    assert set(spec.artefacts) == named | {"gel_bubble", "gel_border"}
    assert all(artefact.column is None for artefact in spec.artefacts.values())
    assert named <= set(spec.concepts)


@pytest.mark.parametrize(
    ("library", "names"),
    [
        (XRAY, {"side_marker", "text", "tube", "collimator"}),
        (GENERAL, {"watermark", "text", "logo", "frame", "timestamp", "jpeg", "blur", "colour_cast"}),
    ],
)
def test_further_libraries_are_valid_and_every_artefact_has_a_source(bench, library, names):
    artefacts = bench.load(include=[ABCDE, library], concepts={}, artefacts={}).spec.artefacts
    assert set(artefacts) == names
    assert all(artefact.label and artefact.source and artefact.column is None for artefact in artefacts.values())


def test_red_skin_is_that_of_the_paper(spec):
    red = spec.artefacts["red_skin"]
    assert (red.kind, red.colour, red.strength) == ("tint", (231, 128, 151), (0.3, 0.3))


PRESETS = ("strict", "screening", "inside")


@pytest.mark.parametrize("name", PRESETS)
def test_presets_of_gates_can_be_planned_and_every_limit_has_its_reason(bench, name):
    spec = bench.load(include=[f"auditlens/gates/{name}"], gates={}).spec
    gates = expand_gates(spec, spec.model.classes, "melanoma")
    assert gates
    assert all(gate.rationale and "preset" in gate.tags and gate.confidence == 0.95 for gate in gates)
    for gate in gates:
        waits = {"works_detects", "works_spares"} if "works_detects" in spec.gates else set()
        assert set(gate.requires) == (set() if gate.name in waits else waits)
    if name == "inside":
        assert {gate.severity for gate in gates} == {"warn"}


def test_a_preset_is_changed_key_by_key_and_knows_no_names_of_classes(bench):
    include = ["auditlens/gates/strict", "auditlens/gates/inside"]
    gates = {"missed": {"limit": "<= 0.01", "risk_id": "H-4"}, "needs_the_lesion": None, "seen": None}
    spec = bench.load(include=include, gates=gates).spec
    assert "needs_the_lesion" not in spec.gates
    planned = {gate.id: gate for gate in expand_gates(spec, spec.model.classes, "melanoma")}
    missed = planned["missed[ruler]"]
    assert (missed.bound, missed.risk_id, missed.from_class, missed.to_class) == (0.01, "H-4", "melanoma", "other")
    alarm = planned["false_alarms[ruler]"]
    assert (alarm.from_class, alarm.to_class) == ("other", "melanoma")


def test_the_presets_limits_need_the_numbers_of_units_that_they_say():
    assert (n_for_zero_events(0.02, 0.95), n_for_zero_events(0.01, 0.95)) == (149, 299)
