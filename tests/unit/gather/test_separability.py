"""Images with spurious features only: combined artefacts, neutral backgrounds and folders, shown to the model."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from auditlens.challenge.trials import plan_trials
from auditlens.errors import ArtefactError
from auditlens.gather.behaviour import clean_pass
from auditlens.gather.separability import spurious_folders, spurious_images
from auditlens.gather.trials import artefact_sources, artefact_trials
from auditlens.store import Store

ARTEFACTS = {
    "red_skin": {"kind": "tint", "colour": [231, 128, 151]},
    "ruler": {"kind": "ruler", "n_instances": 4, "column": None},
}


@pytest.fixture
def measured(project, make_context, tmp_path):
    """What is measured for the given settings, with a mask for every image; row 2's is empty."""

    def make(masks=True, **settings):
        project.change({"artefacts": ARTEFACTS, "challenge": {"separability": settings}})
        context = make_context()
        if masks:
            samples = []
            for row, sample in enumerate(context.index.samples):
                path = tmp_path / f"mask{row}.png"
                square = np.zeros((64, 64), dtype=np.uint8)
                square[24:40, 24:40] = 0 if row == 2 else 255
                Image.fromarray(square).save(path)
                samples.append(replace(sample, mask=path))
            context = replace(context, index=replace(context.index, samples=tuple(samples)))
        sources = artefact_sources(context)
        trials, _ = artefact_trials(context, sources)
        return context, sources, trials, spurious_images(context, sources, trials)

    return make


def test_nothing_is_run_that_is_not_asked_for(measured):
    assert measured()[3] == ()


def test_one_artefact_alone_is_the_artefact_test_again(measured):
    """Same places, same instances, same shams: what a combination adds is the other artefacts."""
    context, sources, trials, (found,) = measured(combined=["ruler"], combined_images=50)
    assert found.artefacts == ("ruler",)
    assert found.image_indices.tolist() == trials["ruler"].image_indices.tolist()
    assert found.instances[:, 0].tolist() == trials["ruler"].instances.tolist()
    np.testing.assert_allclose(found.logits, trials["ruler"].logits, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found.sham_logits, trials["ruler"].sham_logits, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found.before_logits, clean_pass(context)[0].logits, rtol=1e-4, atol=1e-4)
    assert len(sources) == 2


def test_all_artefacts_go_into_one_image(measured):
    context, sources, trials, (found,) = measured(combined="all", combined_images=5)
    assert found.artefacts == ("red_skin", "ruler")
    assert found.instances.shape == (10, 2)
    dealt = plan_trials(context.index, "ruler", sources["ruler"], found.image_indices.tolist(), seed=context.spec.seed)
    assert found.instances[:, 1].tolist() == [trial.instance for trial in dealt]
    alone = trials["ruler"].logits[found.image_indices]
    assert (np.abs(found.logits - alone).max(axis=1) > 1e-3).all()


def test_backgrounds_are_images_without_their_lesion(measured):
    context, _, trials, found = measured(backgrounds=4)
    assert [row.name for row in found] == list(trials)
    assert {row.source for row in found} == {"backgrounds"}
    clean = clean_pass(context)[0].logits
    for row in found:
        assert len(row.image_indices) + row.n_unfit == 8
        assert 2 not in row.image_indices
        assert (np.abs(row.before_logits - clean[row.image_indices]).max(axis=1) > 1e-4).all()
        assert (np.abs(row.before_logits - row.logits).max(axis=1) > 1e-4).all()


def test_an_empty_mask_is_counted(measured):
    _, _, _, found = measured(backgrounds=50)
    assert {row.n_unfit for row in found} == {1}


def test_without_masks_there_is_no_background(measured):
    assert measured(masks=False, backgrounds=4)[3] == ()


def test_a_folder_of_real_images_is_shown_as_it_is(measured, tmp_path, project):
    context, _, _, _ = measured()
    source = [context.index.samples[row].path for row in (3, 20)]
    for place in ("rulers/a", "rulers/b"):
        (project.folder / place).mkdir(parents=True)
    for path, place in zip(source, ("rulers/a/1.png", "rulers/b/2.png"), strict=True):
        (project.folder / place).write_bytes(path.read_bytes())
    context, _, _, (found,) = measured(images={"rulers": "rulers"})
    assert (found.name, found.source, found.artefacts) == ("rulers", "images", ())
    np.testing.assert_allclose(found.logits, clean_pass(context)[0].logits[[3, 20]], rtol=1e-4, atol=1e-4)
    assert np.isnan(found.before_logits).all()
    assert found.instances.shape == (2, 0)


def test_a_folder_without_pictures_is_an_error(measured, project):
    (project.folder / "none").mkdir()
    with pytest.raises(ArtefactError, match="holds no picture"):
        measured(images="none")


def test_one_folder_without_a_name(measured, project):
    context = measured(images="images/benign")[0]
    assert list(spurious_folders(context)) == ["images"]


def test_results_are_stored(measured, monkeypatch):
    context, sources, trials, first = measured(combined="all", combined_images=3)
    monkeypatch.setattr("auditlens.gather.separability.logits_of", None)  # anything computed again would fail
    again = spurious_images(context, sources, trials)
    assert np.array_equal(first[0].logits, again[0].logits)


def test_the_same_artefacts_in_another_order_are_another_result(project, make_context):
    """Of two of one kind the later lies on top, so that what the store has of the one order is not of the other."""
    tints = {"red": {"kind": "tint", "colour": [231, 20, 20]}, "green": {"kind": "tint", "colour": [20, 231, 20]}}

    def logits(names, kept):
        settings = {"separability": {"combined": names, "combined_images": 3}}
        project.change({"artefacts": None})
        project.change({"artefacts": {name: tints[name] for name in names} | {"red_skin": ARTEFACTS["red_skin"]}})
        project.change({"challenge": settings})
        context = make_context(store=Store(project.folder / kept))
        (found,) = spurious_images(context, artefact_sources(context), {})
        assert found.artefacts == tuple(names)
        return found.logits

    first, fresh = logits(["red", "green"], "shared"), logits(["green", "red"], "fresh")
    assert not np.array_equal(first, fresh)
    assert np.array_equal(logits(["green", "red"], "shared"), fresh)
