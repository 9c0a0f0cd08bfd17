"""Mediation is measured on trials of the artefact test, by the model whose inside is examined."""

from types import SimpleNamespace

import numpy as np
import pytest

from auditlens.gather import mediation
from auditlens.gather.mediation import mediations
from auditlens.gather.trials import artefact_sources, artefact_trials
from auditlens.stages.mediation import MediationGroup

CLASSES = ("benign", "melanoma")


@pytest.fixture
def measure(project, make_context, monkeypatch):
    """Measure given groups of components of the last layer; labels and concepts have their own tests."""

    def run(groups, **changes):
        project.change({"challenge": {"response_images": 4, "mediation_images": 4} | changes})
        context = make_context()
        sources = artefact_sources(context)
        tested, _ = artefact_trials(context, sources)
        made = tuple(MediationGroup("labelled", "melanoma", tuple(group)) for group in groups)
        free = np.ones((len(made), len(context.index)), dtype=bool)
        monkeypatch.setattr(mediation, "mediation_groups", lambda *arguments: (made, free))
        monkeypatch.setattr(mediation, "concept_findings", lambda *arguments: ())
        evidence = SimpleNamespace(samples=context.samples, space=None, trials=tested)
        model = SimpleNamespace(
            classes=CLASSES, decision_class="melanoma", threshold=None, output=context.spec.model.output
        )
        plan = SimpleNamespace(model=model, seed=context.spec.seed, audited_classes=("melanoma",))
        return context, tested, mediations(context, plan, evidence, {("1", "melanoma"): None}, sources)

    return run


def layer_of(context):
    return context.subject.layers[-1]


def test_nothing_and_everything_at_clean_values(measure):
    context, _, _ = measure([()])
    everything = range(layer_of(context).n_components)
    found = measure([(), everything])[2]["red_skin"]
    np.testing.assert_allclose(found.patched[0], found.inserted["melanoma"], atol=1e-6)
    np.testing.assert_allclose(found.patched[1], found.clean["melanoma"], atol=1e-6)
    assert np.abs(found.inserted["melanoma"] - found.clean["melanoma"]).max() > 1e-3
    assert np.bincount(context.samples.labels[found.image_indices]).tolist() == [4, 4]


def test_the_pixels_are_those_of_the_artefact_test(measure):
    _, tested, found = measure([(0,)])
    own, test = found["red_skin"], tested["red_skin"]
    place = {int(row): at for at, row in enumerate(test.image_indices)}
    rows = [place[int(row)] for row in own.image_indices]
    np.testing.assert_allclose(own.inserted["melanoma"][0], test.logits[rows, 1] - test.logits[rows, 0], atol=1e-5)
    np.testing.assert_allclose(own.inserted["melanoma"][1], test.probabilities[rows, 1], atol=1e-6)
    assert np.array_equal(own.instances, test.instances[rows])


def test_a_second_run_reads_them_back_bit_by_bit(measure):
    first = measure([(0,), (1, 2)])[2]["red_skin"]
    context, _, again = measure([(0,), (1, 2)])
    np.testing.assert_array_equal(first.patched, again["red_skin"].patched)
    assert context.store.misses == 0


def test_switched_off_there_are_none(measure):
    assert measure([(0,)], mediation_images=0)[2] == {}
