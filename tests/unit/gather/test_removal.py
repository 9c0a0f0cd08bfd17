"""Artefacts are taken out of the images that have them, for the model whose behaviour is measured."""

import csv

import numpy as np
import pytest
from PIL import Image

from auditlens.errors import ArtefactError
from auditlens.gather.behaviour import clean_pass
from auditlens.gather.removal import mask_files, removals

RULER = {"kind": "ruler", "n_instances": 4, "column": "ruler"}


@pytest.fixture
def ruled(project, make_context):
    """Ten dark pictures with a bright bar near the border and its mask; `flag` says which are flagged."""

    def make(flag=lambda row: row < 10, masks=range(10), level=255, **removal):
        folder = project.folder / "masks"
        folder.mkdir(exist_ok=True)
        paths = sorted((project.folder / "images").rglob("*.png"))
        mask = np.zeros((64, 64), dtype=np.uint8)
        mask[54:60, 12:52] = 255
        with (project.folder / "manifest.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["image", "label", "ruler"])
            for number, path in enumerate(paths):
                new = path.with_name(f"{path.parent.name}{path.stem}.png")
                pixels = np.asarray(Image.open(path)).copy()
                if number < 10:
                    pixels[54:60, 12:52] = level
                Image.fromarray(pixels).save(new)
                if number in masks:
                    Image.fromarray(mask).save(folder / new.name)
                label = path.parent.name
                rows.writerow([new.relative_to(project.folder).as_posix(), label, int(flag(number))])
        project.document["data"] = {"manifest": "manifest.csv", "image": "image", "label": "label"}
        project.document["gates"].pop("alarm")
        project.document["artefacts"] = {"ruler": RULER | {"removal": {"masks": "masks"} | removal}}
        project.change({})
        return make_context()

    return make


def test_only_flagged_images_with_a_mask_take_part(ruled):
    found, skipped = removals(ruled(flag=lambda row: row < 6))
    assert found["ruler"].n_masks == 10
    assert found["ruler"].n_unflagged == 4
    assert len(found["ruler"].trials.image_indices) + found["ruler"].n_no_room == 6
    assert skipped == []


def test_a_model_that_counts_brightness_loses_what_the_bar_added(ruled):
    """The network's score is mean brightness: with the bar filled by dark surroundings it falls, the control not."""
    context = ruled()
    clean, trials = clean_pass(context)[0].logits, removals(context)[0]["ruler"].trials
    before = clean[trials.image_indices][:, 1]
    fell, beside = before - trials.logits[:, 1], before - trials.sham_logits[:, 1]
    assert (fell > 0).all()
    assert np.abs(beside).max() < 0.25 * fell.min()
    # The bar covers 240 of 4096 pixels and is about 175 levels brighter than what fills it.
    gain = 20 * float(sum(context.subject.module[0].weight.sum(dim=(1, 2, 3)))) / 255
    assert fell.mean() == pytest.approx(gain * 175 * 240 / 4096, rel=0.2)


def test_without_an_image_that_has_it_the_removal_is_skipped_with_the_reason(ruled):
    found, (skipped,) = removals(ruled(flag=lambda row: False))
    assert found == {}
    assert skipped.what == "removal of ruler"
    assert "10 not flagged" in skipped.why


def test_a_folder_without_masks_is_an_error(ruled):
    with pytest.raises(ArtefactError, match=r"artefacts.ruler.removal.masks.*holds no mask"):
        mask_files(ruled(masks=()))


def test_results_are_stored_and_a_changed_mask_is_a_new_result(ruled, monkeypatch, project):
    context = ruled()
    first = removals(context)[0]["ruler"].trials
    monkeypatch.setattr("auditlens.gather.removal.logits_of", None)  # anything computed again would fail
    assert np.array_equal(first.logits, removals(context)[0]["ruler"].trials.logits)
    path = next((project.folder / "masks").iterdir())
    Image.fromarray(np.asarray(Image.open(path))[::-1]).save(path)
    with pytest.raises(TypeError):
        removals(context)
