"""Several artefacts in one image: each is the one of its own test."""

import numpy as np
import pytest

from auditlens.challenge.combinations import (
    Member,
    combined_picture,
    instances_in_test,
    laying_order,
    planned_combinations,
)
from auditlens.challenge.instances import load_artefact
from auditlens.challenge.trials import Trial, picture, plan_trials

from .scenes import artefact_of

SEED = 3


@pytest.fixture
def member(make_index, tmp_path):
    def make(kind, name=None, instance=1, **fields):
        source = load_artefact(artefact_of(kind, **fields), tmp_path, 1)
        return Member(name or kind, source, dict.fromkeys(range(6), instance))

    return make


def test_skin_lies_under_everything_and_the_camera_sees_everything():
    kinds = {"file": "jpeg", "soft": "blur", "turn": "hue_shift", "ruler": "overlay", "red": "tint", "ink": "ink"}
    kinds |= {"scanner": "colour_profile", "ours": "python", "ground": "background"}
    assert laying_order(kinds) == ("ground", "red", "ruler", "ink", "ours", "turn", "scanner", "soft", "file")


def test_pairs_and_all_together_are_planned_once():
    three = ("a", "b", "c")
    pairs = (("a", "b"), ("a", "c"), ("b", "c"))
    assert planned_combinations(three, pairs=True, all_together=True) == (*pairs, three)
    assert planned_combinations(three, pairs=True, all_together=False) == pairs
    assert planned_combinations(three, pairs=False, all_together=True) == (three,)
    assert planned_combinations(("a", "b"), pairs=True, all_together=True) == (("a", "b"),)


def test_a_combination_of_one_is_the_artefact_of_its_own_test_and_its_sham(make_index, member):
    index, one = make_index(), member("logo", "tag")
    trial = Trial(2, 0, 1)
    alone, tested = combined_picture(index, [one], trial, SEED), picture(index, "tag", one.source, trial, SEED)
    assert np.array_equal(alone.rendering.inserted, tested.rendering.inserted)
    assert np.array_equal(alone.sham.image, tested.sham.image)


def test_a_combination_holds_each_single_artefact_where_the_others_do_not_lie(make_index, member):
    index, trial = make_index(), Trial(0, 0, 1)
    one, other = member("logo", "tag"), member("band_aid", "patch")
    both = combined_picture(index, [one, other], trial, SEED)
    first, second = (picture(index, part.name, part.source, trial, SEED) for part in (one, other))
    only_first = (first.rendering.alpha > 0) & (second.rendering.alpha == 0)
    only_second = (second.rendering.alpha > 0) & (first.rendering.alpha == 0)
    untouched = (first.rendering.alpha == 0) & (second.rendering.alpha == 0)
    assert only_first.any() and only_second.any()
    assert np.array_equal(both.rendering.inserted[only_first], first.rendering.inserted[only_first])
    assert np.array_equal(both.rendering.inserted[only_second], second.rendering.inserted[only_second])
    assert np.array_equal(both.rendering.inserted[untouched], both.before[untouched])
    assert both.sham.energy_ratio == pytest.approx(1.0, abs=0.3)


def test_without_the_sham_of_one_there_is_none_of_all(make_index, member):
    parts = [member("logo", "tag"), member("band_aid", "patch", sham="none")]
    assert combined_picture(make_index(), parts, Trial(0, 0, 1), SEED).sham is None


def test_instances_are_those_of_the_test_and_by_hash_where_it_left_an_image_out(make_index, tmp_path):
    index, source = make_index(), load_artefact(artefact_of("logo"), tmp_path, 1)
    found = instances_in_test(index, "tag", source, (0, 1, 2, 3), (1, 3, 5), SEED, 2)
    own = {t.row: t.instance for t in plan_trials(index, "tag", source, (0, 1, 2, 3), seed=SEED, repeats=2)[::2]}
    assert found[1] == own[1] and found[3] == own[3]
    assert 0 <= found[5] < source.n_instances
    assert found == instances_in_test(index, "tag", source, (0, 1, 2, 3), (5, 3, 1), SEED, 2)
