"""Responses are measured on trials of the artefact test, by the model whose inside is examined."""

import numpy as np
import pytest

from auditlens.gather.responses import response_trials, responses, spread_of
from auditlens.gather.trials import artefact_sources, artefact_trials


@pytest.fixture
def measure(project, make_context):
    def run(**changes):
        project.change({"challenge": {"response_images": 4} | changes})
        context = make_context()
        sources = artefact_sources(context)
        tested, _ = artefact_trials(context, sources)
        return context, sources, tested, responses(context, sources, tested, ("benign", "melanoma"))

    return run


def test_the_trials_are_the_first_of_the_artefact_test(measure):
    context, sources, tested, found = measure(instances_per_image=2)
    own = found["red_skin", "1"]
    assert np.bincount(context.samples.labels[own.image_indices]).tolist() == [8, 8]
    test = tested["red_skin"]
    trials = set(zip(test.image_indices.tolist(), test.instances.tolist(), strict=True))
    assert {(trial.row, trial.instance) for trial in response_trials(context, "red_skin", sources["red_skin"])} < trials


def test_the_margins_change_as_in_the_artefact_test(measure):
    """Same pixels, same model: the logits of the artefact test give the same change, which the components add up to."""
    _, _, tested, found = measure()
    own, test = found["red_skin", "1"], tested["red_skin"]
    place = {int(row): at for at, row in enumerate(test.image_indices)}
    rows = [place[int(row)] for row in own.image_indices]
    margins = [logits[rows, 1] - logits[rows, 0] for logits in (test.logits, test.sham_logits)]
    np.testing.assert_allclose(own.change["melanoma"], margins[0] - margins[1], atol=1e-5)
    np.testing.assert_allclose(own.contributions["melanoma"].sum(axis=1), own.change["melanoma"], atol=1e-5)
    np.testing.assert_allclose(own.change["benign"], -own.change["melanoma"], atol=1e-6)
    assert own.has_sham and np.abs(own.response).max() > 0.1


def test_a_second_run_reads_them_back_bit_by_bit(measure, make_context):
    _, sources, tested, found = measure()
    again = make_context()
    before = again.store.misses
    second = responses(again, sources, tested, ("benign", "melanoma"))
    assert again.store.misses == before
    np.testing.assert_array_equal(second["red_skin", "1"].response, found["red_skin", "1"].response)


def test_without_a_sham_the_reference_is_the_clean_image(project, measure):
    project.change({"artefacts": {"red_skin": {"kind": "tint", "colour": [231, 128, 151], "sham": "none"}}})
    own = measure()[3]["red_skin", "1"]
    assert not own.has_sham
    np.testing.assert_allclose(own.response, own.raw, atol=1e-5)


def test_switched_off_or_without_an_artefact_there_are_none(measure):
    assert measure(response_images=0)[3] == {}
    context, sources, _, _ = measure()
    assert responses(context, sources, {}, ("melanoma",)) == {}


def test_a_component_that_is_silent_on_the_data_is_measured_by_the_trials():
    usual = np.array([[0.0, 1.0, 0.0], [0.0, 3.0, 0.0]])
    spread = spread_of(usual, np.zeros((2, 3)), np.array([[2.0, 9.0, 0.0], [2.0, 9.0, 0.0]]))
    assert spread.tolist() == [1.0, 1.0, 0.0]
