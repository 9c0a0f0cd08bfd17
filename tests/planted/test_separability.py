"""With rulers in benign images, the planted model no longer tells melanomas from them; its clean twin does."""


def line_of(record, name):
    return next(row for row in record.findings.separability if (row.name, row.class_name) == (name, "melanoma"))


def test_the_planted_ruler_costs_separability(runs):
    found = line_of(runs["planted"][0], "ruler")
    assert found.source == "other classes"
    assert found.without.value > 0.75
    assert found.with_artefact.value < 0.6
    assert found.drop.low > 0.1
    assert found.drop_beyond_sham.low > 0.1


def test_the_clean_twin_loses_nothing_that_is_clear(runs):
    found = line_of(runs["clean"][0], "ruler")
    assert found.drop.high < 0.1
    assert found.drop_beyond_sham.high < 0.1


def test_every_artefact_test_is_also_a_separability_test(runs):
    for record, _, _ in runs.values():
        assert {row.name for row in record.findings.separability} == {row.artefact for row in record.findings.artefacts}
