"""Pictures of doses and combinations: one image at every level, and one with each artefact alone and with all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from auditlens.challenge.combinations import combined_picture
from auditlens.challenge.doses import dosed
from auditlens.challenge.trials import Picture, Trial, picture
from auditlens.gather.combinations import members_of
from auditlens.gather.context import Context
from auditlens.gather.evidence import Gathered
from auditlens.stages.combinations import CombinationEvidence, CombinationFinding, CombinationPictures
from auditlens.stages.doses import DoseFinding, DosePicture, DoseStrip, DoseTrials
from auditlens.stages.evidence import ArtefactTrials
from auditlens.stages.findings import Findings
from auditlens.stages.plan import AuditPlan

Add = Callable[[str, NDArray[np.uint8]], str]
"""Stores a picture under a name in the run folder, and says where."""


def dose_strips(
    findings: Findings, plan: AuditPlan, context: Context, gathered: Gathered, add: Add
) -> tuple[DoseFinding, ...]:
    """Give each curve of the pictured class the same image at every level: one moved as on the mean."""
    by_name = {(dose.artefact, dose.dimension): dose for dose in gathered.evidence.doses}
    return tuple(
        row.model_copy(update={"strip": _strip(row, by_name[row.artefact, row.dimension], context, gathered, add)})
        if row.class_name == pictured_class(plan)
        else row
        for row in findings.doses
    )


def pictured_class(plan: AuditPlan) -> str:
    """The class whose curves have pictures: the decision's, where it is audited."""
    decided = plan.model.decision_class
    return decided if decided in plan.audited_classes else plan.audited_classes[0]


def _strip(row: DoseFinding, dose: DoseTrials, context: Context, gathered: Gathered, add: Add) -> DoseStrip:
    class_index = context.subject.classes.index(row.class_name)
    clean = gathered.evidence.predictions.probabilities[:, class_index]
    last = dose.trials[-1]
    at = typical(last.probabilities[:, class_index] - clean[last.image_indices])
    image, source = int(last.image_indices[at]), gathered.sources[row.artefact]
    sample = context.index.samples[image]
    pictures = [
        DosePicture(
            level=None,
            probability=float(clean[image]),
            sham=None,
            files={"image": add(f"clean/{image}", context.load(image))},
        )
    ]
    for level, trials in zip(dose.levels, dose.trials, strict=True):
        trial = Trial(image, 0, int(trials.instances[at]))
        at_level = dosed(source, row.dimension, level)
        shown = picture(context.index, row.artefact, at_level, trial, context.spec.seed)
        name = f"doses/{_safe(row.artefact)}-{row.dimension}-{level:g}-{image}"
        pictures.append(_dose_picture(level, trials, at, class_index, shown, name, add))
    return DoseStrip(image_id=sample.id, true_class=context.subject.classes[sample.label], pictures=tuple(pictures))


def _dose_picture(
    level: float, trials: ArtefactTrials, at: int, class_index: int, shown: Picture, name: str, add: Add
) -> DosePicture:
    found = DosePicture(
        level=level,
        probability=float(trials.probabilities[at, class_index]),
        sham=None,
        files={"image": add(name, shown.rendering.inserted)},
    )
    if shown.sham is None:
        return found
    files = {**found.files, "sham": add(f"{name}-sham", shown.sham.image)}
    return found.model_copy(update={"sham": float(trials.sham_probabilities[at, class_index]), "files": files})


def typical(change: NDArray[np.floating]) -> int:
    """Row whose change is nearest to the mean; the first of equals. The median of a saturated model is no change."""
    return int(np.argmin(np.abs(change - change.mean())))


def combination_pictures(
    findings: Findings, plan: AuditPlan, context: Context, gathered: Gathered, add: Add
) -> tuple[CombinationFinding, ...]:
    """Give each combination of the pictured class one image: as it is, with each alone, with all, with all shams."""
    found = gathered.evidence.combinations
    if found is None:
        return findings.combinations
    return tuple(
        row.model_copy(update={"pictures": _combined(row, found, context, gathered, add)})
        if row.class_name == pictured_class(plan)
        else row
        for row in findings.combinations
    )


def _combined(
    row: CombinationFinding, found: CombinationEvidence, context: Context, gathered: Gathered, add: Add
) -> CombinationPictures:
    class_index = context.subject.classes.index(row.class_name)
    clean = gathered.evidence.predictions.probabilities[:, class_index]
    together = found.trials[row.artefacts].trials
    at = typical(together.probabilities[:, class_index] - clean[together.image_indices])
    image = int(together.image_indices[at])
    titles, probabilities, files = ["as it is"], [float(clean[image])], [add(f"clean/{image}", context.load(image))]
    groups: list[tuple[str, ...]] = [*((name,) for name in row.artefacts), row.artefacts]
    for names, title in zip(groups, (*row.labels, "together"), strict=True):
        shown, trials, place = _shown(names, found, image, context, gathered)
        name = f"combinations/{'+'.join(_safe(part) for part in names)}-{image}"
        titles.append(title)
        probabilities.append(float(trials.probabilities[place, class_index]))
        files.append(add(name, shown.rendering.inserted))
        if names == row.artefacts and shown.sham is not None:
            titles.append("with the shams")
            probabilities.append(float(trials.sham_probabilities[place, class_index]))
            files.append(add(f"{name}-sham", shown.sham.image))
    sample = context.index.samples[image]
    return CombinationPictures(
        image_id=sample.id,
        true_class=context.subject.classes[sample.label],
        titles=tuple(titles),
        probabilities=tuple(probabilities),
        files=tuple(files),
    )


def _shown(
    names: Sequence[str], found: CombinationEvidence, image: int, context: Context, gathered: Gathered
) -> tuple[Picture, ArtefactTrials, int]:
    """Render one image of a combination again, with its trials and its row among them."""
    trials = found.trials[tuple(names)].trials
    place = int(np.flatnonzero(trials.image_indices == image)[0])
    members = members_of(context, gathered.sources, names, trials.image_indices.tolist())
    trial = Trial(image, 0, int(trials.instances[place]))
    return combined_picture(context.index, members, trial, context.spec.seed), trials, place


def _safe(name: str) -> str:
    """A name that may stand in a path."""
    return "".join(letter if letter.isalnum() or letter in "._" else "_" for letter in name)
