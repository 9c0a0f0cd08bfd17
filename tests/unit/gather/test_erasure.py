"""Lesions are erased from images that have a mask, for the model whose behaviour is measured."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from auditlens.gather.behaviour import clean_pass
from auditlens.gather.erasure import erasures


@pytest.fixture
def masked(project, make_context, tmp_path):
    """The context with a mask for every image but the first two; that of row 2 is empty, that of row 3 covers all."""

    def make(**changes):
        project.change({"challenge": changes})
        context = make_context()
        levels = {2: np.zeros((64, 64)), 3: np.full((64, 64), 255)}
        square = np.zeros((64, 64))
        square[16:48, 16:48] = 255
        samples = []
        for row, sample in enumerate(context.index.samples):
            path = tmp_path / f"mask{row}.png"
            Image.fromarray(levels.get(row, square).astype(np.uint8)).save(path)
            samples.append(replace(sample, mask=None if row < 2 else path))
        return replace(context, index=replace(context.index, samples=tuple(samples)))

    return make


def test_images_without_a_mask_or_without_skin_are_counted_and_left_out(masked):
    context = masked()
    found = erasures(context)
    assert found.n_without_mask == 2
    assert found.n_unfit == 2
    assert set(found.image_indices.tolist()) == set(range(4, len(context.index)))
    assert found.probabilities.shape == (len(context.index) - 4, 2)
    assert found.area == pytest.approx(np.full(len(found.area), found.area[0]))
    assert 0.25 < found.area[0] < 0.5


def test_the_model_sees_other_pixels(masked):
    context = masked()
    clean = clean_pass(context)[0].probabilities
    found = erasures(context)
    change = np.abs(found.probabilities - clean[found.image_indices]).max(axis=1)
    assert (change > 0).all()


def test_the_number_of_images_is_that_of_the_spec_and_zero_is_off(masked):
    few = erasures(masked(erased_images=4))
    assert len(few.image_indices) + few.n_unfit == 8
    assert erasures(masked(erased_images=0)) is None


def test_without_masks_there_is_nothing(make_context):
    assert erasures(make_context()) is None


def test_results_are_stored_and_a_changed_mask_is_a_new_result(masked, monkeypatch):
    context = masked()
    first = erasures(context)
    monkeypatch.setattr("auditlens.gather.erasure._answers", None)  # anything computed again would fail
    again = erasures(context)
    assert np.array_equal(first.probabilities, again.probabilities)
    Image.fromarray(np.eye(64, dtype=np.uint8) * 255).save(context.index.samples[7].mask)
    with pytest.raises(TypeError):
        erasures(context)
