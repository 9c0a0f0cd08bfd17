"""Separability: a class's margin on its images against images with spurious features only (4.2, F.1.1).

Across sources an AUROC also measures the source, so the absolute value describes. What decides is the paired
difference: the same images without and with the artefact, against the same images of the class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from auditlens.findings.artefacts import Trials
from auditlens.findings.decision import OperatingPoint
from auditlens.findings.statistics import auroc, auroc_difference
from auditlens.stages.evidence import Evidence, Floats, Ints
from auditlens.stages.findings import Estimate, Sided
from auditlens.stages.plan import AuditPlan
from auditlens.stages.separability import SeparabilityFinding, SpuriousImages

Kind = Literal["with", "without", "sham", "drop", "beyond"]
NO_SHAM = "no sham was run"


@dataclass(frozen=True, slots=True)
class Sides:
    """A class's images, and images with spurious features only, by the class's margin.

    Attributes
    ----------
    positives : Floats, (class images,)
        Margins of the class's images, clean of the artefacts.
    inserted, before, sham : Floats, (spurious images,)
        Margins with the artefacts, without, and with the shams; `before` and `sham` are NaN where there is none.
    positive_units, units : Ints
        Units of both.
    instances : Ints, (spurious images, artefacts)
    n_images : int
        Different spurious images; fewer than rows where several instances go into each.
    """

    positives: Floats
    inserted: Floats
    before: Floats
    sham: Floats
    positive_units: Ints
    units: Ints
    instances: Ints
    n_images: int

    @property
    def has_sham(self) -> bool:
        """Whether shams were run."""
        return bool(np.isfinite(self.sham).all())

    @property
    def is_paired(self) -> bool:
        """Whether the same images were seen without the artefacts."""
        return bool(np.isfinite(self.before).all())

    def scores(self, negatives: Floats) -> Floats:
        """Margins of both, the class first."""
        return np.concatenate([self.positives, negatives])


def sides_of_trials(trials: Trials, class_index: int) -> Sides:
    """Read an artefact test as a separability test: its clean images of the class, and the others with the artefact."""
    own = np.unique(trials.rows[trials.labels == class_index])
    others = trials.labels != class_index
    return Sides(
        positives=trials.point.margin(trials.predictions.logits, class_index)[own],
        inserted=trials.inserted("margin", class_index)[others],
        before=trials.clean("margin", class_index)[others],
        sham=trials.sham("margin", class_index)[others],
        positive_units=trials.samples.units[own],
        units=trials.units[others],
        instances=trials.raw.instances[others][:, None],
        n_images=int(np.unique(trials.rows[others]).size),
    )


def sides_of(evidence: Evidence, point: OperatingPoint, images: SpuriousImages, class_index: int) -> Sides:
    """Join images that were made or brought for this test with the class's images, clean of what was put in.

    Images of the class itself take part only where their lesion is erased.
    """
    samples = evidence.samples
    own = images.clean_indices[samples.labels[images.clean_indices] == class_index]
    rows = images.image_indices
    kept = np.ones(len(rows), dtype=bool)
    if images.source == "other classes":
        kept = samples.labels[rows] != class_index
    foreign = images.source == "images"
    n_units = int(samples.units.max(initial=-1)) + 1
    return Sides(
        positives=point.margin(evidence.predictions.logits, class_index)[own],
        inserted=point.margin(images.logits, class_index)[kept],
        before=point.margin(images.before_logits, class_index)[kept],
        sham=point.margin(images.sham_logits, class_index)[kept],
        positive_units=samples.units[own],
        units=n_units + np.arange(len(rows)) if foreign else samples.units[rows[kept]],
        instances=images.instances[kept],
        n_images=int(kept.sum()),
    )


def separability_estimate(sides: Sides, kind: Kind, *, confidence: float = 0.95, sided: Sided = "two") -> Estimate:
    """AUROC of the margin, the class's images against the others, or a paired difference of two of these.

    `with` and `without` the artefact and with its `sham`: 0 to 1. `drop` is without minus with; `beyond` is the drop
    with the artefact minus the drop with the sham, which is sham minus with: -1 to 1, above 0 where the artefact makes
    other images look like the class. Units and instances are both random.
    """
    wanted = {"with": sides.inserted, "without": sides.before, "sham": sides.sham}
    if kind in ("sham", "beyond") and not sides.has_sham:
        return Estimate(value=None, confidence=confidence, sided=sided, note=NO_SHAM)
    if kind in ("without", "drop") and not sides.is_paired:
        return Estimate(value=None, confidence=confidence, sided=sided, note="not seen without the artefact")
    n_own, n_others = len(sides.positives), len(sides.inserted)
    truth = np.arange(n_own + n_others) < n_own
    units = np.concatenate([sides.positive_units, sides.units])
    instances = np.concatenate([np.zeros((n_own, sides.instances.shape[1]), dtype=np.int64), sides.instances])
    if kind in wanted:
        scores = sides.scores(wanted[kind])
        return auroc(
            scores,
            truth,
            units,
            instances=instances if kind != "without" else None,
            confidence=confidence,
            sided=sided,
        )
    before = sides.before if kind == "drop" else sides.sham
    return auroc_difference(
        sides.scores(before),
        sides.scores(sides.inserted),
        truth,
        units,
        instances=instances,
        confidence=confidence,
        sided=sided,
    )


def separability_findings(
    plan: AuditPlan, evidence: Evidence, trials: Mapping[str, Trials], point: OperatingPoint
) -> tuple[SeparabilityFinding, ...]:
    """One line per audited class and kind of spurious images: each artefact test first, then what the spec asks for."""
    found: list[SeparabilityFinding] = []
    about: dict[str, Any]
    for class_name in plan.audited_classes:
        index = plan.model.classes.index(class_name)
        for name, tested in trials.items():
            about = {"name": name, "source": "other classes", "artefacts": (name,)}
            found.append(_finding(sides_of_trials(tested, index), about | {"class_name": class_name}))
        for images in evidence.spurious:
            about = {field: getattr(images, field) for field in ("name", "source", "artefacts", "n_unfit")}
            sides = sides_of(evidence, point, images, index)
            found.append(_finding(sides, about | {"class_name": class_name}))
    return tuple(found)


def _finding(sides: Sides, about: Mapping[str, Any]) -> SeparabilityFinding:
    paired, sham = sides.is_paired, sides.is_paired and sides.has_sham
    return SeparabilityFinding(
        **about,
        n_class_images=len(sides.positives),
        n_images=sides.n_images,
        with_artefact=separability_estimate(sides, "with"),
        without=separability_estimate(sides, "without") if paired else None,
        sham=separability_estimate(sides, "sham") if sham else None,
        drop=separability_estimate(sides, "drop") if paired else None,
        drop_beyond_sham=separability_estimate(sides, "beyond") if sham else None,
    )
