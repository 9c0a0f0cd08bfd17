"""How much of an artefact's effect runs through components: mediation, not ablation (method.md, decision rule 11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from auditlens.findings.ablation_groups import alike
from auditlens.findings.response import shown_by
from auditlens.findings.selection import mean_magnitude
from auditlens.findings.statistics import mean_effect, ratio_of_means
from auditlens.spec.model import AuditSpec
from auditlens.stages.estimate import Estimate, Sided
from auditlens.stages.evidence import Bools, Evidence, Floats
from auditlens.stages.findings import ConceptFinding, Confrontation
from auditlens.stages.mediation import MediatedSet, MediationFinding, MediationGroup, Mediations
from auditlens.stages.plan import AuditPlan

MARGIN, PROBABILITY = 0, 1
UNCLEAR = "the total effect is not clear of zero, so it has no share"
OFF = "mediation was not measured: `challenge.mediation_images` is 0, or no layer of the model can be examined"


@dataclass(frozen=True, slots=True)
class Paired:
    """What one group does on the trials that estimate it, on one scale: (trials,) each.

    Attributes
    ----------
    total : Floats
        f(x_art) - f(x_clean).
    mediated : Floats
        f(x_art) - f(x_art with the group at its clean values): what is gone of it.
    """

    total: Floats
    mediated: Floats


def mediation_findings(
    spec: AuditSpec, plan: AuditPlan, evidence: Evidence, concepts: Mapping[str, ConceptFinding]
) -> tuple[MediationFinding, ...]:
    """Judge every artefact and class; nothing where mediation was not measured."""
    return tuple(
        _finding(spec, plan, evidence, concepts, found, class_name)
        for found in evidence.mediations.values()
        for class_name in plan.audited_classes
        if class_name in found.clean
    )


def mediated_share(
    evidence: Evidence, found: Mediations, place: int, scale: int = MARGIN, *, confidence: float, sided: Sided
) -> Estimate:
    """Share of the effect that runs through one group: a ratio of means over units and instances, unbounded in range.

    Without a value where the total effect is not clear of zero, over all trials (95 %) and over those of the group (at
    this level): then it has no share.
    """
    paired, keep = _paired(found, place, scale), found.used[place]
    share = _ratio(evidence, found, keep, paired.mediated, paired.total, confidence=confidence, sided=sided)
    if share.value is None or _clear(total_effect(evidence, found, found.groups[place].class_name)):
        return share
    return share.model_copy(update={"value": None, "low": None, "high": None, "note": UNCLEAR})


def total_effect(evidence: Evidence, found: Mediations, class_name: str) -> Estimate:
    """Mean change of the margin over all trials, in log-odds."""
    change = found.inserted[class_name][MARGIN].astype(np.float64) - found.clean[class_name][MARGIN]
    return mean_effect(change, evidence.samples.units[found.image_indices], found.instances, n_draws=0)


def _clear(estimate: Estimate) -> bool:
    return estimate.low is not None and estimate.high is not None and (estimate.low > 0 or estimate.high < 0)


def labelled_place(found: Mediations, class_name: str) -> int | None:
    """Where the set with the artefact's own label stands among the groups; None where no component carries it."""
    return next((place for place in _places(found, class_name) if found.groups[place].kind == "labelled"), None)


def _places(found: Mediations, class_name: str) -> list[int]:
    return [
        place for place, group in enumerate(found.groups) if group.class_name == class_name and not group.is_control
    ]


def _paired(found: Mediations, place: int, scale: int) -> Paired:
    keep, class_name = found.used[place], found.groups[place].class_name
    clean, inserted, patched = (
        values[scale, keep].astype(np.float64)
        for values in (found.clean[class_name], found.inserted[class_name], found.patched[place])
    )
    return Paired(inserted - clean, inserted - patched)


def _ratio(
    evidence: Evidence,
    found: Mediations,
    keep: Bools,
    above: Floats,
    below: Floats,
    *,
    confidence: float = 0.95,
    sided: Sided = "two",
) -> Estimate:
    units, instances = evidence.samples.units[found.image_indices[keep]], found.instances[keep]
    ratio = ratio_of_means(above, below, units, instances, confidence=confidence, sided=sided)
    if ratio.value is not None and ratio.low is None:
        return ratio.model_copy(update={"value": None, "note": UNCLEAR if ratio.n_units > 1 else ratio.note})
    return ratio.model_copy(update={"note": UNCLEAR}) if ratio.value is None and len(above) else ratio


def _finding(
    spec: AuditSpec,
    plan: AuditPlan,
    evidence: Evidence,
    concepts: Mapping[str, ConceptFinding],
    found: Mediations,
    class_name: str,
) -> MediationFinding:
    finding = MediationFinding(
        artefact=found.artefact,
        class_name=class_name,
        layer=found.layer,
        concepts=shown_by(spec, found.artefact, concepts),
        n_trials=len(found.image_indices),
        total=total_effect(evidence, found, class_name),
        sets=tuple(_set(plan, evidence, found, place) for place in _places(found, class_name)),
        sentence="",
    )
    return finding.model_copy(update={"sentence": sentence(finding)})


def _set(plan: AuditPlan, evidence: Evidence, found: Mediations, place: int) -> MediatedSet:
    group, keep = found.groups[place], found.used[place]
    share, probability = (
        mediated_share(evidence, found, place, scale, confidence=0.95, sided="two") for scale in (MARGIN, PROBABILITY)
    )
    magnitude = mean_magnitude(evidence.relevance[found.layer, group.class_name].relevance)
    own = float(magnitude[list(group.components)].sum())
    return MediatedSet(
        kind=group.kind,
        components=tuple(plan.model.component_id(found.layer, component) for component in group.components),
        relevance_share=own,
        n_trials=int(keep.sum()),
        n_left_out=int((~keep).sum()),
        share=share,
        probability=probability,
        **_against_controls(evidence, found, place, magnitude, own),
    )


def _against_controls(
    evidence: Evidence, found: Mediations, place: int, magnitude: Floats, own: float
) -> dict[str, Any]:
    group, keep = found.groups[place], found.used[place]
    controls = [other for other, it in enumerate(found.groups) if it.is_control and _same(it, group)]
    if not controls or not _clear(total_effect(evidence, found, group.class_name)):
        return {}
    paired = _paired(found, place, MARGIN)
    random = np.mean([_paired(found, other, MARGIN).mediated for other in controls], axis=0)
    relevance = float(np.mean([magnitude[list(found.groups[other].components)].sum() for other in controls]))
    return {
        "controls": _ratio(evidence, found, keep, random, paired.total),
        "beyond_controls": _ratio(evidence, found, keep, paired.mediated - random, paired.total),
        "n_controls": len(controls),
        "control_relevance": relevance,
        "matched": alike(relevance, own),
    }


def _same(one: MediationGroup, other: MediationGroup) -> bool:
    return (one.kind, one.class_name) == (other.kind, other.class_name)


def sentence(row: MediationFinding) -> str:
    """Say how much of the effect runs through the labelled components, as it stands beside the two lines."""
    name = row.artefact.replace("_", " ")
    labelled = next((found for found in row.sets if found.kind == "labelled"), None)
    if labelled is None:
        return ""
    if labelled.share.value is None:
        return f"How much of the effect runs through the components labelled so is not told: {labelled.share.note}."
    text = (
        f"Of the change of the margin with {name}, {_percent(labelled.share)} runs through "
        f"{_components(len(labelled.components))} labelled so"
    )
    controls, past = labelled.controls, _runs_past(labelled.share)
    if controls is None or controls.value is None:
        return f"{text}.{past}"
    return f"{text}, {100 * controls.value:.0f} % through as many random ones {_like(labelled)}.{past}"


def _runs_past(share: Estimate) -> str:
    """Say where the effect is as large, or larger, with the labelled components at their clean values."""
    if share.high is None or share.high > 0:
        return ""
    return " So the effect does not run through them, although they are labelled so."


def _like(found: MediatedSet) -> str:
    """How well the random ones match; with more relevance than the set they are the harder comparison."""
    if found.matched or found.control_relevance is None:
        return "of like relevance"
    return f"(with {100 * found.control_relevance:.0f} % of the relevance, against {100 * found.relevance_share:.0f} %)"


def _percent(share: Estimate) -> str:
    low, high = share.low, share.high
    span = "" if low is None or high is None else f" (95 %: {100 * low:.0f} to {100 * high:.0f} %)"
    return f"{100 * (share.value or 0.0):.0f} %{span}"


def _components(n: int) -> str:
    return "the one component" if n == 1 else f"the {n} components"


def with_mediations(lines: tuple[Confrontation, ...], found: Sequence[MediationFinding]) -> tuple[Confrontation, ...]:
    """Join how much runs through the labelled components to the lines that confront inside and behaviour."""
    sentences = {(row.artefact, row.class_name): row.sentence for row in found}
    return tuple(
        line.model_copy(update={"mediation": sentences.get((line.artefact or "", line.class_name), "")})
        for line in lines
    )
