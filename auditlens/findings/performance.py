"""How well the model does on the clean images: the precondition of every artefact gate."""

from __future__ import annotations

import numpy as np

from auditlens.findings.decision import OperatingPoint
from auditlens.findings.statistics import auroc, rate
from auditlens.spec.metrics import OTHER
from auditlens.stages.evidence import Predictions, Samples
from auditlens.stages.findings import Estimate, Performance, Sided


def performance(samples: Samples, predictions: Predictions, point: OperatingPoint) -> Performance:
    """Sensitivity, specificity, AUROC and accuracy at the operating point, with two-sided 95 % intervals.

    Accuracy is over all classes; of a multi-label model it is that of the decision's class against the rest, since an
    image's label says nothing of its further labels.
    """
    decided = point.decide(predictions.probabilities)
    right = decided == samples.labels
    if point.independent:
        right = (decided == point.class_index) == (samples.labels == point.class_index)
    return Performance(
        decision=point.sentence,
        sensitivity=clean_metric("sensitivity", samples, predictions, point, point.class_index),
        specificity=clean_metric("specificity", samples, predictions, point, point.class_index),
        auroc=clean_metric("auroc", samples, predictions, point, point.class_index),
        accuracy=rate(right, samples.units, confidence=0.95, sided="two"),
        confusion=_against_the_rest(samples, decided, point)
        if point.independent
        else _confusion(samples, decided, point.classes),
    )


def clean_metric(
    metric: str,
    samples: Samples,
    predictions: Predictions,
    point: OperatingPoint,
    class_index: int,
    *,
    confidence: float = 0.95,
    sided: Sided = "two",
) -> Estimate:
    """One clean metric of one class.

    Parameters
    ----------
    metric : {"sensitivity", "specificity", "auroc"}
        Sensitivity: share of the class's images that are called the class. Specificity: share of the other images
        that are not. AUROC: of the class's probability, this class against the rest.
    """
    truth = samples.labels == class_index
    if metric == "auroc":
        scores = predictions.probabilities[:, class_index]
        return auroc(scores, truth, samples.units, confidence=confidence, sided=sided)
    called = point.calls(predictions.probabilities, class_index)
    rows, right = (truth, called) if metric == "sensitivity" else (~truth, ~called)
    return rate(right[rows], samples.units[rows], confidence=confidence, sided=sided)


def _against_the_rest(samples: Samples, decided: np.ndarray, point: OperatingPoint) -> dict[str, dict[str, int]]:
    names = (point.classes[point.class_index], OTHER)
    true, said = samples.labels != point.class_index, decided != point.class_index
    return {
        names[row]: {names[column]: int(np.sum((true == row) & (said == column))) for column in (0, 1)}
        for row in (0, 1)
    }


def _confusion(samples: Samples, decided: np.ndarray, classes: tuple[str, ...]) -> dict[str, dict[str, int]]:
    present = sorted({*samples.labels.tolist(), *decided.tolist()})
    if len(present) > 20:  # a table that nobody would read
        return {}
    return {
        classes[true]: {classes[said]: int(np.sum((samples.labels == true) & (decided == said))) for said in present}
        for true in present
    }
