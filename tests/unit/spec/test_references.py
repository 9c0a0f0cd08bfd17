# ruff: noqa: E501 - expected sentences stand on one line
"""Names that lead nowhere, and roles that contradict each other."""

import pytest

from auditlens.spec.references import groups_of, members


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"classes__melanoma__valid": ["bordr"]},
         "classes.melanoma.valid[0]: there is no concept 'bordr'; valid concepts are streaks, border, ruler; did you mean 'border'?"),
        ({"classes__melanoma__valid": ["group:ABCDF"]},
         "classes.melanoma.valid[0]: no concept is in the group 'ABCDF'; valid groups are ABCDE, ABCDE/A, ABCDE/B; "
         "did you mean 'ABCDE'?"),
        ({"concepts__ruler__artefact": "rular"},
         "concepts.ruler.artefact: there is no artefact 'rular'; valid artefacts are ruler, tint; did you mean 'ruler'?"),
        ({"decision__class": "melanom"},
         "decision.class: there is no class 'melanom' of the model; valid classes are benign, melanoma; did you mean 'melanoma'?"),
        ({"classes__melanome": {}},
         "classes.melanome: the model has no class 'melanome'; valid classes are benign, melanoma; did you mean 'melanoma'?"),
        ({"data__label_map": {"x": "benine"}},
         "data.label_map.x: there is no class 'benine' of the model; valid classes are benign, melanoma; did you mean 'benign'?"),
        ({"gates__works__required_by": ["wrks"]},
         "gates.works.required_by[0]: there is no gate 'wrks'; valid gates are works; did you mean 'works'?"),
        ({"gates__works__class": "x"},
         "gates.works.class: there is no class 'x' of the model; valid classes are benign, melanoma"),
        ({"classes__melanoma__contested": ["ruler"], "classes__melanoma__spurious": ["ruler"]},
         "classes.melanoma.contested[0]: the concept 'ruler' is already spurious for this class; it has one role"),
        ({"model__output": "multi_label", "gates__works": {
            "metric": "decision_flips", "artefact": "ruler", "direction": "melanoma_to_benign", "limit": "<= 0.1"}},
         "gates.works.direction: with multi-label outputs melanoma and benign do not exclude each other; "
         "write melanoma_to_other or other_to_benign"),
        ({"classes__melanoma__spurious": ["group:ABCDE/B"]},
         "classes.melanoma.spurious[0]: the concept 'border' is already valid for this class; it has one role"),
    ],
)  # fmt: skip
def test_each_dangling_name_is_told_once(bench, changes, problem):
    assert bench.problem(**changes).split(": ", 1)[1] == problem


def test_a_waiver_names_a_gate_and_an_artefact(bench):
    waiver = {"gate": "wrks", "artefact": "x", "bound": "<= 0.1", "model_sha256": "0" * 64, "owner": "a"}
    problems = bench.problems(waivers=[{**waiver, "approved_by": "b", "reason": "c", "expires": "2027-01-01"}])
    assert [line.split(": ")[1] for line in problems] == ["waivers[0].gate", "waivers[0].artefact"]


def test_reference_predictions_name_classes(bench):
    bench.write("", "a.png")
    prediction = {"image": "a.png", "probabilities": {"melanom": 0.5}}
    assert "probabilities.melanom: the model has no class" in bench.problem(model__reference_predictions=[prediction])


def test_a_group_holds_what_lies_below_it(bench):
    root = bench.load().root
    assert groups_of(root) == ("ABCDE", "ABCDE/A", "ABCDE/B")
    assert members(root, "group:ABCDE") == ("streaks", "border")
    assert members(root, "group:ABCDE/B") == ("border",)
    assert members(root, "group:ABC") == ()
    assert members(root, "border") == ("border",)


def test_classes_of_a_text_file_are_known_too(bench):
    bench.write("benign\n\nmelanoma\n", "classes.txt")
    assert bench.load(model__classes="classes.txt").classes == ("benign", "melanoma")
    assert "there is no class 'x'" in bench.problem(model__classes="classes.txt", decision__class="x")


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"one\n", "at least two classes"), (b"a\na\n", "'a' is listed twice"), (b"\xff\n", "is not UTF-8 text")],
)
def test_a_class_file_that_is_none_is_told(bench, content, problem):
    bench.write(content, "classes.txt")
    assert problem in bench.problem(model__classes="classes.txt")


def test_without_known_classes_nothing_about_them_is_guessed(bench):
    problem = bench.problem(model__classes="absent.txt", decision__class="anything")
    assert "there is no file" in problem
