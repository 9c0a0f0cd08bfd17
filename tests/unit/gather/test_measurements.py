"""What is measured goes through the store, in chunks, and comes back the same."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from auditlens.challenge.instances import load_artefact
from auditlens.errors import ArtefactError, InputError
from auditlens.examine.collect import collect_shard
from auditlens.gather.behaviour import clean_pass
from auditlens.gather.seen import inserted_embeddings
from auditlens.gather.space import foundation_key, image_embeddings
from auditlens.gather.trials import artefact_sources, artefact_trials, files_digest, images_left_out, trial_rows
from auditlens.spec.artefacts import Background, ColourProfile, Cutout, Overlay, Python
from tests.e2e.test_bad_input import write_table

RED = {"kind": "tint", "colour": [231, 128, 151]}


def test_the_clean_pass_is_the_same_in_one_piece_and_in_chunks(make_context):
    whole_predictions, whole = clean_pass(make_context(batch_size=32))
    predictions, chunks = clean_pass(make_context(batch_size=2))
    np.testing.assert_allclose(predictions.logits, whole_predictions.logits, rtol=1e-5)
    np.testing.assert_array_equal(chunks["1"].image_indices[:, :3], whole["1"].image_indices[:, :3])
    assert whole["1"].image_indices.shape == (4, 9)


def test_the_second_clean_pass_is_read_back(make_context):
    first = make_context()
    clean_pass(first)
    again = make_context()
    computed_before = again.store.misses
    predictions, _ = clean_pass(again)
    assert again.store.misses == computed_before
    assert again.progress.steps == len(again.index)
    assert predictions.probabilities.shape == (30, 2)


def test_trials_cover_each_class_up_to_the_limit(project, make_context):
    project.change({"challenge": {"max_images_per_class": 4}})
    context = make_context()
    trials, skipped = artefact_trials(context, artefact_sources(context))
    labels = context.samples.labels[trials["red_skin"].image_indices]
    assert np.bincount(labels).tolist() == [4, 4]
    assert skipped == []
    assert not np.isnan(trials["red_skin"].sham_logits).any()


def test_an_artefact_without_a_clean_image_is_skipped_with_the_reason(project, make_context):
    write_table(project, red=1)
    project.change({"artefacts": {"red_skin": {**RED, "column": "red"}}})
    context = make_context()
    trials, (skipped,) = artefact_trials(context, artefact_sources(context))
    assert trials == {}
    assert skipped.what == "artefact red_skin"
    assert "no image is clean of it and fit for it (column red is not 0: it is there already, 30 images)" in skipped.why


def test_only_clean_images_are_used(project, make_context):
    write_table(project, red=0)
    path = project.folder / "table.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:1], lines[1][:-1] + "1", *lines[2:]]) + "\n")
    project.change({"artefacts": {"red_skin": {**RED, "column": "red"}}})
    context = make_context()
    assert trial_rows(context, context.spec.artefacts["red_skin"]) == tuple(range(1, 30))


def test_a_source_that_cannot_be_had_names_its_artefact(project, make_context):
    project.change({"artefacts": {"red_skin": {**RED, "clean_of": ["ink"]}}})
    with pytest.raises(ArtefactError, match=r"artefacts\.red_skin: the data has no 0/1 column 'ink'"):
        artefact_sources(make_context())


def test_the_digest_of_pictures_follows_their_bytes_and_names(tmp_path):
    (tmp_path / "rulers").mkdir()
    picture = tmp_path / "rulers" / "a.png"
    overlay = Overlay(kind="overlay", images="rulers", format="rgba")
    Image.new("RGBA", (4, 4), (1, 2, 3, 255)).save(picture)
    first = files_digest(overlay, tmp_path)
    assert files_digest(overlay.model_copy(update={"images": "rulers/*.png"}), tmp_path) == first
    Image.new("RGBA", (4, 4), (1, 2, 4, 255)).save(picture)
    second = files_digest(overlay, tmp_path)
    picture.rename(tmp_path / "rulers" / "b.png")
    assert len({first, second, files_digest(overlay, tmp_path)}) == 3


def test_the_digest_of_cutouts_covers_masks_and_their_images_alone(tmp_path):
    for name in ("images/a.png", "images/b.png", "masks/a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    cutout = Cutout(kind="cutout", images="images", masks="masks")
    first = files_digest(cutout, tmp_path)
    (tmp_path / "images/b.png").unlink()
    assert files_digest(cutout, tmp_path) == first
    Image.new("RGB", (4, 4), (9, 9, 9)).save(tmp_path / "images/a.png")
    assert files_digest(cutout, tmp_path) != first


def test_embeddings_are_kept_and_unit_vectors(make_context, foundation):
    context = make_context(foundation)
    embeddings = image_embeddings(context, foundation)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, rtol=1e-5)
    misses = context.store.misses
    np.testing.assert_array_equal(image_embeddings(context, foundation), embeddings)
    assert context.store.misses == misses


def test_embeddings_are_keyed_by_what_moves_their_digits(make_context, foundation):
    spec = make_context().spec.foundation
    base = foundation_key(spec, foundation)
    assert foundation_key(spec, replace(foundation, sha256="1" * 64)) != base
    assert {"on", "threads"} <= base.keys()


def test_embeddings_of_other_trials_are_not_taken_for_these(project, make_context, foundation):
    """As many trials as before, but of other images or instances: nothing may be read back."""
    found = []
    for limit, repeats in ((8, 1), (4, 2)):
        project.change({"challenge": {"max_images_per_class": limit, "instances_per_image": repeats}})
        context = make_context(foundation)
        artefact = context.spec.artefacts["red_skin"]
        source = load_artefact(artefact, context.base, context.spec.seed)
        trials = artefact_trials(context, {"red_skin": source})[0]["red_skin"]
        assert len(trials.image_indices) == 16
        found.append(inserted_embeddings(context, foundation, "red_skin", source, trials)[0])
    assert not np.array_equal(found[0], found[1])


def test_an_empty_folder_of_example_images_is_told(project, make_context, foundation):
    from auditlens.gather.space import semantic_space

    (project.folder / "reds").mkdir()
    project.change(
        {"concepts": {"red": {"images": "reds"}}, "foundation": {"model": "ViT-B-32", "templates": ["a {}"]}}
    )
    with pytest.raises(InputError, match=r"concepts\.red\.images: .*reds holds no pictures"):
        semantic_space(make_context(foundation), {})


def test_mean_activations_by_label_are_those_of_one_image_at_a_time(make_context):
    context = make_context(batch_size=4)
    _, examples = clean_pass(context)
    rows = np.arange(30)
    for layer in context.layer_names():
        top, values = examples[layer].image_indices, examples[layer].activations
        assert set(examples[layer].label_means) >= {"benign", "melanoma"}
        singles = [collect_shard(context.subject, context.index, rows[[row]], [layer], 1) for row in rows]
        alone = [single.tops[layer].values[:, 0] for single in singles]
        for place, name in enumerate(context.subject.classes):
            mean = np.mean([alone[row] for row in rows if context.samples.labels[row] == place], axis=0)
            np.testing.assert_allclose(examples[layer].label_means[name], mean, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(values[:, 0], [alone[row][k] for k, row in enumerate(top[:, 0])], rtol=1e-4)


def test_the_digest_of_further_kinds_follows_what_they_are_made_of(tmp_path):
    (tmp_path / "grounds").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "grounds" / "a.png")
    (tmp_path / "wide.icc").write_bytes(b"one")
    (tmp_path / "stamps_of_mine.py").write_text("def stamp(image, instance, rng, avoid):\n    return image\n")
    made = [
        Background(kind="background", images="grounds"),
        ColourProfile(kind="colour_profile", profiles="*.icc"),
        Python(kind="python", function="stamps_of_mine:stamp", import_path="."),
    ]
    first = [files_digest(artefact, tmp_path) for artefact in made]
    assert first == [files_digest(artefact, tmp_path) for artefact in made]
    Image.new("RGB", (4, 4), (9, 9, 9)).save(tmp_path / "grounds" / "a.png")
    (tmp_path / "wide.icc").write_bytes(b"two")
    (tmp_path / "stamps_of_mine.py").write_text("def stamp(image, instance, rng, avoid):\n    return image * 0\n")
    second = [files_digest(artefact, tmp_path) for artefact in made]
    assert all(one != other for one, other in zip(first, second, strict=True))
    nothing = files_digest(Background(kind="background", own_data=True), tmp_path)
    assert nothing == files_digest(Background(kind="background", own_data=True), tmp_path / "grounds")


def test_images_left_out_are_told_by_artefact(project, make_context):
    write_table(project, red=0)
    path = project.folder / "table.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:1], lines[1][:-1] + "1", *lines[2:]]) + "\n")
    project.change({"artefacts": {"red_skin": {**RED, "only": {"red": [0]}, "reason": "so it is"}, "other": RED}})
    (name, (left,)), *others = images_left_out(make_context()).items()
    assert (name, left.what, left.why, left.n_images, left.by_rule) == ("red_skin", "red: 1 (1)", "so it is", 1, True)
    assert others == []
