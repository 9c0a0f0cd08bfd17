"""The planted ruler's effect runs through the components that are labelled ruler, and not through random ones."""

import pytest


@pytest.fixture(scope="module")
def ruler(runs):
    return {
        kind: next(row for row in record.findings.mediations if row.artefact == "ruler")
        for kind, (record, _, _) in runs.items()
    }


def the_labelled(row):
    return next(found for found in row.sets if found.kind == "labelled")


def test_most_of_it_runs_through_them(ruler):
    found = the_labelled(ruler["planted"])
    assert ruler["planted"].total.low > 0
    assert found.share.low > 0.5
    assert found.n_left_out > 0, "no image that gave them an example counts"


def test_more_than_through_as_many_random_ones(ruler):
    found = the_labelled(ruler["planted"])
    assert found.n_controls > 0
    assert found.beyond_controls.low > 0
    assert found.controls.high < found.share.low


def test_the_confrontation_tells_it(runs):
    lines = {line.concept: line for line in runs["planted"][0].findings.confrontations}
    assert "runs through" in lines["ruler"].mediation
