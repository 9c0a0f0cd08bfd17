"""What the model looks at is measured once per image, for artefacts that avoid it."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from auditlens.challenge.trials import avoided, picture, plan_trials
from auditlens.examine.maps import grid_layer, relevance_map
from auditlens.gather.regions import SIDE, region_gaps, with_regions
from auditlens.gather.trials import artefact_sources, pictures_digest
from auditlens.stages.evidence import Skipped

DOTS = {
    "dot": {"kind": "band_aid", "avoid": "relevance", "n_instances": 3},
    "pen": {"kind": "ink", "avoid": "relevance", "n_instances": 3},
    "other": {"kind": "ink", "n_instances": 3},
}


@pytest.fixture
def looking(project, make_context):
    def make(**options):
        project.change({"artefacts": DOTS})
        return make_context(**options)

    return make


def test_each_image_carries_its_map_and_keys_know_it(looking):
    context = looking()
    found = with_regions(context)
    assert all(sample.focus.shape == (SIDE, SIDE) for sample in found.index.samples)
    layer, subject = grid_layer(context.subject), context.subject
    inputs = subject.prepare(context.load(3))[None]
    grid = relevance_map(subject, inputs, subject.classes.index("melanoma"), layer)[0]
    assert grid.shape == (SIDE, SIDE)  # the pictures have 64 pixels and the layer keeps them all
    assert found.index.samples[3].focus == pytest.approx(grid, abs=1e-6)
    for name in DOTS:
        assert (pictures_digest(found, name) != pictures_digest(context, name)) is (name != "other")
    assert found.index.digest == context.index.digest


def test_images_with_a_mask_need_none(looking, tmp_path):
    context = looking()
    path = tmp_path / "mask.png"
    Image.fromarray(np.eye(64, dtype=np.uint8) * 255).save(path)
    samples = tuple(replace(one, mask=path if row < 4 else None) for row, one in enumerate(context.index.samples))
    found = with_regions(replace(context, index=replace(context.index, samples=samples)))
    assert [sample.focus is None for sample in found.index.samples] == [True] * 4 + [False] * 26


def test_the_place_follows(looking):
    context = with_regions(looking())
    source = artefact_sources(context)["dot"]
    focus = np.zeros((SIDE, SIDE), np.float32)
    for side in (slice(None, 40), slice(24, None)):
        focus[:] = 0
        focus[:, side] = 1
        samples = tuple(replace(sample, focus=focus.copy()) for sample in context.index.samples)
        index = replace(context.index, samples=samples)
        for trial in plan_trials(index, "dot", source, range(4), seed=0):
            region = avoided(samples[trial.row], "relevance", (64, 64))
            shown = picture(index, "dot", source, trial, 0)
            touched = (shown.before != shown.rendering.inserted).any(axis=2)
            assert touched[region].sum() < 0.2 * touched.sum()


def test_nothing_is_measured_where_nobody_asks(make_context):
    context = make_context()
    assert with_regions(context) is context
    assert region_gaps(context) == ()


def test_without_an_inside_the_centre_is_avoided_and_said(looking):
    context = looking(no_inside=Skipped("inside", "there is no eager twin"))
    assert with_regions(context) is context
    gaps = region_gaps(context)
    assert [gap.what for gap in gaps] == [f"where the model looks, for the place of {name}" for name in ("dot", "pen")]
    assert "the centre was avoided" in gaps[0].why


def test_results_are_stored(looking, monkeypatch):
    context = looking()
    first = with_regions(context)
    monkeypatch.setattr("auditlens.gather.regions.relevance_map", None)  # anything computed again would fail
    again = with_regions(context)
    assert again.pictures == first.pictures
