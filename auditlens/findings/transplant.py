"""Transplanted artefacts: does the layer tell images with the artefact from images without?"""

from __future__ import annotations

import numpy as np

from auditlens.findings.statistics import auroc
from auditlens.spec.artefacts import Transplant
from auditlens.spec.model import AuditSpec
from auditlens.stages.estimate import Estimate
from auditlens.stages.evidence import Evidence
from auditlens.stages.transplant import Separated, TransplantFinding


def separation(found: Separated) -> Estimate:
    """AUROC of images with the artefact against images without, within strata; 1 tells all, 0.5 none.

    Each image is scored by a vector that was fitted on the images of other units.
    """
    used = np.isfinite(found.scores)
    return auroc(found.scores[used], found.positives[used], found.units[used], strata=found.strata[used])


def tells(estimate: Estimate, least: float) -> bool:
    """Whether a mask made from it may be used: the interval's lower end must exceed the limit."""
    return estimate.value is not None and estimate.low is not None and estimate.low > least


def transplant_findings(spec: AuditSpec, evidence: Evidence) -> tuple[TransplantFinding, ...]:
    """One line per transplanted artefact; those that were refused stand among what was not evaluated."""
    return tuple(_finding(spec, found) for found in evidence.transplants.values() if len(found.cover))


def _finding(spec: AuditSpec, found: Separated) -> TransplantFinding:
    artefact = spec.artefacts[found.artefact]
    assert isinstance(artefact, Transplant)  # only transplants are separated
    return TransplantFinding(
        artefact=found.artefact,
        layer=found.layer,
        origin=found.origin,
        n_with=int(found.positives.sum()),
        n_without=int((~found.positives).sum()),
        auroc=separation(found),
        n_instances=len(found.cover),
        cover=float(np.median(found.cover)),
        blur=artefact.blur,
        power=artefact.power,
    )
