"""The positive control: with the lesion erased, the class must no longer be told from the rest."""

from __future__ import annotations

import numpy as np

from auditlens.findings.statistics import auroc, auroc_difference
from auditlens.stages.erasure import ErasureFinding, Erasures
from auditlens.stages.evidence import Evidence
from auditlens.stages.findings import Estimate, Sided
from auditlens.stages.plan import AuditPlan

NO_MASK = "no image has a lesion mask to erase by, or `challenge.erased_images` is 0"


def erased_auroc(
    evidence: Evidence, erased: Erasures, class_index: int, *, confidence: float = 0.95, sided: Sided = "two"
) -> Estimate:
    """AUROC of the class's probability, this class against the rest, over images whose lesion was erased.

    Range 0 to 1; 0.5 is what erasing should leave. Units (patients) are resampled as in `statistics.auroc`.
    """
    truth, units = _sides(evidence, erased, class_index)
    return auroc(erased.probabilities[:, class_index], truth, units, confidence=confidence, sided=sided)


def erasure_findings(plan: AuditPlan, evidence: Evidence) -> tuple[ErasureFinding, ...]:
    """One line per audited class; none where no lesion was erased."""
    erased = evidence.erasures
    if erased is None or not len(erased.image_indices):
        return ()
    return tuple(_finding(evidence, erased, name, plan.model.classes.index(name)) for name in plan.audited_classes)


def _finding(evidence: Evidence, erased: Erasures, class_name: str, class_index: int) -> ErasureFinding:
    truth, units = _sides(evidence, erased, class_index)
    before = evidence.predictions.probabilities[erased.image_indices, class_index]
    after = erased.probabilities[:, class_index]
    return ErasureFinding(
        class_name=class_name,
        n_images=len(after),
        n_without_mask=erased.n_without_mask,
        n_unfit=erased.n_unfit,
        area=float(np.median(erased.area)),
        clean=auroc(before, truth, units),
        erased=erased_auroc(evidence, erased, class_index),
        drop=auroc_difference(before, after, truth, units),
    )


def _sides(evidence: Evidence, erased: Erasures, class_index: int) -> tuple[np.ndarray, np.ndarray]:
    rows = erased.image_indices
    return evidence.samples.labels[rows] == class_index, evidence.samples.units[rows]
