from collections import Counter

import numpy as np
import pytest
from PIL import Image

from auditlens.challenge.instances import load_artefact
from auditlens.challenge.trials import Trial, avoided, choose_rows, clean_rows, picture, plan_trials
from auditlens.errors import ArtefactError
from auditlens.spec.artefacts import Rendered, Tint

TINT = Tint(kind="tint", colour=(231, 128, 151))


def test_only_images_known_to_be_free_are_clean(make_index):
    index = make_index(6, columns={"ruler": [0.0, 1.0, 0.0, None, 0.0, 0.0], "ink": [0.0, 0.0, 1.0, 0.0, None, 0.0]})
    assert clean_rows(index, TINT) == (0, 1, 2, 3, 4, 5)
    assert clean_rows(index, TINT.model_copy(update={"column": "ruler"})) == (0, 2, 4, 5)
    assert clean_rows(index, TINT.model_copy(update={"column": "ruler", "clean_of": ("ink",)})) == (0, 5)


def test_nan_is_not_clean(make_index):
    index = make_index(2, columns={"ruler": [float("nan"), 0.0]})
    assert clean_rows(index, TINT.model_copy(update={"column": "ruler"})) == (1,)


def test_a_missing_or_textual_column_is_an_error(make_index):
    index = make_index(2, columns={"ruler": [0.0, 0.0], "site": ["a", "b"]})
    with pytest.raises(ArtefactError, match="'rulers'; valid are ruler; did you mean 'ruler'"):
        clean_rows(index, TINT.model_copy(update={"column": "rulers"}))
    with pytest.raises(ArtefactError, match="no 0/1 column 'site'"):
        clean_rows(index, TINT.model_copy(update={"clean_of": ("site",)}))


def test_choice_by_hash_per_class():
    labels, digests = [0, 1, 0, 1, 0, 0], ["f", "e", "d", "c", "b", "a"]
    assert choose_rows(range(6), labels, 2, digests) == (1, 3, 4, 5)
    assert choose_rows(range(6), labels, 1, digests) == (3, 5)
    assert choose_rows([0, 2], labels, 9, digests) == (0, 2)
    assert choose_rows([], labels, 9, digests) == ()


def test_instances_are_dealt_out_evenly_within_each_class(make_index, tmp_path):
    index = make_index(22)
    source = load_artefact(Rendered(kind="ink", n_instances=5), tmp_path, 0)
    trials = plan_trials(index, "ink", source, range(22), seed=3, repeats=2)
    assert [(trial.row, trial.repetition) for trial in trials] == [(row, rep) for row in range(22) for rep in (0, 1)]
    for label in (0, 1):
        counts = Counter(trial.instance for trial in trials if index.samples[trial.row].label == label)
        assert max(counts.values()) - min(counts.values()) <= 1
    assert all(a.instance != b.instance for a, b in zip(trials[::2], trials[1::2], strict=True))


def test_the_order_of_the_rows_does_not_matter(make_index, tmp_path):
    index = make_index(8)
    source = load_artefact(Rendered(kind="ink", n_instances=3), tmp_path, 0)
    assert plan_trials(index, "ink", source, range(8), seed=0) == plan_trials(
        index, "ink", source, [7, 3, 1, 0, 2, 6, 5, 4], seed=0
    )


def test_pictures_depend_on_image_name_repetition_and_seed_alone(make_index, tmp_path):
    index, artefact = make_index(2), Rendered(kind="ruler", n_instances=4)
    source = load_artefact(artefact, tmp_path, 0)
    base = picture(index, "ruler", source, Trial(0, 0, 1), 7)
    again = picture(index, "ruler", source, Trial(0, 0, 1), 7)
    assert base.sham is not None
    assert again.sham is not None
    assert np.array_equal(base.rendering.inserted, again.rendering.inserted)
    assert np.array_equal(base.sham.image, again.sham.image)
    for other in (
        picture(index, "ruler", source, Trial(0, 1, 1), 7),
        picture(index, "ruler", source, Trial(0, 0, 2), 7),
        picture(index, "ruler", source, Trial(0, 0, 1), 8),
        picture(index, "other", source, Trial(0, 0, 1), 7),
    ):
        assert not np.array_equal(base.rendering.inserted, other.rendering.inserted)


def test_a_sham_can_be_switched_off(make_index, tmp_path):
    source = load_artefact(TINT.model_copy(update={"sham": "none"}), tmp_path, 0)
    assert picture(make_index(1), "tint", source, Trial(0, 0, 0), 0).sham is None


def test_the_lesion_mask_is_avoided_and_the_centre_stands_in(make_index, tmp_path):
    from dataclasses import replace

    sample = make_index(1).samples[0]
    path = tmp_path / "mask.png"
    mask = np.zeros((48, 48), dtype=np.uint8)
    mask[:10, :20] = 255
    Image.fromarray(mask).save(path)
    found = avoided(replace(sample, mask=path), "lesion_mask", (48, 48))
    assert found is not None
    assert np.array_equal(found, mask > 0)
    centre = avoided(sample, "centre", (48, 48))
    fallback = avoided(sample, "lesion_mask", (48, 48))
    assert centre is not None
    assert fallback is not None
    assert np.array_equal(centre, fallback)
    assert avoided(sample, "nothing", (48, 48)) is None
    Image.fromarray(np.zeros_like(mask)).save(path)
    empty = avoided(replace(sample, mask=path), "lesion_mask", (48, 48))
    assert empty is not None
    assert np.array_equal(empty, centre)
