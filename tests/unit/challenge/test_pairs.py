import numpy as np
import pytest

from auditlens.challenge.insertion import insert
from auditlens.challenge.instances import load_artefact
from auditlens.challenge.pairs import choose_pairs, render_pair
from auditlens.challenge.trials import picture, plan_trials
from auditlens.spec.artefacts import Rendered
from auditlens.stages.evidence import ArtefactTrials, Predictions


def trials_with(before, after):
    n = len(before)
    both = np.stack([1 - np.array(after), np.array(after)], axis=1)
    clean = np.stack([1 - np.array(before), np.array(before)], axis=1)
    nothing = np.zeros(n)
    trials = ArtefactTrials(
        artefact="ruler", image_indices=np.arange(n), instances=np.zeros(n, int), instance_names=("one",),
        logits=np.log(both), sham_logits=np.log(clean), probabilities=both, sham_probabilities=clean,
        area=nothing, energy_ratio=nothing, boxes=np.zeros((n, 4), int),
    )  # fmt: skip
    return trials, Predictions(np.log(clean), clean)


BEFORE = [0.10, 0.40, 0.30, 0.90, 0.20]
AFTER = [0.30, 0.55, 0.30, 0.20, 0.25]


def test_the_four_kinds():
    trials, predictions = trials_with(BEFORE, AFTER)
    chosen = [(pair.position, pair.kind) for pair in choose_pairs(trials, predictions, 1, 0.5, 4)]
    assert chosen == [(3, "flip"), (0, "strongest"), (4, "median"), (2, "no effect")]


def test_a_further_flip_follows_where_more_are_wanted():
    trials, predictions = trials_with(BEFORE, AFTER)
    chosen = [(pair.position, pair.kind) for pair in choose_pairs(trials, predictions, 1, 0.5, 6)]
    assert chosen[-1] == (1, "flip")
    assert len(chosen) == 5


def test_without_a_flip_there_is_none():
    trials, predictions = trials_with([0.1, 0.1], [0.2, 0.1])
    pairs = choose_pairs(trials, predictions, 1, None, 4)
    assert [pair.kind for pair in pairs] == ["strongest", "median"]
    assert (pairs[0].before, pairs[0].after, pairs[0].sham) == pytest.approx((0.1, 0.2, 0.1))


@pytest.mark.parametrize("n", [0, 1, 2])
def test_no_more_than_wanted(n):
    trials, predictions = trials_with(BEFORE, AFTER)
    assert len(choose_pairs(trials, predictions, 1, 0.5, n)) == n


def test_no_trials_no_pairs():
    trials, predictions = trials_with([], [])
    assert choose_pairs(trials, predictions, 1, 0.5, 4) == ()


def test_pairs_are_rendered_as_the_model_saw_them(make_index, blue_model, tmp_path):
    index, source = make_index(3), load_artefact(Rendered(kind="ink", n_instances=2), tmp_path, 0)
    trials, _ = insert(blue_model, index, "ink", source, range(3), seed=4, repeats=2)
    planned = plan_trials(index, "ink", source, range(3), seed=4, repeats=2)
    for position in (1, 4):
        before, after, sham = render_pair(index, "ink", source, trials, position, 4)
        shown = picture(index, "ink", source, planned[position], 4)
        assert shown.sham is not None
        assert sham is not None
        assert np.array_equal(before, shown.before)
        assert np.array_equal(after, shown.rendering.inserted)
        assert np.array_equal(sham, shown.sham.image)
        changed = (before != after).any(axis=2)
        assert changed.mean() == pytest.approx(trials.area[position])
