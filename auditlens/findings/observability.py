"""Can the foundation model see a concept in these images? Only then is an alignment with it evidence."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.stats import spearmanr

from auditlens.findings.statistics import auroc, rate
from auditlens.spec.model import AuditSpec, Concept
from auditlens.spec.selection import roles_of
from auditlens.stages.evidence import Floats, LabelledImages, Probe, Samples, SemanticSpace
from auditlens.stages.findings import ConceptFinding, Estimate, RivalFlag, Sided
from auditlens.stages.plan import AuditPlan
from auditlens.stages.states import ConceptState

WOULD_VERIFY = (
    "a 0/1 column of the data, a folder of example images, an artefact whose insertion shows it, "
    "or a recorded assumption with an owner"
)
N_RIVALS = 3


def alignment_scores(embeddings: Floats, probe: Floats, null: Floats) -> Floats:
    """A = s(x, probe) - s(x, null), the paper's alignment (3.3) of each row of unit vectors (rows, dim)."""
    return embeddings @ probe - embeddings @ null


def image_scores(probe: Probe, space: SemanticSpace, images: LabelledImages | None = None) -> Floats:
    """Score of every whole image, (images,): out of fold for a probe that was made from these very images.

    Parameters
    ----------
    images : LabelledImages, optional
        The audited ones by default.
    """
    name = images.name if images is not None else None
    if probe.out_of_fold.size and probe.made_on == name:
        return probe.out_of_fold
    return probe.scores(images.embeddings if images is not None else space.image_embeddings, space.null)


def seen_columns(
    spec: AuditSpec, samples: Samples, concepts: Mapping[str, ConceptFinding], space: SemanticSpace
) -> dict[str, str]:
    """Concept -> the column that labels it, for concepts that the foundation model is shown to see."""
    flags = {name: concept.flag for name, concept in spec.concepts.items()}
    return {
        name: flag
        for name, flag in flags.items()
        if flag is not None
        and space.labelled(flag, samples) is not None
        and concepts[name].state is ConceptState.OBSERVABLE
    }


def concept_findings(
    spec: AuditSpec, plan: AuditPlan, samples: Samples, space: SemanticSpace | None
) -> tuple[ConceptFinding, ...]:
    """Judge each concept of the spec (method.md, decision rule 4)."""
    roles = {name: roles_of(spec, name) for name in plan.audited_classes}
    return tuple(_judge(name, concept, spec, plan, samples, space, roles) for name, concept in spec.concepts.items())


def _judge(
    name: str,
    concept: Concept,
    spec: AuditSpec,
    plan: AuditPlan,
    samples: Samples,
    space: SemanticSpace | None,
    roles: Mapping[str, Mapping[str, str]],
) -> ConceptFinding:
    finding = ConceptFinding(
        concept=name,
        group=concept.group,
        role={cls: role[name] for cls, role in roles.items() if name in role},
        state=ConceptState.UNVERIFIED,
        source="none",
        texts=concept.texts,
        in_sample=plan.foundation.training_overlap if plan.foundation else "unknown",
        prevalence=_prevalence(concept, samples, plan.model.classes),
    )
    if concept.not_assessable is not None:
        update: dict[str, object] = {"state": ConceptState.NOT_ASSESSABLE, "reason": concept.not_assessable}
    elif space is None:
        update = {"reason": "there is no foundation model that could see it", "would_verify": WOULD_VERIFY}
    elif name not in space.probes:
        update = {"reason": space.without_probe.get(name, "nothing gives it a probe"), "would_verify": WOULD_VERIFY}
    else:
        update = _measure(name, concept, spec, samples, space)
    return finding.model_copy(update=update)


def _measure(name: str, concept: Concept, spec: AuditSpec, samples: Samples, space: SemanticSpace) -> dict[str, object]:
    probe, labelled = space.probes[name], space.labelled(concept.flag, samples)
    found: dict[str, object] = {
        "paraphrase_agreement": paraphrase_agreement(probe, space),
        "probe": probe.source,
    }
    estimate, source = observe(name, concept, samples, space, confidence=0.95, sided="one")
    if estimate is None:
        return found | _without_measurement(concept)
    rivals = _rivals(name, spec, probe, space, labelled) if source == "column" and labelled is not None else ()
    own = estimate.value
    best = rivals[0].auroc.value if rivals else None
    specific = None if best is None or own is None else own > best
    state, reason = _state(estimate, specific, rivals, spec.examine.observability_limit)
    if state is not ConceptState.OBSERVABLE and concept.assume_observable is not None:
        state, source, reason = _assumed(concept, reason)
    return found | {
        "auroc": estimate,
        "source": source,
        "measured_on": labelled.name if source == "column" and labelled is not None else None,
        "rivals": rivals,
        "specific": specific,
        "state": state,
        "reason": reason,
        "would_verify": _would_verify(state, source, concept.flag, labelled),
    }


def _would_verify(state: ConceptState, source: str, flag: str | None, labelled: LabelledImages | None) -> str:
    """What is missing; where labels leave the interval too wide that is more of them, and no further source."""
    if state is ConceptState.OBSERVABLE:
        return ""
    if state is not ConceptState.UNVERIFIED or source != "column" or labelled is None or flag is None:
        return WOULD_VERIFY
    flags, units = labelled.samples.columns[flag], labelled.samples.units
    n_with, n_without = (np.unique(units[side]).size for side in (flags > 0.5, flags <= 0.5))
    return (
        f"more labelled images (now {n_with} units with it and {n_without} without): the fewer of the two decide how "
        "wide the interval is"
    )


def observe(
    name: str, concept: Concept, samples: Samples, space: SemanticSpace, *, confidence: float, sided: Sided
) -> tuple[Estimate | None, str]:
    """AUROC of the concept's probe, by the best source there is: a column, example images, or insertion.

    Returns
    -------
    tuple of Estimate or None, and str
        None and "none" where nothing labels the concept.
    """
    probe, labelled = space.probes[name], space.labelled(concept.flag, samples)
    if labelled is not None and concept.flag is not None:
        scores = image_scores(probe, space, labelled)
        return _by_column(scores, labelled.samples, concept.flag, confidence, sided), "column"
    scores = image_scores(probe, space)
    if probe.example_scores.size:
        return _against(probe.example_scores, scores, samples.units, confidence, sided), "images"
    if name in space.inserted:
        without, inserted = (probe.scores(rows, space.null) for rows in space.inserted[name])
        return _against(inserted, without, np.arange(without.size), confidence, sided, paired=True), "insertion"
    return None, "none"


def _by_column(scores: Floats, samples: Samples, column: str, confidence: float, sided: Sided) -> Estimate:
    flags = samples.columns[column]
    known = ~np.isnan(flags) & ~np.isnan(scores)
    return auroc(
        scores[known],
        flags[known] > 0.5,
        samples.units[known],
        strata=samples.strata_for(column)[known],
        confidence=confidence,
        sided=sided,
    )


def _against(
    positives: Floats, negatives: Floats, units: np.ndarray, confidence: float, sided: Sided, *, paired: bool = False
) -> Estimate:
    own_units = units if paired else np.arange(positives.size) + units.max(initial=0) + 1
    truth = np.repeat([True, False], [positives.size, negatives.size])
    scores = np.concatenate([positives, negatives])
    return auroc(scores, truth, np.concatenate([own_units, units]), confidence=confidence, sided=sided)


def _rivals(
    name: str, spec: AuditSpec, probe: Probe, space: SemanticSpace, images: LabelledImages
) -> tuple[RivalFlag, ...]:
    """Other flags of the same images that the probe sees best."""
    samples, scores = images.samples, image_scores(probe, space, images)
    own = spec.concepts[name].flag
    flags = {concept.flag for concept in spec.concepts.values() if concept.flag in samples.columns} - {own}
    rivals = [RivalFlag(column=str(flag), auroc=_by_column(scores, samples, str(flag), 0.95, "two")) for flag in flags]
    measured = [rival for rival in rivals if rival.auroc.value is not None]
    ranked = sorted(measured, key=lambda rival: (-(rival.auroc.value or 0.0), rival.column))
    return tuple(ranked[:N_RIVALS])


def _state(
    estimate: Estimate, specific: bool | None, rivals: tuple[RivalFlag, ...], limit: float
) -> tuple[ConceptState, str]:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return ConceptState.UNVERIFIED, estimate.note or "too few labelled images"
    if estimate.high <= limit:
        return ConceptState.NOT_OBSERVABLE, f"the AUROC's upper bound {estimate.high:.2f} is not above {limit:g}"
    if estimate.low <= limit:
        return (
            ConceptState.UNVERIFIED,
            f"the AUROC's interval {estimate.low:.2f} to {estimate.high:.2f} crosses {limit:g}",
        )
    if specific is False:
        rival = rivals[0]
        return (
            ConceptState.NOT_OBSERVABLE,
            f"its probe sees '{rival.column}' at {rival.auroc.value:.2f}, at least as well as its own flag",
        )
    return ConceptState.OBSERVABLE, f"the AUROC's lower bound {estimate.low:.2f} is above {limit:g}"


def _without_measurement(concept: Concept) -> dict[str, object]:
    if concept.assume_observable is not None:
        state, source, reason = _assumed(concept, "nothing in the data measures it")
        return {"state": state, "source": source, "reason": reason}
    return {
        "reason": "no labelled column, no example images and no insertion show that the foundation model can see it",
        "would_verify": WOULD_VERIFY,
    }


def _assumed(concept: Concept, because: str) -> tuple[ConceptState, str, str]:
    assumption = concept.assume_observable
    assert assumption is not None  # the callers have looked
    reason = f"{because}; assumed by {assumption.owner}: {assumption.reason}"
    return ConceptState.OBSERVABLE, "assumption", reason


def paraphrase_agreement(probe: Probe, space: SemanticSpace) -> float | None:
    """Lowest rank correlation over the images between the scores of two paraphrases; a warning sign when low."""
    if len(probe.paraphrases) < 2:
        return None
    scores = np.stack([alignment_scores(space.image_embeddings, row, space.null) for row in probe.paraphrases])
    if np.any(np.ptp(scores, axis=1) == 0):
        return None
    ranks = spearmanr(scores, axis=1).statistic
    matrix = np.atleast_2d(ranks) if np.ndim(ranks) else np.array([[1.0, ranks], [ranks, 1.0]])
    return float(matrix.min())


def _prevalence(concept: Concept, samples: Samples, classes: tuple[str, ...]) -> dict[str, Estimate]:
    if concept.flag is None or concept.flag not in samples.columns or len(classes) > 20:
        return {}
    flags = samples.columns[concept.flag]
    known = ~np.isnan(flags)
    return {
        name: rate(
            flags[known & (samples.labels == index)] > 0.5,
            samples.units[known & (samples.labels == index)],
            confidence=0.95,
            sided="two",
        )
        for index, name in enumerate(classes)
    }
