"""Shares of relevance image by image: what a run folder keeps, and how two models' are compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from auditlens.findings.inside_metrics import SPURIOUS
from auditlens.findings.labels import Labels
from auditlens.findings.statistics import mean_share
from auditlens.stages.answers import Numbers, RelevanceAnswers
from auditlens.stages.estimate import Estimate, Sided
from auditlens.stages.evidence import Evidence
from auditlens.stages.findings import ConceptFinding
from auditlens.stages.states import ComponentState, ConceptState

SHARES: Final = {
    "spurious_relevance_share": SPURIOUS,
    "unexpected_relevance_share": (ComponentState.UNEXPECTED, ComponentState.UNVERIFIED),
}
"""Metrics that add up relevance over the components in some states."""


def seen_concepts(concepts: Mapping[str, ConceptFinding], class_name: str, role: str) -> list[str]:
    """Concepts of a role for a class that the foundation model is shown to see."""
    return [
        name
        for name, finding in concepts.items()
        if finding.state is ConceptState.OBSERVABLE and finding.role.get(class_name) == role
    ]


def relevance_answers(
    evidence: Evidence, labels: Mapping[tuple[str, str], Labels], concepts: Mapping[str, ConceptFinding]
) -> dict[tuple[str, str], RelevanceAnswers]:
    """Collect each image's shares by layer and class, as the gates read them.

    Parameters
    ----------
    evidence : Evidence
    labels : mapping of (layer, class name) to Labels
    concepts : mapping of concept to ConceptFinding
        Without a spurious concept that is seen there is no spurious share.
    """
    images = np.array(evidence.samples.ids, dtype=np.str_)
    order = np.argsort(images, kind="stable")
    found = {}
    for place, relevance in evidence.relevance.items():
        metrics = [
            metric
            for metric in SHARES
            if metric != "spurious_relevance_share" or seen_concepts(concepts, place[1], "spurious")
        ]
        magnitude = np.abs(relevance.relevance[order])
        found[place] = RelevanceAnswers(
            *(*place, relevance.attributor, images[order], evidence.samples.units[order].astype(np.int64)),
            shares={metric: _share(magnitude, labels[place].where(*SHARES[metric])) for metric in metrics},
        )
    return found


def _share(magnitude: np.ndarray, components: list[int]) -> Numbers:
    return np.asarray(magnitude[:, components].sum(axis=1), dtype=np.float64)


def why_no_pairs(first: RelevanceAnswers, other: RelevanceAnswers, metric: str) -> str:
    """Say why two models' shares are not compared image by image; empty where they are."""
    if first.attributor != other.attributor:
        return f"relevance was attributed otherwise: by {first.attributor}, and now by {other.attributor}"
    if not np.array_equal(first.images, other.images) or not np.array_equal(first.units, other.units):
        return "the two audits saw other images or units, so nothing is paired"
    if metric not in first.shares or metric not in other.shares:
        return "the foundation model is not shown to see any spurious concept in both audits"
    return ""


def share_difference(
    metric: str, first: RelevanceAnswers, other: RelevanceAnswers, *, confidence: float, sided: Sided
) -> Estimate:
    """Mean over the images of other's share minus first's, -1 to 1; clustered by unit.

    Each model's own components add up to its share of an image; components and labels are held as they were found.
    """
    change = other.shares[metric] - first.shares[metric]
    return mean_share(change[:, None], first.units, bounds=(-1.0, 1.0), confidence=confidence, sided=sided)[0]


def of_layer(
    answers: Mapping[tuple[str, str], RelevanceAnswers], layer: str | None, class_name: str
) -> RelevanceAnswers | None:
    """Rows of a layer, or of the last one; None where there are none."""
    if layer is not None:
        return answers.get((layer, class_name))
    own = [found for (_, name), found in answers.items() if name == class_name]
    return own[-1] if own else None
