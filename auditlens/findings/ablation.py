"""What silencing components does to a class: the inside checked by behaviour (method.md, definition 10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special, stats

from auditlens.findings.decision import OperatingPoint
from auditlens.findings.statistics import mean_share
from auditlens.spec.model import is_multi_label
from auditlens.stages.ablation import AblationAgreement, AblationFinding, AblationGroup, Ablations
from auditlens.stages.estimate import Estimate
from auditlens.stages.evidence import Bools, Evidence, Floats, Ints
from auditlens.stages.plan import AuditPlan

FEWEST_RANKED = 8
"""Components below which a rank correlation says nothing."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What each group does to one class, image by image: arrays (groups, images)."""

    margin: Floats
    probability: Floats
    right: Floats
    """Change of being right: -1, 0 or 1."""
    decided: Floats
    """One where the decision differs."""


ByPlace = Mapping[tuple[str, str], Changes]
"""Changes by layer and class."""


def ablation_changes(plan: AuditPlan, evidence: Evidence) -> dict[tuple[str, str], Changes]:
    """What every group does to every audited class: what findings and agreements are made of."""
    return {
        (layer, class_name): _changes(plan, evidence, ablations, class_name)
        for layer, ablations in evidence.ablations.items()
        for class_name in plan.audited_classes
    }


def ablation_findings(evidence: Evidence, changes: ByPlace) -> tuple[AblationFinding, ...]:
    """Judge every group for the class whose labels made it, single components for every audited class."""
    return tuple(
        finding
        for (layer, class_name), found in changes.items()
        for finding in _of_class(evidence, evidence.ablations[layer], class_name, found)
    )


def ablation_agreements(evidence: Evidence, changes: ByPlace) -> tuple[AblationAgreement, ...]:
    """Rank correlation of relevance with single-component ablation, per layer and class."""
    return tuple(
        _agreement(evidence, evidence.ablations[layer], class_name, found)
        for (layer, class_name), found in changes.items()
    )


def _of_class(evidence: Evidence, ablations: Ablations, class_name: str, changes: Changes) -> list[AblationFinding]:
    units = evidence.samples.units[ablations.image_indices]
    listed = [
        (place, group)
        for place, group in enumerate(ablations.groups)
        if group.kind != "random" and group.class_name in ("", class_name)
    ]
    places = [place for place, _ in listed]
    margin = mean_share(changes.margin[places].T, units, bounds=None)
    probability = mean_share(changes.probability[places].T, units, bounds=(-1, 1))
    accuracy = mean_share(changes.right[places].T, units, bounds=(-1, 1))
    decisions = mean_share(changes.decided[places].T, units)
    relevance = np.abs(evidence.relevance[ablations.layer, class_name].relevance)
    return [
        AblationFinding(
            class_name=class_name,
            layer=ablations.layer,
            kind=group.kind,
            name=group.name,
            n_components=len(group.components),
            relevance_share=float(relevance[:, list(group.components)].sum(axis=1).mean()),
            margin=margin[row],
            probability=probability[row],
            accuracy=accuracy[row],
            decisions=decisions[row],
            **_against_random(np.abs(changes.margin), units, place, _random_places(ablations, group, class_name)),
        )
        for row, (place, group) in enumerate(listed)
    ]


def _against_random(size: Floats, units: Ints, place: int, random: list[int]) -> dict[str, Any]:
    """Absolute change of one group, beside that of its random groups; `size` is (groups, images)."""
    own = {"magnitude": float(size[place].mean()), "n_random": len(random)}
    if not random:
        return own
    control = size[random].mean(axis=0)
    beyond = mean_share((size[place] - control)[:, None], units, bounds=None)[0]
    return own | {"random_magnitude": float(control.mean()), "beyond_random": beyond}


def _random_places(ablations: Ablations, group: AblationGroup, class_name: str) -> list[int]:
    wanted = ("random", f"{group.kind}:{group.name}", class_name)
    return [
        place for place, other in enumerate(ablations.groups) if (other.kind, other.name, other.class_name) == wanted
    ]


def _changes(plan: AuditPlan, evidence: Evidence, ablations: Ablations, class_name: str) -> Changes:
    point = OperatingPoint.of(plan.model)
    class_index = plan.model.classes.index(class_name)
    truth = evidence.samples.labels[ablations.image_indices]

    def margins(logits: Floats) -> Floats:
        return point.margin(logits, class_index)

    def decided(logits: Floats) -> Ints:
        return point.reported(probabilities_of(plan, logits), class_index)

    def right(logits: Floats) -> Bools:
        own = decided(logits)
        same = (own == class_index) == (truth == class_index) if point.independent else own == truth
        return np.asarray(same)

    clean = ablations.clean
    chance = probabilities_of(plan, clean)[:, class_index]
    return Changes(
        margin=np.stack([margins(logits) - margins(clean) for logits in ablations.logits]),
        probability=np.stack([probabilities_of(plan, logits)[:, class_index] - chance for logits in ablations.logits]),
        right=np.stack([right(logits).astype(float) - right(clean) for logits in ablations.logits]),
        decided=np.stack([(decided(logits) != decided(clean)).astype(float) for logits in ablations.logits]),
    )


def probabilities_of(plan: AuditPlan, logits: Floats) -> Floats:
    """Probabilities of logits, (rows, classes), by what the model's output means."""
    values = logits.astype(np.float64)
    return np.asarray(special.expit(values) if is_multi_label(plan.model.output) else special.softmax(values, axis=1))


def _agreement(evidence: Evidence, ablations: Ablations, class_name: str, changes: Changes) -> AblationAgreement:
    places = [place for place, group in enumerate(ablations.groups) if group.kind == "component"]
    members = [ablations.groups[place].components[0] for place in places]
    relevance = evidence.relevance[ablations.layer, class_name].relevance[ablations.image_indices][:, members]
    done = np.abs(changes.margin[places]).mean(axis=1)
    return AblationAgreement(
        layer=ablations.layer,
        class_name=class_name,
        n_components=len(places),
        n_images=len(ablations.image_indices),
        rank_correlation=rank_correlation(np.abs(relevance).mean(axis=0), done),
    )


def rank_correlation(first: Floats, second: Floats) -> Estimate:
    """Spearman's rank correlation over components, with the Fisher interval of Bonett and Wright (2000).

    Components are taken as independent, which they are not quite: the interval describes.
    """
    n = len(first)
    common = {"confidence": 0.95, "n": n, "n_units": n, "method": "Spearman, Fisher interval after Bonett and Wright"}
    if n < FEWEST_RANKED or np.ptp(first) == 0 or np.ptp(second) == 0:
        return Estimate(value=None, note=f"fewer than {FEWEST_RANKED} components, or no variation", **common)
    rho = float(stats.spearmanr(first, second).statistic)
    reach = special.ndtri(0.975) * np.sqrt((1 + rho**2 / 2) / (n - 3))
    middle = np.arctanh(np.clip(rho, -1 + 1e-9, 1 - 1e-9))
    low, high = np.tanh([middle - reach, middle + reach])
    return Estimate(value=rho, low=float(min(low, rho)), high=float(max(high, rho)), **common)
