"""Differences between two models, estimated from the answers that their runs keep: paired where the pictures agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from auditlens.findings.statistics import (
    auroc_difference,
    difference_of_changes,
    independent_difference,
    mean_effect,
    overlapping_rate_difference,
    rate_difference,
)
from auditlens.spec.metrics import OTHER
from auditlens.stages.answers import CleanAnswers, Names, Said, TrialAnswers
from auditlens.stages.evidence import Bools, Floats
from auditlens.stages.findings import Estimate, Sided


class Asked(TypedDict):
    """What the statistics are asked for."""

    confidence: float
    sided: Sided


@dataclass(frozen=True, slots=True)
class Level:
    """Confidence of an interval, and whether its bounds are one-sided."""

    confidence: float = 0.95
    sided: Sided = "two"

    @property
    def asked(self) -> Asked:
        """As keyword arguments."""
        return {"confidence": self.confidence, "sided": self.sided}


BOTH_SIDES = Level()
PAIRED = "paired"
SAME = "no variation: both runs give the same answers"


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Draws and seed of the intervals of means."""

    n_draws: int
    seed: int


def why_unpaired(first: TrialAnswers, other: TrialAnswers) -> str:
    """Say why two runs' trials are not of the same pictures; empty where they are."""
    if first.pictures != other.pictures:
        return "the artefact is described, drawn or seeded otherwise"
    if not _same_rows(first, other):
        return "it was put into other images"
    if not np.array_equal(first.instances, other.instances) or not np.array_equal(first.area, other.area):
        return "the same images got other instances or places"
    return ""


def _same_rows(first: TrialAnswers, other: TrialAnswers) -> bool:
    same = np.array_equal(first.images, other.images) and np.array_equal(first.repetitions, other.repetitions)
    return same and np.array_equal(first.labels, other.labels) and np.array_equal(first.units, other.units)


def clean_paired(first: CleanAnswers, other: CleanAnswers) -> bool:
    """Whether two runs saw the same images with the same labels and units."""
    return (
        np.array_equal(first.images, other.images)
        and np.array_equal(first.labels, other.labels)
        and np.array_equal(first.units, other.units)
    )


def clean_difference(
    measure: str, first: CleanAnswers, other: CleanAnswers, independent: bool, level: Level = BOTH_SIDES
) -> Estimate:
    """Difference other - first of one clean metric on the same images.

    Parameters
    ----------
    measure : {"sensitivity", "specificity", "auroc", "accuracy"}
    first, other : CleanAnswers
        On the same images (`clean_paired`).
    independent : bool
        Multi-label: a class is decided by itself.
    level : Level
    """
    if _same_said(first.said, other.said):
        return _nothing(len(first.images), len(np.unique(first.units)), level)
    truth = first.labels == first.class_name
    if measure == "auroc":
        return auroc_difference(other.said.probability, first.said.probability, truth, first.units, **level.asked)
    if measure == "accuracy":
        rows = np.ones(len(truth), dtype=bool)
        right = [_right(part.said.decided, part.labels, part.class_name, independent) for part in (other, first)]
    else:
        rows = truth if measure == "sensitivity" else ~truth
        called = [part.said.decided == part.class_name for part in (other, first)]
        right = called if measure == "sensitivity" else [~one for one in called]
    return rate_difference(right[0][rows], right[1][rows], first.units[rows], **level.asked)


def effect_difference(
    first: TrialAnswers,
    other: TrialAnswers,
    true_class: str | None,
    scale: str,
    part: str,
    bootstrap: Bootstrap,
    level: Level = BOTH_SIDES,
) -> Estimate:
    """Difference other - first of a mean paired change, trial by trial on the same pictures.

    `part` is raw, sham or beyond; `scale` probability or margin.
    """
    values = [change_of(answers, scale, part) for answers in (other, first)]
    if values[0] is None or values[1] is None:
        return Estimate(value=None, note="no sham was run", **level.asked)
    bounds = {"raw": 2.0, "sham": 2.0, "beyond": 4.0}[part]
    reach = (-bounds, bounds) if scale == "probability" else None
    return mean_change(values[0] - values[1], first, true_class, bootstrap, level, reach)


def mean_change(
    values: Floats,
    answers: TrialAnswers,
    true_class: str | None,
    bootstrap: Bootstrap,
    level: Level,
    bounds: tuple[float, float] | None,
) -> Estimate:
    """Mean over the trials of a true class (all without one) of one number per trial."""
    rows = _of_class(answers, true_class)
    return mean_effect(
        values[rows],
        answers.units[rows],
        instances=answers.instances[rows],
        n_draws=bootstrap.n_draws,
        seed=bootstrap.seed,
        bounds=bounds,
        **level.asked,
    )


def change_of(answers: TrialAnswers, scale: str, part: str) -> Floats | None:
    """Change of each trial; None for a sham that was not run."""
    clean, inserted = answers.clean.on(scale), answers.inserted.on(scale)
    if part == "raw":
        return inserted - clean
    if answers.sham is None:
        return None
    return answers.sham.on(scale) - clean if part == "sham" else inserted - answers.sham.on(scale)


def flip_difference(
    first: TrialAnswers, other: TrialAnswers, source: str, target: str, part: str, level: Level = BOTH_SIDES
) -> Estimate:
    """Difference other - first of the share of decisions that turn, each of what its model calls rightly."""
    if part != "raw" and (first.sham is None or other.sham is None):
        return Estimate(value=None, note="no sham was run")
    if _same_trials(first, other):
        return _nothing(len(first.images), len(np.unique(first.units)), level)
    rows = [flip_rows(answers, source) for answers in (other, first)]
    units, instances = first.units, first.instances
    if part == "beyond":
        changes = [_turned(answers, target) for answers in (other, first)]
        return difference_of_changes(
            changes[0], changes[1], rows[0], rows[1], units, instances=instances, **level.asked
        )
    place = 0 if part == "raw" else 1
    events = [_turned(answers, target)[place] for answers in (other, first)]
    return overlapping_rate_difference(
        events[0], events[1], rows[0], rows[1], units, instances=instances, **level.asked
    )


def flip_rows(answers: TrialAnswers, source: str) -> Bools:
    """Trials of images of a class that are called rightly before the insertion."""
    return _is(answers.labels, source, answers.class_name) & _is(answers.clean.decided, source, answers.class_name)


def _turned(answers: TrialAnswers, target: str) -> tuple[Bools, Bools]:
    """Whether each trial is called `target` with the artefact, and with the sham."""
    with_artefact = _is(answers.inserted.decided, target, answers.class_name)
    if answers.sham is None:
        return with_artefact, np.zeros_like(with_artefact)
    return with_artefact, _is(answers.sham.decided, target, answers.class_name)


def _is(names: Names, wanted: str, class_name: str) -> Bools:
    """Tell a class; `other` is every class but the audited one."""
    return np.asarray(names != class_name) if wanted == OTHER else np.asarray(names == wanted)


def accuracy_change(answers: TrialAnswers, true_class: str | None, independent: bool) -> Estimate:
    """Accuracy with the artefact minus accuracy without, on the same images (Fig. 4d, F.13), in [-1, 1]."""
    after, before = _rightness(answers, independent)
    rows = _of_class(answers, true_class)
    return rate_difference(after[rows], before[rows], answers.units[rows], instances=answers.instances[rows])


def turn_difference(first: TrialAnswers, other: TrialAnswers, level: Level) -> Estimate:
    """Difference other - first of the share of trials whose decision the artefact changes, either way."""
    if _same_trials(first, other):
        return _nothing(len(first.images), len(np.unique(first.units)), level)
    turned = [answers.inserted.decided != answers.clean.decided for answers in (other, first)]
    return rate_difference(turned[0], turned[1], first.units, instances=first.instances, **level.asked)


def accuracy_change_difference(
    first: TrialAnswers, other: TrialAnswers, true_class: str | None, independent: bool, level: Level = BOTH_SIDES
) -> Estimate:
    """Difference other - first of the change of accuracy, on the same pictures, in [-2, 2]."""
    if _same_trials(first, other):
        return _nothing(len(first.images), len(np.unique(first.units)), level)
    rows = _of_class(first, true_class)
    changes = [_rightness(answers, independent) for answers in (other, first)]
    units, instances = first.units, first.instances
    return difference_of_changes(changes[0], changes[1], rows, rows, units, instances=instances, **level.asked)


def unpaired_difference(first: Estimate, other: Estimate, bounds: tuple[float, float] | None) -> Estimate:
    """Difference other - first of two estimates taken as independent."""
    return independent_difference(other, first, bounds)


def _rightness(answers: TrialAnswers, independent: bool) -> tuple[Bools, Bools]:
    after, before = (
        _right(said.decided, answers.labels, answers.class_name, independent)
        for said in (answers.inserted, answers.clean)
    )
    return after, before


def _right(decided: Names, labels: Names, class_name: str, independent: bool) -> Bools:
    """Whether a decision is right; of a multi-label model that of the class against the rest."""
    if independent:
        return np.asarray((decided == class_name) == (labels == class_name))
    return np.asarray(decided == labels)


def _of_class(answers: TrialAnswers, true_class: str | None) -> Bools:
    return np.ones(len(answers.labels), dtype=bool) if true_class is None else np.asarray(answers.labels == true_class)


def _same_trials(first: TrialAnswers, other: TrialAnswers) -> bool:
    pairs = [(first.clean, other.clean), (first.inserted, other.inserted)]
    if first.sham is not None and other.sham is not None:
        pairs.append((first.sham, other.sham))
    return all(_same_said(one, two) for one, two in pairs)


def _same_said(first: Said, other: Said) -> bool:
    return np.array_equal(first.probability, other.probability) and np.array_equal(first.decided, other.decided)


def _nothing(n: int, n_units: int, level: Level = BOTH_SIDES) -> Estimate:
    return Estimate(
        value=0.0,
        low=0.0,
        high=0.0,
        **level.asked,
        n=n,
        n_units=n_units,
        note=SAME,
    )
