"""The model's answers as rows: from the evidence of a run to what its folder keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from auditlens.findings.decision import OperatingPoint
from auditlens.stages.answers import Answers, CleanAnswers, Counts, ErasedAnswers, Names, Said, TrialAnswers
from auditlens.stages.erasure import Erasures
from auditlens.stages.evidence import ArtefactTrials, Evidence, Floats, Ints
from auditlens.stages.plan import AuditPlan


def answers_of(evidence: Evidence, plan: AuditPlan, pictures: Mapping[str, str]) -> Answers:
    """Collect the answers for the audited classes and the class of the operating point.

    Parameters
    ----------
    evidence : Evidence
    plan : AuditPlan
    pictures : mapping of artefact to str
        Digest of what decides the pixels of its trials.
    """
    point = OperatingPoint.of(plan.model)
    named = dict.fromkeys((*plan.audited_classes, plan.model.decision_class))
    reader = _Reader(evidence, point)
    return Answers(
        clean={name: reader.clean(name) for name in named},
        trials={
            (artefact, name): reader.trials(found, name, pictures[artefact])
            for artefact, found in evidence.trials.items()
            for name in plan.audited_classes
        },
        erased={name: reader.erased(evidence.erasures, name) for name in plan.audited_classes}
        if evidence.erasures is not None
        else {},
    )


class _Reader:
    """Reads evidence for one class after another."""

    def __init__(self, evidence: Evidence, point: OperatingPoint) -> None:
        self.evidence, self.point = evidence, point
        self.images = np.array(evidence.samples.ids, dtype=np.str_)
        self.labels = np.array(point.classes, dtype=np.str_)[evidence.samples.labels]
        self.units = evidence.samples.units.astype(np.int64)

    def clean(self, class_name: str) -> CleanAnswers:
        order = np.argsort(self.images, kind="stable")
        predictions = self.evidence.predictions
        said = self._said(predictions.logits[order], predictions.probabilities[order], class_name)
        return CleanAnswers(class_name, self.images[order], self.labels[order], self.units[order], said)

    def trials(self, found: ArtefactTrials, class_name: str, pictures: str) -> TrialAnswers:
        repetitions = repetitions_of(found.image_indices)
        order = np.lexsort((repetitions, self.images[found.image_indices]))
        rows, predictions = found.image_indices[order], self.evidence.predictions
        no_sham = bool(np.isnan(found.sham_probabilities).any())
        return TrialAnswers(
            artefact=found.artefact,
            class_name=class_name,
            pictures=pictures,
            images=self.images[rows],
            labels=self.labels[rows],
            units=self.units[rows],
            repetitions=repetitions[order],
            instances=found.instances[order].astype(np.int64),
            area=found.area[order].astype(np.float64),
            clean=self._said(predictions.logits[rows], predictions.probabilities[rows], class_name),
            inserted=self._said(found.logits[order], found.probabilities[order], class_name),
            sham=None if no_sham else self._said(found.sham_logits[order], found.sham_probabilities[order], class_name),
        )

    def erased(self, found: Erasures, class_name: str) -> ErasedAnswers:
        order = np.argsort(self.images[found.image_indices], kind="stable")
        rows = found.image_indices[order]
        return ErasedAnswers(
            class_name=class_name,
            images=self.images[rows],
            labels=self.labels[rows],
            units=self.units[rows],
            area=found.area[order].astype(np.float64),
            probability=found.probabilities[order, self.point.classes.index(class_name)].astype(np.float64),
        )

    def _said(self, logits: Floats, probabilities: Floats, class_name: str) -> Said:
        index = self.point.classes.index(class_name)
        return Said(
            probability=probabilities[:, index].astype(np.float64),
            margin=self.point.margin(logits, index).astype(np.float64),
            decided=_names(self.point.reported(probabilities, index), self.point.classes),
        )


def _names(indices: Ints, classes: Sequence[str]) -> Names:
    """Class names; the empty one for `NONE`, which is the last by Python's counting."""
    return np.array([*classes, ""], dtype=np.str_)[indices]


def repetitions_of(image_indices: Ints) -> Counts:
    """Say which insertion into its image each trial is: 0 for the first; (trials,)."""
    order = np.argsort(image_indices, kind="stable")
    ordered = image_indices[order]
    starts = np.r_[True, ordered[1:] != ordered[:-1]] if len(ordered) else np.zeros(0, dtype=bool)
    places = np.arange(len(ordered))
    first = np.maximum.accumulate(np.where(starts, places, 0)) if len(ordered) else places
    counted = np.empty(len(ordered), dtype=np.int64)
    counted[order] = places - first
    return counted
