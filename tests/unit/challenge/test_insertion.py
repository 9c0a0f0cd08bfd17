import numpy as np
import pytest
import torch

from auditlens.challenge.insertion import insert, insert_chunk, join, join_observed
from auditlens.challenge.instances import load_artefact
from auditlens.challenge.trials import picture, plan_trials, trial_at
from auditlens.errors import ImageError
from auditlens.spec.artefacts import Rendered, Tint
from auditlens.stages.evidence import ArtefactTrials

from .scenes import FakeModel

BLUE = Tint(kind="tint", colour=(0, 0, 255), strength=(0.5, 0.5))
ARRAYS = [name for name in ArtefactTrials.__slots__ if name not in ("artefact", "instance_names")]


def same(one, other):
    for name in ARRAYS:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-5, atol=1e-5, err_msg=name)


def test_a_constant_model_shows_no_effect(make_index, constant_model, tmp_path):
    source = load_artefact(Rendered(kind="band_aid", n_instances=3), tmp_path, 0)
    trials, observed = insert(constant_model, make_index(5), "patch", source, range(5), seed=0, repeats=2)
    assert observed is None
    assert trials.logits.shape == trials.sham_logits.shape == (10, 2)
    assert (trials.logits == trials.sham_logits).all()
    assert (trials.probabilities == trials.probabilities[0]).all()
    assert (trials.sham_probabilities == trials.probabilities[0]).all()


def test_the_model_sees_the_pictures(make_index, blue_model, tmp_path):
    index, source = make_index(4), load_artefact(BLUE, tmp_path, 0)
    trials, _ = insert(blue_model, index, "blue", source, range(4), seed=1, batch_size=3)
    for position in range(4):
        shown = picture(index, "blue", source, trial_at(trials, position), 1)
        assert shown.sham is not None
        batch = torch.stack([blue_model.prepare(shown.rendering.inserted), blue_model.prepare(shown.sham.image)])
        expected = blue_model.logits(batch).numpy()
        np.testing.assert_allclose(trials.logits[position], expected[0], atol=1e-5)
        np.testing.assert_allclose(trials.sham_logits[position], expected[1], atol=1e-5)
        assert trials.energy_ratio[position] == pytest.approx(shown.sham.energy_ratio)
    assert (trials.logits[:, 1] > trials.sham_logits[:, 1] + 1).all(), "blue moves the blue model, the sham does not"
    assert (trials.area > 0.99).all()
    assert (trials.boxes == (0, 0, 48, 48)).all()


def test_probabilities_are_the_softmax_of_the_logits(make_index, blue_model, tmp_path):
    source = load_artefact(BLUE, tmp_path, 0)
    trials, _ = insert(blue_model, make_index(3), "blue", source, range(3), seed=1)
    expected = np.exp(trials.logits) / np.exp(trials.logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(trials.probabilities, expected, rtol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 2, 5, 64])
def test_the_batch_size_changes_nothing(make_index, blue_model, tmp_path, batch_size):
    index, source = make_index(7), load_artefact(Rendered(kind="ink", n_instances=3), tmp_path, 0)
    whole, _ = insert(blue_model, index, "ink", source, range(7), seed=2)
    other, _ = insert(blue_model, index, "ink", source, range(7), seed=2, batch_size=batch_size)
    same(whole, other)


def test_chunks_joined_are_the_whole(make_index, blue_model, tmp_path):
    index, source = make_index(7), load_artefact(Rendered(kind="ruler", n_instances=3), tmp_path, 0)
    observe = lambda batch: batch.mean(dim=(2, 3)).numpy()  # noqa: E731
    whole, seen = insert(blue_model, index, "r", source, range(7), seed=2, repeats=2, observe=observe)
    planned = plan_trials(index, "r", source, range(7), seed=2, repeats=2)
    parts = [
        insert_chunk(blue_model, index, "r", source, planned[start : start + 4], seed=2, observe=observe)
        for start in range(0, len(planned), 4)
    ]
    same(whole, join([trials for trials, _ in parts]))
    together = join_observed([part for _, part in parts if part is not None])
    assert seen is not None
    np.testing.assert_allclose(seen.inserted, together.inserted, atol=1e-6)
    np.testing.assert_allclose(seen.sham, together.sham, atol=1e-6)
    assert seen.inserted.shape == (14, 3)


def test_batches_never_exceed_their_size(make_index, tmp_path):
    sizes: list[int] = []

    def answer(batch):
        sizes.append(len(batch))
        return torch.zeros(len(batch), 2)

    source = load_artefact(BLUE, tmp_path, 0)
    insert(FakeModel(answer), make_index(6), "blue", source, range(6), seed=0, batch_size=4)
    assert sizes == [4, 4, 4]


def test_without_a_sham_its_rows_are_nan(make_index, blue_model, tmp_path):
    source = load_artefact(BLUE.model_copy(update={"sham": "none"}), tmp_path, 0)
    trials, _ = insert(blue_model, make_index(3), "blue", source, range(3), seed=0)
    assert np.isnan(trials.sham_logits).all()
    assert np.isnan(trials.sham_probabilities).all()
    assert np.isnan(trials.energy_ratio).all()
    assert np.isfinite(trials.logits).all()


def test_no_rows_give_empty_arrays(make_index, blue_model, tmp_path):
    trials, _ = insert(blue_model, make_index(1), "blue", load_artefact(BLUE, tmp_path, 0), [], seed=0)
    assert trials.logits.shape == trials.sham_logits.shape == (0, 2)
    assert trials.boxes.shape == (0, 4)


def test_progress_counts_the_trials(make_index, blue_model, tmp_path):
    steps: list[int] = []
    source = load_artefact(BLUE, tmp_path, 0)
    insert(blue_model, make_index(5), "blue", source, range(5), seed=0, batch_size=4, progress=steps.append)
    assert steps == [2, 2, 1]


def test_a_broken_image_is_the_users_error(make_index, blue_model, tmp_path):
    index = make_index(4)
    index.samples[2].path.write_bytes(b"broken")
    with pytest.raises(ImageError, match=r"002\.png"):
        insert(blue_model, index, "blue", load_artefact(BLUE, tmp_path, 0), range(4), seed=0)
