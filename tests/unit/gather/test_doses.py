"""Every level runs on the images, instances and streams of the artefact test, and is stored."""

from dataclasses import fields

import numpy as np
import pytest

from auditlens.gather.doses import dose_trials, doses
from auditlens.gather.trials import artefact_sources, artefact_trials
from auditlens.stages.doses import DoseTrials

TAG = {"kind": "logo", "scale": [1.0, 1.0], "opacity": [0.5, 0.5], "n_instances": 5}


@pytest.fixture
def tested(project, make_context):
    def make(dose, repeats=1, images=4, **artefact):
        tag = TAG | {"dose": dose} | artefact if dose else TAG
        project.change(
            {"artefacts": {"red_skin": project.document["artefacts"]["red_skin"], "tag": tag},
             "challenge": {"dose_images": images, "instances_per_image": repeats}}
        )  # fmt: skip
        context = make_context()
        sources = artefact_sources(context)
        return context, sources, artefact_trials(context, sources)[0]

    return make


def test_without_a_dose_nothing_is_run(tested):
    context, sources, trials = tested(None)
    before = context.store.misses
    assert doses(context, sources, trials) == ()
    assert context.store.misses == before


def test_a_level_that_is_the_natural_dose_gives_the_natural_answers(tested):
    context, sources, trials = tested({"scale": [0.5, 1.0], "opacity": [0.5, 1.0], "count": [1, 2]})
    found = {dose.dimension: dose for dose in doses(context, sources, trials)}
    natural = trials["tag"]
    place = {int(row): at for at, row in enumerate(natural.image_indices)}
    for dimension, level in (("scale", 1), ("opacity", 0), ("count", 0)):
        own = found[dimension].trials[level]
        at = [place[int(row)] for row in own.image_indices]
        assert np.array_equal(own.instances, natural.instances[at])
        for name in ("logits", "sham_logits", "area", "boxes"):
            np.testing.assert_allclose(getattr(own, name), getattr(natural, name)[at], rtol=1e-5, atol=1e-5)


def test_images_are_the_first_of_each_class_and_the_same_at_every_level(tested):
    context, sources, trials = tested({"count": [1, 2, 3]}, repeats=2)
    (dose,) = doses(context, sources, trials)
    assert isinstance(dose, DoseTrials) and dose.levels == (1, 2, 3)
    rows = dose.trials[0].image_indices
    assert len(rows) == 8 and len(set(rows.tolist())) == 8
    assert np.bincount(context.samples.labels[rows]).tolist() == [4, 4]
    for level in dose.trials[1:]:
        assert np.array_equal(level.image_indices, rows)
        assert np.array_equal(level.instances, dose.trials[0].instances)
    assert {trial.repetition for trial in dose_trials(context, "tag", sources["tag"])} == {0}


def test_each_level_is_stored_by_itself_and_the_artefact_test_does_not_depend_on_the_dose(tested):
    context, sources, trials = tested({"count": [1, 2]})
    first = doses(context, sources, trials)
    context, sources, trials = tested({"count": [1, 2, 3]})
    assert context.store.misses == 0  # the artefact tests are those of before
    again = doses(context, sources, trials)
    assert 0 < context.store.misses <= 2  # one level is new: eight trials in one chunk
    for field in fields(first[0].trials[0]):
        if isinstance(getattr(first[0].trials[0], field.name), np.ndarray):
            assert np.array_equal(getattr(first[0].trials[0], field.name), getattr(again[0].trials[0], field.name))


def test_progress_is_told_per_level(tested):
    context, sources, trials = tested({"opacity": [0.25, 1.0]})
    doses(context, sources, trials)
    assert [row for row in context.progress.stages if row[0].startswith("Dose")] == [
        ("Dose: tag, opacity 0.25", 8),
        ("Dose: tag, opacity 1", 8),
    ]
