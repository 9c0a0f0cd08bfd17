"""How well the model does on the clean images: the precondition of every artefact gate."""

from __future__ import annotations

import numpy as np

from auditlens.findings.decision import OperatingPoint
from auditlens.findings.statistics import auroc, rate
from auditlens.stages.evidence import Predictions, Samples
from auditlens.stages.findings import Estimate, Performance, Sided


def performance(samples: Samples, predictions: Predictions, point: OperatingPoint) -> Performance:
    """Sensitivity, specificity, AUROC and accuracy at the operating point, with two-sided 95 % intervals."""
    decided = point.decide(predictions.probabilities)
    return Performance(
        decision=point.sentence,
        sensitivity=clean_metric("sensitivity", samples, predictions, point, point.class_index),
        specificity=clean_metric("specificity", samples, predictions, point, point.class_index),
        auroc=clean_metric("auroc", samples, predictions, point, point.class_index),
        accuracy=rate(decided == samples.labels, samples.units, confidence=0.95, sided="two"),
        confusion=_confusion(samples, decided, point.classes),
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
    called = point.decide(predictions.probabilities) == class_index
    rows, right = (truth, called) if metric == "sensitivity" else (~truth, ~called)
    return rate(right[rows], samples.units[rows], confidence=confidence, sided=sided)


def _confusion(samples: Samples, decided: np.ndarray, classes: tuple[str, ...]) -> dict[str, dict[str, int]]:
    present = sorted({*samples.labels.tolist(), *decided.tolist()})
    if len(present) > 20:  # a table that nobody would read
        return {}
    return {
        classes[true]: {classes[said]: int(np.sum((samples.labels == true) & (decided == said))) for said in present}
        for true in present
    }
