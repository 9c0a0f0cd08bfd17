"""`auditlens concepts list|show`."""

import json

import pytest

from auditlens.cli.main import main
from auditlens.spec.concept_libraries import concept_library_names, read_concept_library


def said(capsys, *arguments):
    assert main(["concepts", *arguments]) == 0
    return capsys.readouterr().out


def test_the_list_names_every_library_with_its_numbers_and_sources(capsys):
    text = said(capsys, "list")
    for name in concept_library_names():
        assert f"{name}: {len(read_concept_library(name).concepts)} concepts" in text
    assert "ABCDE/A 10, ABCDE/B 4" in text
    assert "and 21 more" in text
    assert "source: arXiv 2501.05398 F.1.1" in text


def test_the_list_as_json(capsys):
    rows = json.loads(said(capsys, "list", "--format", "json"))
    assert [row["library"] for row in rows] == list(concept_library_names())
    assert rows[0]["groups"]["ABCDE/E"] == 5


@pytest.mark.parametrize("name", ["seven_point", "auditlens/concepts/seven_point"])
def test_a_library_is_shown_with_words_groups_and_sources(capsys, name):
    text = said(capsys, "show", name)
    assert "blue_whitish_veil\n    group: seven_point/major\n    texts: blue-whitish veil; blue-white veil\n" in text
    assert "source: Argenziano et al. 1998" in text


def test_a_group_is_shown_alone(capsys):
    shown = json.loads(said(capsys, "show", "abcde#ABCDE/D", "--format", "json"))
    assert shown["concepts"].keys() == {"large_diameter"}


def test_why_a_concept_cannot_be_assessed_is_shown(capsys):
    assert "not assessable: single image" in said(capsys, "show", "evolution")


def test_one_concept_is_shown_with_its_library(capsys):
    assert said(capsys, "show", "palm_tree").startswith("palm_tree (auditlens/concepts/imagenet_ox)\n    group: ox/")
    shown = json.loads(said(capsys, "show", "palm_tree", "--format", "json"))
    assert shown["auditlens/concepts/imagenet_ox"]["texts"] == ["palm tree"]


@pytest.mark.parametrize(("name", "near"), [("rulr", "ruler"), ("abcd", "abcde"), ("abcde#spurios", "spurious")])
def test_an_unknown_name_is_answered_with_the_nearest(capsys, name, near):
    assert main(["concepts", "show", name]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"did you mean {near!r}?" in error
