"""The eager twin is compared with the file that ships before anything inside is believed."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from auditlens.errors import ModelError
from auditlens.gather.behaviour import clean_pass, eager_pass
from auditlens.gather.equivalence import N_PROBES, compare, planned_released, probe_rows, settle
from auditlens.gather.released import attribution
from auditlens.gather.resolve import methods
from auditlens.gather.trials import artefact_sources, artefact_trials
from auditlens.stages.evidence import INSIDE, Predictions
from auditlens.subject import load_subject
from tests.unit.subject.released_files import write_torchscript

SIDE = 64


@pytest.fixture
def ship(project, make_context):
    """Write the network of the spec as a file that ships, and load everything."""

    def shipped(twin=True, side=SIDE, **options):
        if project.document["model"].get("architecture"):
            loaded = make_context()
            module = load_subject(loaded.spec.model, loaded.base).module
            write_torchscript(project.folder / "net.pt", module, side=side)
        released = {"file": "net.pt", **options}
        alone = {} if twin else {"architecture": None, "weights": None}
        project.change({"model": {"released": released, "preprocessing": {"resize": SIDE}} | alone})
        return make_context()

    return shipped


def darken(project, name):
    """Blacken the first pixel, for which a tampered network answers otherwise."""
    path = project.folder / "images" / name
    pixels = np.asarray(Image.open(path)).copy()
    pixels[0, 0] = 0
    Image.fromarray(pixels).save(path)


def test_a_twin_of_the_same_weights_is_equivalent(ship):
    context, found = settle(ship())
    assert found.holds
    assert found.gap < 1e-6
    assert (found.n_images, found.n_same, context.no_inside) == (30, 30, None)
    plan = planned_released(context, found)
    assert (plan.twin, plan.equivalent, plan.n_compared, plan.file) == (True, True, 30, "net.pt")


def test_a_twin_of_other_weights_is_told_before_the_long_work(project, ship, make_context):
    ship()
    del project.document["model"]["weights"]
    project.change({})
    context = make_context()
    with pytest.raises(ModelError, match=r"eager twin is not the released model: on .* differ by 0\.\d+, and 0.001"):
        settle(context)
    assert context.store.misses == 0  # no pass over the images was begun


def one_image_apart(project, ship, make_context):
    """Make the twin answer otherwise on one image, which is none of the probes."""
    source = project.folder / "tiny_network.py"
    source.write_text(source.read_text() + APART)
    ship()
    project.tamper("apart")
    for number in range(15):
        name = f"benign/{number:02d}.png"
        darken(project, name)
        context = make_context()
        (row,) = (row for row, sample in enumerate(context.index.samples) if sample.id.endswith(name))
        if row not in probe_rows(context):
            return context
        (project.folder / "images" / name).unlink()
    raise AssertionError("every image is a probe")


APART = '''

def apart():
    """Sure of a melanoma where the first pixel is black."""
    black = lambda batch: (batch[:, :, 0, 0].sum(1, keepdim=True) == 0).float()
    return Tampered(lambda batch, output: output + black(batch) * torch.tensor([-40.0, 40.0]))
'''


def test_one_image_apart_closes_the_inside_and_keeps_the_behaviour(project, ship, make_context):
    before = one_image_apart(project, ship, make_context)
    assert before.layer_names() != ()
    context, found = settle(before)
    assert not found.holds
    assert (found.n_same, found.gap > 0.4) == (29, True)
    assert (context.layer_names(), context.no_inside.what) == ((), INSIDE)
    assert found.worst in context.no_inside.why
    predictions, examples = clean_pass(context)
    assert examples == {}
    worst = [sample.id for sample in context.index.samples].index(found.worst)
    assert predictions.probabilities[worst, 1] < 0.5 < eager_pass(before)[0].probabilities[worst, 1]
    attributor, why = attribution(context)
    with pytest.raises(ModelError, match="its eager twin is another model"):
        attributor.relevance(None, 0, "1")
    (first, *_) = methods(context.subject, attributor.name, why, "none", [])
    assert (first.name, first.value, first.reason) == ("inside", "not evaluated", context.no_inside.why)


def test_a_wider_tolerance_is_the_specs_to_give(project, ship, make_context):
    ship()
    del project.document["model"]["weights"]
    project.change({"model": {"released": {"file": "net.pt", "tolerance": 0.999}}})
    context, found = settle(make_context())
    assert (found.holds, found.tolerance) == (True, 0.999)
    assert found.gap > 1e-3
    assert context.layer_names() == ("1",)


def test_decisions_are_compared_at_the_operating_point(ship):
    context = ship()
    first = np.array([[0.6, 0.4], [0.49, 0.51], [0.1, 0.9]], np.float32)
    second = np.array([[0.6, 0.4], [0.51, 0.49], [0.1, 0.9]], np.float32)
    found = compare(context, Predictions(first, first), Predictions(second, second))
    assert (found.n_images, found.n_same) == (3, 2)
    assert found.gap == pytest.approx(0.02)
    assert found.worst == context.index.samples[1].id


def test_probes_are_the_same_pictures_whatever_their_order(ship):
    rows = probe_rows(ship())
    assert len(rows) == len(set(rows)) == N_PROBES


def test_a_file_alone_is_settled_at_once(ship):
    context = ship(twin=False)
    assert settle(context) == (context, None)
    plan = planned_released(context, None)
    assert (plan.twin, plan.equivalent, plan.gap) == (False, False, None)
    assert (
        context.no_inside.why == "the spec names no architecture, so the released file has no eager twin to look into"
    )


def test_without_a_released_file_nothing_changes(make_context):
    context = make_context()
    assert settle(context) == (context, None)
    assert planned_released(context, None) is None
    assert context.behaviour_key(rows=1) == context.key(rows=1)
    assert context.behaving is context.subject


def test_results_of_the_file_and_of_the_twin_are_kept_apart(ship):
    context = ship()
    assert context.behaviour_key()["model"]["subject"] == context.released.digest
    assert context.key()["model"]["subject"] == context.subject.digest != context.released.digest


def test_another_file_is_another_result(project, ship, make_context):
    first = ship(twin=False)
    clean_pass(first)
    network = load_subject(
        first.spec.model.model_copy(update={"architecture": "python:tiny_network:build"}), first.base
    )
    write_torchscript(project.folder / "net.pt", network.module)  # random weights: the spec names none any more
    second = make_context()
    predictions, _ = clean_pass(second)
    assert second.store.hits == 0
    assert not np.allclose(predictions.logits, clean_pass(first)[0].logits)


def test_trials_are_answered_by_the_file(project, ship, make_context):
    ship()
    del project.document["model"]["weights"]
    project.change({})
    both = make_context()
    by_file, _ = artefact_trials(both, artefact_sources(both))
    eager = replace(both, released=None)
    by_twin, _ = artefact_trials(eager, artefact_sources(eager))
    project.change({"model": {"architecture": None, "weights": None}})
    alone = make_context()
    by_file_alone, _ = artefact_trials(alone, artefact_sources(alone))
    assert not np.allclose(by_file["red_skin"].logits, by_twin["red_skin"].logits, atol=0.1)
    np.testing.assert_array_equal(by_file["red_skin"].logits, by_file_alone["red_skin"].logits)
    np.testing.assert_array_equal(by_file["red_skin"].sham_logits, by_file_alone["red_skin"].sham_logits)


def test_a_value_that_is_not_finite_names_the_image(project, ship):
    project.tamper("nan_for_one")
    ship(twin=True)
    darken(project, "benign/03.png")
    context = ship(twin=False)
    with pytest.raises(ModelError, match=r"the released file gives values that are not finite for .*benign/03.png"):
        clean_pass(context)
