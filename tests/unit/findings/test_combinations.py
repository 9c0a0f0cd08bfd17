"""Combinations: paired with the singles by image, corrected over the planned family."""

from dataclasses import replace

import numpy as np
import pytest

from auditlens.findings.combinations import combination_findings
from auditlens.stages.combinations import CombinationEvidence, CombinationTrials
from auditlens.stages.evidence import ArtefactTrials, Evidence, Predictions, Samples

from .test_doses import judged_plan, judged_spec

NAMES = ("a", "b", "c")
PAIRS = (("a", "b"), ("a", "c"), ("b", "c"))
ALONE = {"a": 0.8, "b": -0.5, "c": 0.3}


def logits_of(margins):
    return np.stack([np.zeros_like(margins), margins], axis=1)


def chances(logits):
    odds = np.exp(logits)
    return odds / odds.sum(axis=1, keepdims=True)


def trials_of(members, rows, margins, shams, instances):
    whole, sham = logits_of(margins), logits_of(shams)
    trials = ArtefactTrials(
        artefact="+".join(members), image_indices=np.asarray(rows), instances=instances[:, 0],
        instance_names=("x",) * 5, logits=whole, sham_logits=sham, probabilities=chances(whole),
        sham_probabilities=chances(sham), area=np.full(len(rows), 0.1), energy_ratio=np.ones(len(rows)),
        boxes=np.zeros((len(rows), 4), int),
    )  # fmt: skip
    return CombinationTrials(members, trials, instances)


def evidence_of(extra, n=60, planned=(*PAIRS, NAMES), run=None, copies=1):
    """Margins that add up, and `extra` by combination on top of the sum; rows of a combination leave two images out."""
    rng = np.random.default_rng(0)
    clean = rng.normal(size=n)
    effect = {name: ALONE[name] + rng.normal(0, 0.2, n) for name in NAMES}
    sham = {name: rng.normal(0, 0.05, n) for name in NAMES}
    instance = {name: rng.integers(5, size=n) for name in NAMES}
    found = {}
    for members in [*((name,) for name in NAMES), *(planned if run is None else run)]:
        rows = np.arange(n) if len(members) == 1 else rng.permutation(n)[2:]
        together = sum(effect[name] for name in members) + extra.get(members, 0.0) + rng.normal(0, 0.01, n)
        shams = sum(sham[name] for name in members)
        ids = np.column_stack([instance[name] for name in members])[rows]
        at = np.tile(rows, copies) + np.repeat(np.arange(copies) * n, len(rows))
        found[members] = trials_of(
            members, at, np.tile((clean + together)[rows], copies), np.tile((clean + shams)[rows], copies),
            np.tile(ids, (copies, 1)),
        )  # fmt: skip
    labels = np.tile(np.arange(n) % 2, copies)
    units = np.tile(np.arange(n), copies)
    samples = Samples(tuple(map(str, range(n * copies))), labels, units, {}, labels)
    before = logits_of(np.tile(clean, copies))
    evidence = Evidence(samples, Predictions(before, chances(before)), {}, {}, {}, None, {}, ())
    return replace(evidence, combinations=CombinationEvidence(tuple(planned), found))


def judged(evidence):
    rows = combination_findings(judged_spec(*NAMES), judged_plan(), evidence)
    return {row.artefacts: row for row in rows}


def test_singles_are_joined_by_image_whatever_their_order():
    found = judged(evidence_of({("a", "b"): 0.6}))
    pair = found["a", "b"]
    assert pair.interaction.value == pytest.approx(0.6, abs=0.02)
    assert pair.state == "above the sum"
    assert pair.n_images == 58
    assert [round(one.value, 1) for one in pair.singles] == [0.8, -0.5]
    assert {found[members].state for members in (*PAIRS[1:], NAMES)} == {"no difference shown"}


def test_below_the_sum():
    assert judged(evidence_of({NAMES: -0.4}))[NAMES].state == "below the sum"


def test_the_family_is_that_of_the_plan_also_where_a_combination_could_not_be_run():
    extra = {("a", "b"): 0.0021}
    alone = judged(evidence_of(extra, planned=(("a", "b"),), run=(("a", "b"),)))["a", "b"]
    in_family = judged(evidence_of(extra, run=(("a", "b"),)))["a", "b"]
    assert in_family.p_adjusted == pytest.approx(min(4 * alone.p_adjusted, 1.0))
    assert in_family.interaction.confidence > alone.interaction.confidence
    assert alone.interaction.confidence == pytest.approx(0.95)


def test_interval_and_state_say_the_same():
    for size in (0.0, 0.002, 0.004, 0.01, 0.1):
        for row in judged(evidence_of({("a", "b"): size, NAMES: -size})).values():
            clear = row.interaction.low > 0 or row.interaction.high < 0
            assert clear == (row.state != "no difference shown")


def test_few_images_decide_nothing():
    few = judged(evidence_of({("a", "b"): 5.0}, n=9))["a", "b"]
    assert few.state == "not evaluated" and "only 7 units are clean of both" in few.sentence
    some = judged(evidence_of({("a", "b"): 5.0}, n=20))["a", "b"]
    assert some.state == "above the sum" and some.note == "only 18 units are clean of both"


def test_doubling_every_image_under_its_unit_changes_no_interval():
    once, twice = (judged(evidence_of({("a", "b"): 0.1}, copies=copies)) for copies in (1, 2))
    for members, row in once.items():
        other = twice[members]
        assert other.n_images == 2 * row.n_images and other.n_units == row.n_units
        for name in ("margin", "sum_of_singles", "interaction", "raw", "probability_interaction"):
            a, b = getattr(row, name), getattr(other, name)
            assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high))


def test_without_combinations_there_are_none():
    evidence = replace(evidence_of({}), combinations=None)
    assert combination_findings(judged_spec(*NAMES), judged_plan(), evidence) == ()
