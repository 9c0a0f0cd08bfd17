"""The best and the worst possible outcome of a gate, put through the statistics of the run itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from auditlens.findings.inside_metrics import coverage, weighted_score
from auditlens.findings.labels import Labels
from auditlens.findings.statistics import (
    auroc,
    auroc_difference,
    mean_effect,
    mean_share,
    rate,
    rate_difference,
    ratio_of_means,
)
from auditlens.preview.basis import Basis
from auditlens.stages.evidence import Floats, LayerRelevance
from auditlens.stages.findings import Estimate
from auditlens.stages.plan import PlannedGate
from auditlens.stages.states import ComponentState


@dataclass(frozen=True, slots=True)
class Extremes:
    """Estimates of the best and of the worst possible outcome."""

    best: Estimate
    worst: Estimate


Maker = Callable[[PlannedGate, Basis], Extremes]


def extremes_of(gate: PlannedGate, basis: Basis | None) -> Extremes | None:
    """Estimate the best and the worst outcome; None for gates that rest on no number of images."""
    make = maker_of(gate)
    return None if make is None or basis is None else make(gate, basis)


def maker_of(gate: PlannedGate) -> Maker | None:
    """What estimates a gate's extremes: of its value, or of the difference to a baseline."""
    return (EXTREMES if gate.against is None else AGAINST).get(gate.metric)


def _rates(gate: PlannedGate, basis: Basis) -> Extremes:
    """No flip and only flips; for a limit from below, all right and all wrong."""
    none, every = (np.full(len(basis.rows), value) for value in (0.0, 1.0))
    first, last = (every, none) if gate.relation == ">=" else (none, every)
    return Extremes(*(rate(x, basis.units, confidence=gate.confidence, sided="one") for x in (first, last)))


def _differences(gate: PlannedGate, basis: Basis) -> Extremes:
    none, every = (np.full(len(basis.rows), value) for value in (0.0, 1.0))
    best, worst = (
        rate_difference(x, none, basis.units, confidence=gate.confidence, sided="one") for x in (none, every)
    )
    return Extremes(best, worst)


def _means(gate: PlannedGate, basis: Basis) -> Extremes:
    best, worst = {">=": (1.0, -1.0)}.get(gate.relation, (0.0, 1.0))
    bounds = (-2.0, 2.0) if gate.metric == "effect_minus_sham" else (-1.0, 1.0)
    return Extremes(
        *(
            mean_effect(
                np.full(len(basis.rows), value),
                basis.units,
                n_draws=0,
                bounds=bounds,
                confidence=gate.confidence,
                sided="one",
            )
            for value in (best, worst)
        )
    )


def _shares(gate: PlannedGate, basis: Basis) -> Extremes:
    found = mean_share(
        np.column_stack([np.zeros(len(basis.rows)), np.ones(len(basis.rows))]),
        basis.units,
        confidence=gate.confidence,
        sided="one",
    )
    return Extremes(found[0], found[1])


def _ranks(gate: PlannedGate, basis: Basis) -> Extremes:
    sides = basis.positives if basis.positives is not None else np.zeros(len(basis.rows), dtype=bool)
    right, wrong = (
        auroc(scores, sides, basis.units, confidence=gate.confidence, sided="one")
        for scores in (sides.astype(float), -sides.astype(float))
    )
    return Extremes(right, wrong) if gate.relation == ">=" else Extremes(wrong, right)


def _drops(gate: PlannedGate, basis: Basis) -> Extremes:
    sides = basis.positives if basis.positives is not None else np.zeros(len(basis.rows), dtype=bool)
    right, wrong = sides.astype(float), -sides.astype(float)
    best, worst = (
        auroc_difference(right, after, sides, basis.units, confidence=gate.confidence, sided="one")
        for after in (right, wrong)
    )
    return Extremes(best, worst)


def _mediated(gate: PlannedGate, basis: Basis) -> Extremes:
    """Nothing of an effect that is clear of zero runs through the components; all of it, or more than is allowed."""
    effect = np.ones(len(basis.rows))
    none, every = (
        ratio_of_means(share * effect, effect, basis.units, confidence=gate.confidence, sided="one")
        for share in (0.0, max(1.0, 2 * gate.bound))
    )
    return Extremes(none, every)


def _covered(gate: PlannedGate, basis: Basis) -> Extremes:
    """Every group that can have a component at the relevance floor has one on all images; none has."""
    layer = basis.layer
    groups = () if layer is None else layer.coverable
    relevance = LayerRelevance("", gate.class_name, "none", _shared(len(basis.rows), max(len(groups), 1)))
    found = []
    for labels in (Labels((ComponentState.VALID,) * len(groups), groups), Labels((), ())):
        floor = 0.0 if layer is None else layer.floor
        named = dict(zip(groups, groups, strict=True)) or {"": ""}
        found.append(coverage(relevance, labels, named, floor, basis.units, confidence=gate.confidence))
    return Extremes(*found)


def _shared(n_images: int, n_components: int) -> Floats:
    """Relevance that is spread evenly, on every image."""
    return np.full((n_images, n_components), 1 / n_components)


def _weighted(gate: PlannedGate, basis: Basis) -> Extremes:
    """Every relevant component has the best, or the worst, score that there is."""
    n_examples = 2 if basis.layer is None else max(basis.layer.n_examples, 2)
    low, high = {
        "clarity": (-1 / (n_examples - 1), 1.0),
        "alignment_margin": (-2.0, 2.0),
        "redundancy": (-1.0, 1.0),
        "polysemanticity": (0.0, 2.0),
    }[gate.metric]
    relevance = LayerRelevance("", gate.class_name, "none", _shared(len(basis.rows), 1))
    found = []
    for score in (high, low) if gate.relation == ">=" else (low, high):
        asked = np.zeros(1, dtype=np.int64), np.array([score]), basis.units
        scored = weighted_score(relevance, *asked, confidence=gate.confidence)
        found.append(scored or Estimate(value=None, confidence=gate.confidence, sided="one", note="no observations"))
    return Extremes(*found)


EXTREMES: Final[Mapping[str, Maker]] = {
    "sensitivity": _rates,
    "specificity": _rates,
    "decision_flips": _rates,
    "decision_flips_beyond_sham": _differences,
    "artefact_effect": _means,
    "effect_minus_sham": _means,
    "spurious_relevance_share": _shares,
    "unexpected_relevance_share": _shares,
    "unread_relevance_share": _shares,
    "strongest_spurious_component": _shares,
    "flip_rate": _rates,
    "accuracy_drop": _differences,
    "auroc": _ranks,
    "observability": _ranks,
    "lesion_erased_auroc": _ranks,
    "separability": _ranks,
    "separability_drop": _drops,
    "separability_drop_beyond_sham": _drops,
    "mediated_share": _mediated,
    "valid_coverage": _covered,
    "alignment_margin": _weighted,
    "clarity": _weighted,
    "redundancy": _weighted,
    "polysemanticity": _weighted,
}
"""By metric: every one of `METRIC_RULES`."""
AGAINST: Final[Mapping[str, Maker]] = {
    **dict.fromkeys(("sensitivity", "specificity", "decision_flips", "decision_flips_beyond_sham"), _differences),
    **dict.fromkeys(("flip_rate", "accuracy_drop"), _differences),
    **dict.fromkeys(("artefact_effect", "effect_minus_sham"), _means),
    **dict.fromkeys(("auroc", "lesion_erased_auroc"), _drops),
    **dict.fromkeys(("separability", "separability_drop", "separability_drop_beyond_sham"), _drops),
    **dict.fromkeys(("spurious_relevance_share", "unexpected_relevance_share"), _shares),
}
"""Of gates on the difference to a baseline: how much worse this model is, at best not at all; all of `PAIRED`."""
