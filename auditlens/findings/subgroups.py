"""Every result by subgroup: how well the model does there, and what artefacts do there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace

import numpy as np

from auditlens.findings.artefacts import BOUNDS, Trials, directions, effect_values, flip_estimate
from auditlens.findings.decision import OperatingPoint
from auditlens.findings.performance import clean_metric
from auditlens.findings.statistics import holm_confidences
from auditlens.findings.statistics.contrasts import difference_within
from auditlens.findings.statistics.many import Means, mean_effects
from auditlens.stages.evidence import ArtefactTrials, Bools, Evidence, Predictions, Samples
from auditlens.stages.findings import Estimate, Flip
from auditlens.stages.plan import AuditPlan
from auditlens.stages.subgroups import (
    PlannedStrata,
    Stratum,
    SubgroupEffect,
    SubgroupFindings,
    SubgroupPerformance,
    SubgroupSummary,
)

SMALLEST_DIFFERENCE = 0.01
"""Difference of two mean changes of probability under which a subgroup is not said to stand out."""


def members(samples: Samples, within: Mapping[str, str]) -> Bools:
    """Whether an image is in a subgroup, (images,); all are in the empty one."""
    found = np.ones(len(samples.ids), dtype=bool)
    for column, value in within.items():
        found &= samples.partitions[column].holds(value)
    return found


def comparable(samples: Samples, stratum: Stratum, classes: tuple[str, ...]) -> Bools:
    """Images that a subgroup is a part of: all columns filled, and of its true class, (images,)."""
    found = np.ones(len(samples.ids), dtype=bool)
    for column in stratum.within:
        found &= samples.partitions[column].codes >= 0
    if stratum.true_class is not None:
        found &= samples.labels == classes.index(stratum.true_class)
    return found


def trials_of(trials: Trials, images: Bools) -> Trials:
    """The trials in some of the images, (images,)."""
    rows = images[trials.rows]
    kept = {
        field.name: getattr(trials.raw, field.name)[rows]
        for field in fields(ArtefactTrials)
        if isinstance(getattr(trials.raw, field.name), np.ndarray)
    }
    return replace(trials, raw=replace(trials.raw, **kept))


def samples_of(samples: Samples, images: Bools) -> Samples:
    """Some of the images."""
    return Samples(
        ids=tuple(name for name, here in zip(samples.ids, images, strict=True) if here),
        labels=samples.labels[images],
        units=samples.units[images],
        columns={name: column[images] for name, column in samples.columns.items()},
        strata=samples.strata[images],
        strata_of={name: strata[images] for name, strata in samples.strata_of.items()},
        partitions={name: replace(row, codes=row.codes[images]) for name, row in samples.partitions.items()},
    )


def predictions_of(predictions: Predictions, images: Bools) -> Predictions:
    """What the model says of some of the images."""
    return Predictions(predictions.logits[images], predictions.probabilities[images])


def subgroup_findings(
    plan: AuditPlan, evidence: Evidence, point: OperatingPoint, trials: Mapping[str, Trials]
) -> SubgroupFindings | None:
    """All results by subgroup; None where the plan has no strata.

    The family that Holm's procedure allows for is that of the plan: every artefact, audited class and subgroup,
    whatever came out, and also those that could not be measured.
    """
    planned = plan.data.strata
    if planned is None:
        return None
    cases = [
        (found, class_name, row.stratum)
        for found in trials.values()
        for class_name in plan.audited_classes
        for row in planned.strata
    ]
    contrasts = [_contrast(*case) for case in cases]
    n_tested = len(plan.artefacts) * len(plan.audited_classes) * len(planned.strata)
    p_values = [1.0 if found is None else float(found.p_values()[0]) for found in contrasts]
    levels = holm_confidences(p_values + [1.0] * (n_tested - len(cases))) if n_tested else np.empty(0)
    effects = [
        _effect(*case, _at_level(found, float(level)), planned.min_units)
        for case, found, level in zip(cases, contrasts, levels, strict=False)
    ]
    kept = tuple(effect for effect in effects if effect is not None)
    return SubgroupFindings(
        min_units=planned.min_units,
        n_tested=n_tested,
        performance=_performance(planned, evidence, point),
        effects=kept,
        summaries=_summaries(kept, planned.min_units),
    )


def _performance(planned: PlannedStrata, evidence: Evidence, point: OperatingPoint) -> tuple[SubgroupPerformance, ...]:
    """Sensitivity and specificity by the values of each column; within a true class one of the two has no meaning."""
    rows = []
    for row in planned.strata:
        if row.stratum.true_class is not None:
            continue
        images = members(evidence.samples, row.stratum.within)
        samples, predictions = samples_of(evidence.samples, images), predictions_of(evidence.predictions, images)
        sensitivity, specificity = (
            with_few(clean_metric(name, samples, predictions, point, point.class_index), planned.min_units)
            for name in ("sensitivity", "specificity")
        )
        rows.append(
            SubgroupPerformance(
                stratum=row.stratum,
                n_images=row.n_images,
                n_units=row.n_units,
                sensitivity=sensitivity,
                specificity=specificity,
            )
        )
    return tuple(rows)


def with_few(estimate: Estimate, min_units: int) -> Estimate:
    """The estimate, with a note where it rests on fewer units than a gate could hold on."""
    if estimate.value is None or estimate.n_units >= min_units:
        return estimate
    note = f"too few units ({estimate.n_units} of {min_units})"
    others = [part for part in estimate.note.split("; ") if part and part != "few units"]
    return estimate.model_copy(update={"note": "; ".join([note, *others])})


def _contrast(trials: Trials, class_name: str, stratum: Stratum) -> Means | None:
    """Effect in a subgroup minus that in the images of the other values with the same true class."""
    images = comparable(trials.samples, stratum, trials.point.classes)
    part = trials_of(trials, images)
    raw, _, beyond = effect_values(part, part.point.classes.index(class_name), None, "probability")
    inside = members(trials.samples, stratum.within)[part.rows]
    values = raw if beyond is None else beyond
    return difference_within(values, inside, part.units, part.raw.instances, labels=part.labels)


def _at_level(found: Means | None, level: float) -> Estimate:
    if found is None:
        return Estimate(value=None, confidence=level, note="there is nothing to compare it with")
    return found.estimates(level)[0]


def _effect(
    trials: Trials, class_name: str, stratum: Stratum, contrast: Estimate, min_units: int
) -> SubgroupEffect | None:
    """What an artefact does in a subgroup; None where no trial lies in it."""
    images = comparable(trials.samples, stratum, trials.point.classes) & members(trials.samples, stratum.within)
    part = trials_of(trials, images)
    if not len(part.rows):
        return None
    values = effect_values(part, part.point.classes.index(class_name), None, "probability")
    raw, sham, beyond = (
        None if row is None else with_few(_mean(part, row, kind), min_units)
        for row, kind in zip(values, BOUNDS, strict=True)
    )
    assert raw is not None  # only the sham may be missing
    few = raw.n_units < min_units
    return SubgroupEffect(
        artefact=trials.raw.artefact,
        class_name=class_name,
        stratum=stratum,
        n_images=int(np.unique(part.rows).size),
        n_units=raw.n_units,
        n_instances=int(np.unique(part.raw.instances).size),
        few=few,
        raw=raw,
        sham=sham,
        beyond=beyond,
        flips=tuple(_flip(part, *sides, min_units) for sides in _directions(part, class_name, stratum)),
        contrast=contrast,
        stands_out=not few and _clear(contrast),
    )


def _mean(trials: Trials, values: np.ndarray, kind: str) -> Estimate:
    """Mean with the closed-form interval of `mean_effects`: a bootstrap for every cell would cost minutes."""
    found = mean_effects(values[:, None], trials.units, trials.raw.instances).estimates(0.95)[0]
    if found.low is None or found.high is None:
        return found
    low, high = BOUNDS[kind]
    return found.model_copy(update={"low": max(found.low, low), "high": min(found.high, high)})


def _directions(trials: Trials, class_name: str, stratum: Stratum) -> tuple[tuple[str, str], ...]:
    """Both directions; within a true class the one that leaves it."""
    both = directions(trials.point, class_name)
    if stratum.true_class is None:
        return both
    return tuple(sides for sides in both if (sides[0] == class_name) == (stratum.true_class == class_name))


def _flip(trials: Trials, source: str, target: str, min_units: int) -> Flip:
    def estimate(kind: str) -> Estimate:
        found = flip_estimate(trials, source, target, kind, confidence=0.95, sided="two")
        return with_few(found, min_units)

    return Flip(
        from_class=source,
        to_class=target,
        rate=estimate("raw"),
        sham=estimate("sham") if trials.has_sham else None,
        beyond=estimate("beyond") if trials.has_sham else None,
    )


def _clear(contrast: Estimate) -> bool:
    """Whether a difference is clear of zero at its level, and not negligible."""
    if contrast.value is None or contrast.low is None or contrast.high is None:
        return False
    return (contrast.low > 0 or contrast.high < 0) and abs(contrast.value) >= SMALLEST_DIFFERENCE


def _summaries(effects: tuple[SubgroupEffect, ...], min_units: int) -> tuple[SubgroupSummary, ...]:
    keys = dict.fromkeys((row.artefact, row.class_name) for row in effects)
    return tuple(_summary([row for row in effects if (row.artefact, row.class_name) == key], min_units) for key in keys)


def _summary(rows: list[SubgroupEffect], min_units: int) -> SubgroupSummary:
    enough = [row for row in rows if not row.few]
    worst = max(enough, key=lambda row: abs(row.effect.value or 0.0), default=None)
    out = tuple(row.stratum for row in enough if row.stands_out)
    return SubgroupSummary(
        artefact=rows[0].artefact,
        class_name=rows[0].class_name,
        worst=None if worst is None else worst.stratum,
        standing_out=out,
        sentence=_words(worst, len(rows) - len(enough), min_units),
    )


def _words(worst: SubgroupEffect | None, n_few: int, min_units: int) -> str:
    few = f" {n_few} with fewer than {min_units} units left aside." if n_few else ""
    if worst is None:
        return f"No subgroup has {min_units} units."
    effect, contrast = worst.effect, worst.contrast
    what = "Largest" if worst.beyond is None else "Largest beyond the sham"
    said = f"{what} in {worst.stratum.name}: {effect.value:+.3f}"
    if effect.low is not None and effect.high is not None:
        said += f" (95 %: {effect.low:+.3f} to {effect.high:+.3f})"
    if contrast.value is None or contrast.low is None or contrast.high is None:
        return f"{said}; there is nothing to compare it with.{few}"
    rest = f"{contrast.value:+.3f} against the other values within the same class"
    return f"{said}; {rest}, {_differs(contrast)} over all that were tested.{few}"


def _differs(contrast: Estimate) -> str:
    if _clear(contrast):
        return "clear of zero"
    clear = contrast.low is not None and contrast.high is not None and (contrast.low > 0 or contrast.high < 0)
    return f"clear of zero but under {SMALLEST_DIFFERENCE:g}" if clear else "not shown to differ"
