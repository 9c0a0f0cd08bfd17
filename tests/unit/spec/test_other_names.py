"""Known other names: each is none of ours, and each is told what to write."""

import pytest

from auditlens.spec.artefacts import ArtefactDefaults
from auditlens.spec.nodes import ANY
from auditlens.spec.other_names import FIELDS, VALUES, instead, instead_of
from auditlens.spec.shape import annotations_at, field_names, in_words, models_at


@pytest.mark.parametrize("pattern", FIELDS, ids=".".join)
def test_no_other_name_is_one_of_ours(pattern):
    models = models_at(pattern[:-1], {})
    assert models, "nothing stands there"
    assert all(pattern[-1] not in field_names(model) for model in models)


@pytest.mark.parametrize("pattern", VALUES, ids=".".join)
def test_no_other_value_is_one_of_ours_and_what_is_written_instead_is(pattern):
    valid = in_words(annotations_at(pattern, {}))
    for value, told in VALUES[pattern].items():
        assert f"'{value}'" not in valid
        if told.startswith("write "):
            assert f"'{told.split()[1].rstrip(':,')}'" in valid


def test_patterns_fit_names_of_any_kind_and_nothing_longer():
    assert instead(("gates", "missed", "control")) == FIELDS["gates", ANY, "control"]
    assert instead(("gates", "control")) is instead(("gates", "missed", "control", "x")) is None
    assert instead_of(("gates", "missed", "metric"), "auc") == "write auroc"
    assert instead_of(("gates", "missed", "metric"), 3) is None
    assert "enter" not in field_names(ArtefactDefaults)


def test_a_field_and_a_value_are_told_in_the_message(bench):
    found = bench.problems(report={"audience": "board"}, gates__works__metric="recall")
    assert found[0].endswith("write sensitivity")
    assert found[1].endswith(f"there is no such field; {FIELDS['report', 'audience']}")
