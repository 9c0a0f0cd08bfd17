"""The same scores with and without the artefact in the data as it is, beside what inserting it does."""

from __future__ import annotations

import numpy as np

from auditlens.findings.statistics.contrasts import difference_within
from auditlens.stages.evidence import Predictions, Samples
from auditlens.stages.findings import ArtefactFinding, Estimate

DISAGREEMENT = (
    "In the data as it is, images with this artefact score the other way than inserting it does: "
    "the association comes from the data, the insertion shows what the model does."
)


def observational_contrast(
    samples: Samples, predictions: Predictions, column: str, class_index: int
) -> Estimate | None:
    """Mean probability with minus without the flag within labels, in the data as it is: an association, not an effect.

    The mean over the flagged images of (probability minus the mean of the unflagged images with the same label), with
    the variance of both sides, over units. None without the column, and where no label has both.
    """
    flags = samples.columns.get(column)
    if flags is None:
        return None
    known = ~np.isnan(flags)
    scores = predictions.probabilities[known, class_index].astype(np.float64)
    found = difference_within(scores, flags[known] > 0.5, samples.units[known], labels=samples.labels[known])
    return None if found is None else found.estimates(0.95)[0]


def disagreement(finding: ArtefactFinding, contrast: Estimate | None) -> str:
    """Warn where observation and intervention point in opposite directions, both clear of zero; else empty."""
    opposite = _sign(contrast) * _sign(finding.effects[0].raw)
    return DISAGREEMENT if opposite < 0 else ""


def _sign(estimate: Estimate | None) -> int:
    """Direction of an estimate that is clear of zero; 0 otherwise."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return 0
    return 1 if estimate.low > 0 else -1 if estimate.high < 0 else 0
