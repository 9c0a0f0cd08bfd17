"""Doses and combinations: what is valid, and what is told where."""

import pytest

from auditlens.errors import SpecError
from auditlens.spec.doses import NO_COUNT, NO_SIZE, PLACED, WHOLE_IMAGE, refusal
from auditlens.spec.load import load_spec
from tests.e2e.project import Project

SKIN = {"kind": "tint", "colour": [231, 128, 151]}


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def dosed(project, dose, **artefact):
    project.change({"artefacts": {"red_skin": SKIN, "mark": {"kind": "ruler", "dose": dose, **artefact}}})
    return load_spec(project.spec).spec.artefacts["mark"].dose


def told(project, dose, **artefact):
    with pytest.raises(SpecError) as caught:
        dosed(project, dose, **artefact)
    (line,) = caught.value.problems
    return line


def test_levels_by_dimension_in_their_order(project):
    dose = dosed(project, {"count": [1, 2, 4], "scale": [0.5, 1]})
    assert dose.levels() == {"scale": (0.5, 1.0), "count": (1, 2, 4)}


@pytest.mark.parametrize(
    ("dose", "where", "said"),
    [
        ({"scale": [1, 0.5]}, "scale", "levels must increase strictly; write [0.5, 1.0]"),
        ({"scale": [1, 1]}, "scale", "levels must increase strictly"),
        ({"scale": [1]}, "scale", "a dose has 2 to 8 levels, not 1"),
        ({"count": list(range(1, 10))}, "count", "a dose has 2 to 8 levels, not 9"),
        ({"opacity": [0, 1]}, "opacity[0]", "greater than 0"),
        ({"position": [0, 1.5]}, "position[1]", "at most 1"),
        ({"count": [1, 2.5]}, "count[1]", "whole number"),
        ({"sclae": [1, 2]}, "sclae", "did you mean 'scale'?"),
        ({}, None, "give levels of scale, opacity, count or position"),
    ],
)
def test_a_wrong_dose_is_told_where_it_stands(project, dose, where, said):
    line = told(project, dose)
    path = "artefacts.mark.dose" + (f".{where}" if where else "")
    assert f"{path}: " in line and said in line
    assert "spec.yaml:" in line


@pytest.mark.parametrize(
    ("kind", "dimension", "placement"),
    [("tint", "scale", None), ("jpeg", "count", None), ("ink", "position", None), ("ruler", "position", "full")],
)
def test_a_dose_without_a_meaning_is_refused_with_the_reason(project, kind, dimension, placement):
    assert refusal(kind, dimension, placement)
    fields = {**SKIN} if kind == "tint" else {"kind": kind}
    levels = [1, 2] if dimension == "count" else [0.5, 1]
    if placement:
        fields["placement"] = placement
    assert f"artefacts.mark.dose.{dimension}: {refusal(kind, dimension, placement)}" in told(
        project, {dimension: levels}, **fields
    )


def test_opacity_is_a_dose_of_every_kind_and_the_tables_do_not_contradict_each_other():
    assert not any(refusal(kind, "opacity", None) for kind in WHOLE_IMAGE | PLACED)
    assert NO_SIZE < WHOLE_IMAGE < NO_COUNT
    assert not PLACED & NO_COUNT


def test_combinations_name_artefacts_and_need_two(project):
    project.change({"artefacts": {"red_skin": SKIN, "tag": {"kind": "logo"}}, "challenge": {"combinations": {}}})
    found = load_spec(project.spec).spec.challenge.combinations
    assert (found.artefacts, found.pairs, found.all_together, found.images) == ("all", True, True, 60)
    for value, said in (
        ({"artefacts": ["tag", "red_skn"]}, "artefacts[1]: there is no artefact 'red_skn'"),
        ({"artefacts": ["tag", "tag"]}, "artefacts: a combination needs two different artefacts"),
        ({"pairs": False, "all_together": False}, "neither pairs nor all_together is wanted"),
    ):
        project.change({"challenge": {"combinations": value}})
        with pytest.raises(SpecError) as caught:
            load_spec(project.spec)
        assert any(f"challenge.combinations{'.' if said[0] == 'a' else ': '}{said}" in x for x in caught.value.problems)


def test_without_the_part_nothing_is_combined(project):
    assert load_spec(project.spec).spec.challenge.combinations is None
