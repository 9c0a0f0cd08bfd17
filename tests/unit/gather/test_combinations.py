"""Combinations run on images that are clean of all their artefacts; singles are those of the artefact tests."""

import csv

import numpy as np
import pytest

from auditlens.gather.combinations import combinations
from auditlens.gather.trials import artefact_sources, artefact_trials

SKIN = {"kind": "tint", "colour": [231, 128, 151], "column": "red"}
TAG = {"kind": "logo", "column": "tag"}
INK = {"kind": "ink"}
FILE = {"kind": "jpeg", "n_instances": 3}


@pytest.fixture
def made(project, make_context):
    """Thirty pictures; the first ten of each class are flagged red, the last ten tagged, by default."""

    def make(wanted, flags=None, **artefacts):
        flags = flags or (lambda place: (place < 3, place >= 12))
        with (project.folder / "manifest.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["image", "label", "red", "tag"])
            for path in sorted((project.folder / "images").rglob("*.png")):
                red, tag = flags(int(path.stem))
                rows.writerow([path.relative_to(project.folder).as_posix(), path.parent.name, int(red), int(tag)])
        project.document["data"] = {"manifest": "manifest.csv", "image": "image", "label": "label"}
        artefacts = artefacts or {"file": FILE, "tag": TAG, "red_skin": SKIN}
        project.document["artefacts"] = artefacts
        project.document["gates"].pop("alarm", None)
        project.change({"challenge": {"combinations": wanted}})
        context = make_context()
        return context, artefact_sources(context)

    return make


def test_none_are_run_unless_asked_for(made):
    context, sources = made(None)
    assert combinations(context, sources) == (None, [])
    assert not context.progress.stages


def test_pairs_and_all_in_the_order_of_laying_on_images_clean_of_all(made):
    context, sources = made({"images": 60})
    found, skipped = combinations(context, sources)
    assert not skipped
    assert found.planned == (
        ("red_skin", "tag"), ("red_skin", "file"), ("tag", "file"), ("red_skin", "tag", "file"),
    )  # fmt: skip
    flags = context.samples.columns
    for members in found.planned:
        rows = found.trials[members].trials.image_indices
        if "red_skin" in members:
            assert not flags["red"][rows].any()
        if "tag" in members:
            assert not flags["tag"][rows].any()
    assert len(found.trials["red_skin", "tag"].trials.image_indices) == 18
    assert len(found.trials["red_skin", "file"].trials.image_indices) == 24
    assert set(found.trials[("file",)].trials.image_indices) == set(
        found.trials["red_skin", "file"].trials.image_indices
    ) | set(found.trials["tag", "file"].trials.image_indices)


def test_singles_give_the_answers_of_the_artefact_test(made):
    context, sources = made({"images": 60})
    found, _ = combinations(context, sources)
    tested, _ = artefact_trials(context, sources)
    for name, natural in tested.items():
        own = found.trials[(name,)].trials
        place = {int(row): at for at, row in enumerate(natural.image_indices)}
        at = [place[int(row)] for row in own.image_indices]
        assert np.array_equal(own.instances, natural.instances[at])
        for field in ("logits", "sham_logits"):
            np.testing.assert_allclose(getattr(own, field), getattr(natural, field)[at], rtol=1e-4, atol=1e-4)


def test_instances_of_a_combination_are_those_of_its_singles(made):
    context, sources = made({"images": 60, "pairs": False})
    found, _ = combinations(context, sources)
    (members,) = found.planned
    whole = found.trials[members]
    for place, name in enumerate(members):
        alone = found.trials[(name,)].trials
        known = dict(zip(alone.image_indices.tolist(), alone.instances.tolist(), strict=True))
        assert [known[row] for row in whole.trials.image_indices.tolist()] == whole.instances[:, place].tolist()
    assert whole.trials.instances.max() == 0  # of the tint, which has the fewest


def test_a_pair_without_a_clean_image_is_skipped_and_told(made):
    context, sources = made({}, flags=lambda place: (place % 2 == 0, place % 2 == 1))
    found, skipped = combinations(context, sources)
    assert [row.what for row in skipped] == ["combination red_skin + tag", "combination red_skin + tag + file"]
    assert ("red_skin", "tag") not in found.trials and ("red_skin", "tag") in found.planned
    assert ("red_skin", "file") in found.trials


def test_the_number_of_images_is_that_of_the_spec_and_results_are_stored(made):
    context, sources = made({"images": 2, "artefacts": ["tag", "ink"]}, tag=TAG, ink=INK, red_skin=SKIN)
    found, _ = combinations(context, sources)
    assert found.planned == (("tag", "ink"),)
    assert len(found.trials["tag", "ink"].trials.image_indices) == 4
    misses = context.store.misses
    again, _ = combinations(context, sources)
    assert context.store.misses == misses
    assert np.array_equal(found.trials["tag", "ink"].trials.logits, again.trials["tag", "ink"].trials.logits)
    assert not np.isnan(found.trials["tag", "ink"].trials.sham_logits).any()


def test_without_the_sham_of_one_the_combination_has_none(made):
    context, sources = made({"artefacts": ["tag", "ink"]}, tag=TAG, ink={**INK, "sham": "none"})
    found, _ = combinations(context, sources)
    assert np.isnan(found.trials["tag", "ink"].trials.sham_logits).all()
    assert not np.isnan(found.trials[("tag",)].trials.sham_logits).any()
