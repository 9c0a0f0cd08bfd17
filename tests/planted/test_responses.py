"""The components that carry the planted ruler move when a ruler goes in, and the margin moves through them."""

import pytest


@pytest.fixture(scope="module")
def ruler(runs):
    return {
        kind: next(row for row in record.findings.responses if row.artefact == "ruler")
        for kind, (record, _, _) in runs.items()
    }


def test_what_is_labelled_ruler_responds_to_rulers(ruler):
    row = ruler["planted"]
    assert row.n_labelled >= 5
    assert row.n_labelled_responding >= 0.8 * row.n_labelled
    labelled = [found for found in row.components if found.kind == "responds"]
    assert sum(found.response.value > 0 for found in labelled) >= 0.8 * len(labelled)


def test_most_of_the_change_runs_through_them(ruler):
    row = ruler["planted"]
    assert row.by_labelled.low > 0
    assert row.by_labelled.value > 0.5 * row.change.value
    assert row.by_labelled.value + row.by_others.value == pytest.approx(row.change.value, rel=0.02)


def test_the_clean_twin_is_moved_far_less(ruler):
    assert abs(ruler["clean"].change.value) < 0.25 * ruler["planted"].change.value


def test_the_confrontation_tells_it(runs):
    lines = {line.concept: line for line in runs["planted"][0].findings.confrontations}
    assert "respond to ruler" in lines["ruler"].response
