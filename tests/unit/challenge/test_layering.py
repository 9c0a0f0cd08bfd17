"""Several artefacts in one image: images of spurious features only are those of a combination of the same artefacts."""

import numpy as np
import pytest

from auditlens.challenge.combinations import Member, combined_picture
from auditlens.challenge.instances import load_artefact
from auditlens.challenge.layering import Part, laid_together
from auditlens.challenge.spurious import layered_picture
from auditlens.challenge.trials import Trial, laid
from auditlens.data.images import load_rgb

from .scenes import artefact_of

SEED = 3


@pytest.fixture
def scene(make_index, tmp_path):
    index = make_index()
    sources = {kind: load_artefact(artefact_of(kind), tmp_path, 1) for kind in ("logo", "band_aid")}
    return index, index.samples[0], load_rgb(index.samples[0]), sources


def test_each_goes_onto_what_was_laid_before_and_only_covers_more(scene):
    _, sample, before, sources = scene
    parts = [Part(name, source, Trial(0, 0, 1)) for name, source in sources.items()]
    both = laid_together(sample, before, parts, SEED)
    first = laid(sample, "logo", sources["logo"], before, Trial(0, 0, 1), SEED)
    second = laid(sample, "band_aid", sources["band_aid"], first.inserted, Trial(0, 0, 1), SEED)
    assert np.array_equal(both.inserted, second.inserted)
    assert np.allclose(both.alpha, 1 - (1 - first.alpha) * (1 - second.alpha))
    assert (both.alpha >= np.maximum(first.alpha, second.alpha) - 1e-6).all()


def test_nothing_to_lay_leaves_the_image(scene):
    _, sample, before, _ = scene
    found = laid_together(sample, before, [], SEED)
    assert np.array_equal(found.inserted, before) and not found.alpha.any()


def test_a_layered_picture_is_the_combination_of_its_trials(scene):
    index, sample, before, sources = scene
    trials = (Trial(0, 0, 1), Trial(0, 0, 0))
    layered = layered_picture(sample, before, sources, trials, SEED)
    instances = dict(zip(sources, (1, 0), strict=True))
    members = [Member(name, source, {0: instances[name]}) for name, source in sources.items()]
    combined = combined_picture(index, members, Trial(0, 0, 9), SEED)
    assert np.array_equal(layered.inserted, combined.rendering.inserted)
    assert np.array_equal(layered.sham, combined.sham.image)
