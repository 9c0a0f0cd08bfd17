"""Transplants are made from labelled images by the audited model, stored, and refused where they would be noise."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from auditlens.challenge.transplants import soft_mask
from auditlens.errors import ArtefactError
from auditlens.examine.maps import activation_grids
from auditlens.findings.transplant import separation, transplant_findings
from auditlens.gather.transplants import MOST, _best, labelled_images, with_transplants
from auditlens.gather.trials import artefact_sources, pictures_digest
from auditlens.semantics.columns import contrast_weights, fit
from auditlens.stages.evidence import Skipped


@pytest.fixture
def patched(project, make_context):
    """Every second picture has a bright patch at the left; the column `patch` says so, `four` names four to a unit."""

    def make(fields=None, **options):
        with (project.folder / "manifest.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["image", "label", "patch", "four", "odd"])
            for number, path in enumerate(sorted((project.folder / "images").rglob("*.png"))):
                pixels = np.asarray(Image.open(path)).copy()
                if number % 2:
                    pixels[16:48, :16] = 255
                Image.fromarray(pixels).save(path)
                name = path.relative_to(project.folder).as_posix()
                rows.writerow([name, path.parent.name, number % 2, number // 4, int(number % 4 == 3)])
        data = {"manifest": "manifest.csv", "image": "image", "label": "label"} | options.pop("data", {})
        project.document |= {
            "data": data,
            "artefacts": {"patch": {"kind": "transplant", "column": "patch"} | (fields or {})},
        }
        project.document["gates"].pop("alarm", None)
        project.change({})
        return make_context(**options)

    return make


def test_masks_are_those_of_the_definition(patched):
    context = patched({"n_instances": 3})
    _, made = with_transplants(context)
    subject, layer = context.subject, context.subject.layers[-1]
    images = labelled_images(context, context.spec.artefacts["patch"])
    inputs = [subject.prepare(np.asarray(Image.open(one.image.path))) for one in images]
    grids = np.concatenate([activation_grids(subject, one[None], layer) for one in inputs])
    flags = np.array([float(one.positive) for one in images])
    strata = np.array([one.image.label for one in images])
    direction = fit(grids.mean((2, 3)), flags > 0.5, contrast_weights(flags, strata), "cav")
    for example in made.sources["patch"].examples:
        place = next(place for place, one in enumerate(images) if one.name == example.name)
        heat = np.zeros((64, 64))
        for row, column in np.ndindex(64, 64):
            heat[row, column] = max(0.0, float(grids[place, :, row, column] @ direction.vector) + direction.offset)
        assert example.mask == pytest.approx(soft_mask(heat, 41, 0.6), abs=1e-4)
        assert (example.picture[16:48, :16] == 255).all()


def test_the_mask_lies_on_the_patch(patched):
    _, made = with_transplants(patched())
    found = made.separated["patch"]
    assert separation(found).low > 0.7
    assert len(found.cover) == 15
    for example in made.sources["patch"].examples:
        assert example.mask[16:48, :16].mean() > 1.5 * example.mask[:, 32:].mean()


def test_one_example_of_each_unit_the_best_scored(patched):
    context = patched({"least_auroc": 0.5}, data={"unit": "four"})
    artefact = context.spec.artefacts["patch"]
    _, made = with_transplants(context)
    images = labelled_images(context, artefact)
    best = _best(images, made.separated["patch"], 5)
    assert len({one.unit for one in best}) == 5
    scores = {one.name: score for one, score in zip(images, made.separated["patch"].scores, strict=True)}
    for one in best:
        assert scores[one.name] == max(
            scores[other.name] for other in images if other.positive and other.unit == one.unit
        )
    left = {one.unit for one in images if one.positive} - {one.unit for one in best}
    assert min(scores[one.name] for one in best) >= max(scores[one.name] for one in images if one.unit in left)


def test_examples_are_free_of_what_the_images_are(patched):
    context = patched({"clean_of": ["odd"]})
    images = labelled_images(context, context.spec.artefacts["patch"])
    assert all(one.image.columns["odd"] == 0 for one in images)
    assert len(images) < len(context.index) < MOST


def test_results_are_stored_and_keys_know_what_was_made(patched, monkeypatch):
    context = patched()
    known, first = with_transplants(context)
    assert pictures_digest(known, "patch") != pictures_digest(context, "patch")
    other = replace(context, model_key={**context.model_key, "subject": "another"})
    assert with_transplants(other)[0].pictures == known.pictures  # the same masks: only what is in the pictures counts
    softer = patched({"power": 1.0})
    assert with_transplants(softer)[0].pictures != known.pictures
    monkeypatch.setattr("auditlens.gather.transplants._inputs", None)  # pooled activations computed again would fail
    with pytest.raises(TypeError):
        with_transplants(replace(context, model_key={**context.model_key, "subject": "a third"}))
    assert first.sources["patch"].n_instances == 15


def test_without_an_inside_it_is_skipped_with_the_reason(patched):
    context = patched(no_inside=Skipped("inside", "there is no eager twin"))
    same, made = with_transplants(context)
    assert same is context
    assert made.sources == {}
    (row,) = made.skipped
    assert row.what == "artefact patch"
    assert "there is no eager twin" in row.why
    assert "cutout" in row.remedy


def test_a_layer_without_positions_is_refused(patched):
    context = patched()
    flat = replace(context.subject, layers=tuple(replace(layer, kind="flat") for layer in context.subject.layers))
    _, made = with_transplants(replace(context, subject=flat))
    assert made.skipped[0].why == "no examined layer has positions"
    named = patched({"layer": context.subject.layers[0].name})
    with pytest.raises(ArtefactError, match=r"artefacts\.patch\.layer: layer .* has no positions"):
        with_transplants(replace(named, subject=flat))


def test_a_limit_that_the_layer_misses_is_said_with_the_figure(patched):
    _, made = with_transplants(patched({"least_auroc": 0.98}))
    assert made.sources == {}
    assert "the lower end must exceed 0.98" in made.skipped[0].why


def test_too_few_units_are_refused(patched):
    _, made = with_transplants(patched({"clean_of": ["odd", "patch"]}))
    assert "0 units with the artefact" in made.skipped[0].why


def test_sources_of_transplants_come_later_and_findings_follow(patched):
    context = patched()
    assert artefact_sources(context) == {}
    _, made = with_transplants(context)

    class Evidence:
        transplants = made.separated

    (row,) = transplant_findings(context.spec, Evidence)
    assert (row.n_with, row.n_without, row.n_instances) == (15, 15, 15)
    assert row.origin == "the data's images with patch = 1 against the data's images with patch = 0"
    assert 0 < row.cover < 1
