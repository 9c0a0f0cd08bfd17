"""AUROCs of two models on the same pictures: with the lesion erased, and against images with an artefact."""

from __future__ import annotations

import numpy as np

from auditlens.findings.statistics import auroc_change_difference, auroc_difference
from auditlens.stages.answers import ErasedAnswers, Said, TrialAnswers
from auditlens.stages.estimate import Estimate, Sided
from auditlens.stages.evidence import Bools, Floats

NO_SHAM = "no sham was run"


def erased_paired(first: ErasedAnswers, other: ErasedAnswers) -> bool:
    """Whether the same lesions were erased from the same images: ids, labels, units and filled area agree."""
    return all(np.array_equal(getattr(first, name), getattr(other, name)) for name in _SAME)


_SAME = ("images", "labels", "units", "area")


def erased_difference(first: ErasedAnswers, other: ErasedAnswers, *, confidence: float, sided: Sided) -> Estimate:
    """AUROC of other minus that of first, with the lesion erased; -1 to 1."""
    truth = first.labels == first.class_name
    scores = other.probability, first.probability
    return auroc_difference(*scores, truth, first.units, confidence=confidence, sided=sided)


def separability_difference(
    metric: str, first: TrialAnswers, other: TrialAnswers, *, confidence: float, sided: Sided
) -> Estimate:
    """Separability, or its drop, of other minus that of first, on the same pictures (`findings/separability.py`).

    Of the class's images the clean one counts once, however often the artefact was put into it. Range -1 to 1 for
    `separability`, -2 to 2 for the drops.
    """
    own, others = _sides(first)
    rows = np.concatenate([own, others])
    truth = np.arange(len(rows)) < len(own)
    asked = (truth, first.units[rows])
    if metric == "separability":
        now, then = (_scores(one, own, others, one.inserted) for one in (other, first))
        return auroc_difference(now, then, *asked, instances=first.instances[rows], confidence=confidence, sided=sided)
    scores = []
    for one in (other, first):
        before = one.sham if metric.endswith("sham") else one.clean
        if before is None:
            return Estimate(value=None, confidence=confidence, sided=sided, note=NO_SHAM)
        scores += [_scores(one, own, others, before), _scores(one, own, others, one.inserted)]
    return auroc_change_difference(
        (scores[0], scores[1]),
        (scores[2], scores[3]),
        *asked,
        instances=first.instances[rows],
        confidence=confidence,
        sided=sided,
    )


def _sides(answers: TrialAnswers) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the class's images, once each, and of all trials in other classes' images."""
    of_class: Bools = answers.labels == answers.class_name
    once = np.unique(answers.images[of_class], return_index=True)[1]
    return np.flatnonzero(of_class)[once], np.flatnonzero(~of_class)


def _scores(answers: TrialAnswers, own: np.ndarray, others: np.ndarray, said: Said) -> Floats:
    return np.concatenate([answers.clean.margin[own], said.margin[others]])
