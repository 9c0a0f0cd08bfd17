"""How much worse than a baseline: which way is worse, what is paired, and that slow creep does not pass."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from auditlens.findings.against import NO_BASELINES, Against, Comparand, compared, turned, worse_by
from auditlens.findings.differences import Bootstrap
from auditlens.findings.side_by_side import Run
from auditlens.findings.statistics import mean_effect, rate_difference
from auditlens.stages.answers import Answers, CleanAnswers, Said, TrialAnswers
from auditlens.stages.estimate import Estimate
from auditlens.stages.evidence import Samples
from auditlens.stages.partition import Partition
from auditlens.stages.plan import PlannedGate
from auditlens.stages.states import GateState, Severity
from auditlens.verdict.gate import state_of

N = 400
AGAINST = Against(bootstrap=Bootstrap(1000, 0))
LABELS = np.array(["benign", "melanoma"] * (N // 2))
IMAGES = np.array([f"{index:04d}" for index in range(N)])
SAMPLES = Samples(
    ids=tuple(IMAGES),
    labels=np.arange(N) % 2,
    units=np.arange(N),
    columns={},
    strata=np.zeros(N, dtype=np.int64),
    partitions={"site": Partition(column="site", values=("A", "B"), codes=(np.arange(N) >= 100).astype(np.int64))},
)


def gate(metric="specificity", relation="<=", bound=0.01, **fields) -> PlannedGate:
    return PlannedGate(
        **{
            "id": "g", "name": "g", "metric": metric, "class_name": "melanoma", "relation": relation, "bound": bound,
            "severity": Severity.ERROR, "confidence": 0.95, "against": "old", "artefact": "ruler",
        } | fields
    )  # fmt: skip


def said(probability) -> Said:
    probability = np.asarray(probability, dtype=np.float64)
    decided = np.where(probability >= 0.5, "melanoma", "benign")
    return Said(probability, np.log(probability / (1 - probability)), decided)


def clean(probability, images=IMAGES) -> Answers:
    rows = CleanAnswers("melanoma", images, LABELS, np.arange(N), said(probability))
    return Answers(clean={"melanoma": rows})


def perfect() -> np.ndarray:
    return np.where(LABELS == "melanoma", 0.9, 0.1)


def with_alarms(n: int) -> np.ndarray:
    """The first `n` benign images are called melanoma."""
    found = perfect()
    found[np.flatnonzero(LABELS == "benign")[:n]] = 0.8
    return found


def trials(change, sham=0.0, pictures="p") -> Answers:
    before = perfect() * 0.5 + 0.2
    rows = TrialAnswers(
        artefact="ruler", class_name="melanoma", pictures=pictures, images=IMAGES, labels=LABELS, units=np.arange(N),
        repetitions=np.zeros(N, dtype=np.int64), instances=np.zeros(N, dtype=np.int64), area=np.full(N, 0.1),
        clean=said(before), inserted=said(before + change), sham=said(before + sham),
    )  # fmt: skip
    return Answers(trials={("ruler", "melanoma"): rows})


def test_for_specificity_lower_is_worse_and_the_interval_is_that_of_paired_rates():
    found = worse_by(gate(), clean(with_alarms(20)), clean(with_alarms(4)), AGAINST, SAMPLES)
    benign = np.flatnonzero(LABELS == "benign")
    alarms = [with_alarms(n)[benign] >= 0.5 for n in (20, 4)]
    expected = rate_difference(alarms[0], alarms[1], benign, confidence=0.95, sided="one")
    assert found.value == pytest.approx(16 / 200)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.sided == "one"


def test_a_better_model_is_worse_by_less_than_nothing():
    found = worse_by(gate(), clean(with_alarms(0)), clean(with_alarms(20)), AGAINST, SAMPLES)
    assert found.high < 0


def test_either_way_the_difference_keeps_its_sign():
    one, other = clean(with_alarms(20)), clean(with_alarms(0))
    assert worse_by(gate(relation="within"), one, other, AGAINST, SAMPLES).value == pytest.approx(-0.1)
    assert worse_by(gate(relation="within"), other, one, AGAINST, SAMPLES).value == pytest.approx(0.1)


def test_a_limit_on_the_value_says_which_way_is_worse():
    one, other = trials(0.2), trials(0.1)
    for relation, value in (("<=", 0.1), (">=", -0.1), ("within", 0.1)):
        asked = gate("artefact_effect", relation, against=None)
        assert worse_by(asked, one, other, AGAINST, SAMPLES).value == pytest.approx(value)


@pytest.mark.parametrize(
    ("now", "then", "grown"),
    [(0.2, 0.1, 0.1), (-0.2, -0.1, 0.1), (0.1, 0.2, -0.1), (-0.2, 0.1, 0.1), (0.1, -0.2, -0.1)],
)
def test_of_an_effect_the_size_counts_whichever_way_it_goes(now, then, grown):
    noise = np.random.default_rng(0).normal(0, 0.01, N)
    found = worse_by(gate("artefact_effect"), trials(now + noise), trials(then + noise), AGAINST, SAMPLES)
    assert found.value == pytest.approx(grown, abs=0.005)


def test_an_old_effect_without_a_clear_sign_counts_in_the_direction_of_the_new_one():
    rng = np.random.default_rng(1)
    now, then = 0.1 + rng.normal(0, 0.01, N), rng.normal(0, 0.05, N)
    found = worse_by(gate("artefact_effect"), trials(now), trials(then), AGAINST, SAMPLES)
    size = np.abs(now.mean()) - np.abs(then.mean())
    assert found.value == pytest.approx(now.mean() - then.mean())
    assert found.value >= size - 1e-12


def test_beyond_the_sham_is_compared_beyond_the_sham():
    found = worse_by(gate("effect_minus_sham"), trials(0.2, sham=0.15), trials(0.1), AGAINST, SAMPLES)
    assert found.value == pytest.approx(0.05 - 0.1)


def test_decisions_that_turn_are_compared():
    turned_over = np.where((LABELS == "melanoma") & (np.arange(N) < 100), -0.5, 0.0)
    asked = gate("decision_flips", from_class="melanoma", to_class="benign")
    found = worse_by(asked, trials(turned_over), trials(0.0), AGAINST, SAMPLES)
    assert found.value == pytest.approx(50 / 200)


def test_a_subgroup_is_compared_by_its_images():
    asked = gate(within={"site": "B"})
    found = worse_by(asked, clean(with_alarms(50)), clean(with_alarms(0)), AGAINST, SAMPLES)
    assert found.value == 0
    assert found.n_units == 300
    elsewhere = worse_by(gate(within={"site": "A"}), clean(with_alarms(50)), clean(with_alarms(0)), AGAINST, SAMPLES)
    assert elsewhere.value == 1


@pytest.mark.parametrize(
    ("ours", "theirs", "metric", "why"),
    [
        (clean(perfect()), clean(perfect(), IMAGES[::-1]), "specificity", "other images, labels or units"),
        (clean(perfect()), Answers(), "specificity", "no answers for melanoma are kept"),
        (trials(0.1), trials(0.1, pictures="q"), "artefact_effect", "not the same pictures"),
        (trials(0.1), Answers(), "artefact_effect", "was not put in for both models"),
        (trials(0.1), trials(0.1), "observability", "about the foundation model"),
    ],
)
def test_what_is_not_paired_is_never_a_pass(ours, theirs, metric, why):
    found = worse_by(gate(metric), ours, theirs, AGAINST, SAMPLES)
    assert found.value is None
    assert why in found.note
    assert state_of(gate(metric), found) is GateState.NOT_EVALUATED


def test_without_a_sham_nothing_is_beyond_it():
    key = ("ruler", "melanoma")
    bare = Answers(trials={key: replace(trials(0.1).trials[key], sham=None)})
    assert worse_by(gate("effect_minus_sham"), bare, trials(0.1), AGAINST, SAMPLES).value is None


def test_a_baseline_that_was_not_given_or_is_not_comparable_says_so():
    assert "no record of 'old' was given" in compared(gate(), NO_BASELINES, SAMPLES).note
    missing = Against(comparands=(Comparand("old", why_not="its weights are gone"),))
    assert compared(gate(), missing, SAMPLES).note == "its weights are gone"


def test_turning_an_estimate_turns_its_interval():
    found = turned(Estimate(value=0.1, low=-0.2, high=0.3))
    assert (found.value, found.low, found.high) == (-0.1, -0.3, 0.2)


def against(name: str, answers: Answers, ours: Answers) -> Against:
    run = Run.__new__(Run)
    object.__setattr__(run, "answers", answers)
    return Against(answers=ours, comparands=(Comparand(name, run=run),), bootstrap=Bootstrap(1000, 0))


def test_ten_steps_within_the_margin_of_their_predecessor_fail_against_the_authorised_version():
    """Each step calls two more of 200 benign images wrongly, with a margin of 5 points (so 10 points at the end)."""
    versions = [clean(with_alarms(2 * step)) for step in range(11)]
    asked = gate(bound=0.05)
    for before, after in pairwise(versions):
        step = compared(asked, against("old", before, after), SAMPLES)
        assert step.value == pytest.approx(0.01)
        assert state_of(asked, step) is GateState.HOLDS
    crept = compared(asked, against("old", versions[0], versions[-1]), SAMPLES)
    assert crept.value == pytest.approx(0.10)
    assert state_of(asked, crept) is GateState.FAILS


def test_the_mean_of_a_change_has_the_bootstrap_of_every_effect():
    rng = np.random.default_rng(2)
    now, then = rng.normal(0.1, 0.05, N), rng.normal(0.08, 0.05, N)
    asked = gate("artefact_effect", relation="within")
    found = worse_by(asked, trials(now), trials(then), AGAINST, SAMPLES)
    values = [part.trials["ruler", "melanoma"] for part in (trials(now), trials(then))]
    difference = np.subtract(*[part.inserted.probability - part.clean.probability for part in values])
    expected = mean_effect(
        difference, np.arange(N), np.zeros(N), n_draws=1000, bounds=(-2, 2), confidence=0.95, sided="one"
    )
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_the_subgroup_that_has_become_worst_decides():
    asked = gate(worst_subgroup="site")
    found = worse_by(asked, clean(with_alarms(50)), clean(with_alarms(0)), AGAINST, SAMPLES)
    assert found.value == 1
    assert "site A" in found.note or "site A" in found.method
    own = gate(relation=">=", against=None, worst_subgroup="site")
    assert worse_by(own, clean(with_alarms(50)), clean(with_alarms(0)), AGAINST, SAMPLES).value == 1
    either = gate(relation="within", worst_subgroup="site")
    assert worse_by(either, clean(with_alarms(50)), clean(with_alarms(0)), AGAINST, SAMPLES).value is None


def test_decisions_that_change_and_accuracy_that_is_lost_are_compared():
    """The artefact turns 50 of 400 pictures, all of which were right before."""
    turned_over = np.where((LABELS == "melanoma") & (np.arange(N) < 100), -0.5, 0.0)
    for metric in ("flip_rate", "accuracy_drop"):
        found = worse_by(gate(metric), trials(turned_over), trials(0.0), AGAINST, SAMPLES)
        assert found.value == pytest.approx(50 / 400)
        assert found.low > 0
        assert worse_by(gate(metric), trials(0.0), trials(turned_over), AGAINST, SAMPLES).high < 0
