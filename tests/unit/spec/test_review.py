"""Decisions of readers: whose model they are of, and what leaves a component unread."""

import pytest
from pydantic import ValidationError

from auditlens.spec.review import Review

SHA = "ab" * 32


def review(**components):
    rows = {name: {"decision": word, "reader": "dr.ito", "reason": "seen"} for name, word in components.items()}
    return Review.model_validate({"model_sha256": SHA, "components": rows})


def test_an_unclear_component_stays_unread_and_another_models_review_says_nothing():
    found = review(**{"layer4.1:3": "valid", "layer4.1:7-": "spurious", "layer4.1:9": "unclear"})
    assert set(found.read(SHA)) == {"layer4.1:3", "layer4.1:7-"}
    assert found.read("cd" * 32) == {} and found.read(None) == {}


@pytest.mark.parametrize("name", ["layer4.1", "3", "layer4.1:-3"])
def test_what_is_no_component_is_refused(name):
    with pytest.raises(ValidationError, match="is no component"):
        review(**{name: "valid"})


def test_a_decision_needs_its_reader():
    row = {"decision": "valid", "reader": "", "reason": "seen"}
    with pytest.raises(ValidationError):
        Review.model_validate({"model_sha256": SHA, "components": {"layer4.1:3": row}})
