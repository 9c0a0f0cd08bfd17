"""The generated pictures and the models of the examples that `auditlens init` writes."""

import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

import auditlens
from auditlens.testbed.animals import animals, write_animals
from auditlens.testbed.measure import as_batch, p_melanoma
from auditlens.testbed.radiographs import radiographs, write_radiographs
from auditlens.testbed.train_examples import EXAMPLES
from auditlens.testbed.weights_io import load_classifier, read_origin

WEIGHTS = Path(auditlens.__file__).parent / "testbed" / "weights"
SPECS = Path(__file__).parents[3] / "specs"
SPEC_OF = {"radiographs_planted": "example_xray.yaml", "animals_planted": "example_imagenet.yaml"}
DRAWERS = [(radiographs, "side_marker"), (animals, "watermark")]


@pytest.mark.parametrize(("draw", "artefact"), DRAWERS)
def test_a_seed_repeats_and_the_number_of_images_changes_none(draw, artefact):
    few, many = list(draw(n=3, seed=1)), list(draw(n=5, seed=1))
    assert all(np.array_equal(a.image, b.image) for a, b in zip(few, many, strict=False))
    assert not np.array_equal(few[0].image, next(draw(n=1, seed=2)).image)
    assert not np.array_equal(few[0].image, next(draw(n=1, seed=1, purpose="train")).image)


@pytest.mark.parametrize(("draw", "artefact"), DRAWERS)
def test_rates_are_kept_by_class(draw, artefact):
    drawn = list(draw(n=200, seed=3, rates={artefact: (1.0, 0.0)}))
    positive = max(picture.label for picture in drawn)  # opacity, zebra: the second in the alphabet too
    assert {(picture.label == positive, picture.columns[artefact]) for picture in drawn} == {(True, 1), (False, 0)}


@pytest.mark.parametrize(("draw", "artefact"), DRAWERS)
def test_naturally_the_artefact_says_nothing_of_the_label(draw, artefact):
    drawn = list(draw(n=400, seed=4))
    labels = np.array([picture.label for picture in drawn])
    flags = np.array([picture.columns[artefact] for picture in drawn])
    rates = [flags[labels == label].mean() for label in sorted(set(labels))]
    assert abs(rates[0] - rates[1]) < 0.12


@pytest.mark.parametrize(("write", "unit"), [(write_radiographs, "patient"), (write_animals, "series")])
def test_a_folder_has_images_masks_and_a_manifest(tmp_path, write, unit):
    rows = list(csv.DictReader(io.StringIO(write(tmp_path, n=4, seed=1).read_text(encoding="utf-8"))))
    assert [row[unit] for row in rows] == ["u00000", "u00000", "u00001", "u00001"]
    for row in rows:
        with Image.open(tmp_path / row["image"]) as image, Image.open(tmp_path / row["mask"]) as mask:
            assert image.size == mask.size == (128, 128)
            assert 0 < np.asarray(mask).mean() < 255


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_weights_are_those_of_their_card_and_spec(name):
    origin = read_origin(WEIGHTS / f"{name}.safetensors")
    card = (WEIGHTS / f"{name}.card.md").read_text(encoding="utf-8")
    spec = yaml.safe_load((SPECS / SPEC_OF[name]).read_text(encoding="utf-8"))
    assert f"| {origin.threshold:.4f} |" in card
    assert spec["decision"]["threshold"] == origin.threshold
    assert tuple(spec["model"]["classes"]) == EXAMPLES[name].classes
    assert origin.artefact == EXAMPLES[name].artefact


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_model_has_learnt_the_shortcut_and_the_task(name):
    example, model = EXAMPLES[name], load_classifier(WEIGHTS / f"{name}.safetensors")
    first, second = example.classes
    threshold = read_origin(WEIGHTS / f"{name}.safetensors").threshold
    scores, reported = {}, {}
    for rate in (0.0, 1.0):
        drawn = list(example.draw(n=120, seed=9, rates={example.artefact: (rate, rate)}))
        chances = p_melanoma(model, as_batch(picture.image for picture in drawn))
        for label in example.classes:
            chosen = chances[[picture.label == label for picture in drawn]]
            scores[label, rate], reported[label, rate] = chosen.mean(), (chosen >= threshold).mean()
    assert reported[second, 0.0] > reported[first, 0.0] + 0.5
    assert scores[first, 1.0] > scores[first, 0.0] + 0.1
    card = (WEIGHTS / f"{name}.card.md").read_text(encoding="utf-8")
    assert float(re.search(r"put in \| ([+-][\d.]+)", card)[1]) == pytest.approx(
        scores[first, 1.0] - scores[first, 0.0], abs=0.12
    )
