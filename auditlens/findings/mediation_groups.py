"""Which components are set to their clean values, on which trials, and which random ones stand beside them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from auditlens.findings.ablation_groups import matched_members
from auditlens.findings.labels import Labels
from auditlens.findings.response import responding_components, shown_by
from auditlens.findings.selection import mean_magnitude
from auditlens.spec.model import AuditSpec
from auditlens.stages.evidence import Bools, Evidence, Floats, Ints
from auditlens.stages.findings import ConceptFinding
from auditlens.stages.mediation import MediationGroup, MediatorKind
from auditlens.stages.plan import AuditPlan
from auditlens.stages.states import ComponentState

N_CONTROLS = 10
"""Random sets beside each set."""
NEAREST = 8
"""A random member is drawn from so many others of the nearest relevance."""

LARGEST_SHARE = 0.25
"""At most this share of a layer's components is called the responding set."""


@dataclass(frozen=True, slots=True)
class ChosenSet:
    """A set of components, and the images on whose units it was not chosen, (images,)."""

    kind: MediatorKind
    components: Ints
    free: Bools


def mediation_groups(
    spec: AuditSpec,
    plan: AuditPlan,
    evidence: Evidence,
    concepts: Mapping[str, ConceptFinding],
    labels: Mapping[tuple[str, str], Labels],
    artefact: str,
    layer: str,
    chooses: Bools,
) -> tuple[tuple[MediationGroup, ...], Bools]:
    """Sets of components of one layer with their controls, for every audited class.

    Parameters
    ----------
    labels : mapping of (layer, class) to Labels
    chooses : bool (images,)
        Images of the units whose responses choose a set; the others estimate it.

    Returns
    -------
    tuple of MediationGroup, and bool (groups, images)
        The second: images on which each group may be estimated.
    """
    groups: list[MediationGroup] = []
    free: list[Bools] = []
    for class_name in plan.audited_classes:
        if (layer, class_name) not in labels:
            continue
        magnitude = mean_magnitude(evidence.relevance[layer, class_name].relevance)
        own = labels[layer, class_name]
        for found in _sets(spec, evidence, concepts, own, artefact, layer, class_name, chooses):
            made = [MediationGroup(found.kind, class_name, tuple(found.components.tolist()))]
            made += _controls(made[0], magnitude, plan.seed, artefact)
            groups += made
            free += [found.free] * len(made)
    return tuple(groups), np.array(free, dtype=bool).reshape(len(groups), len(chooses))


def _sets(
    spec: AuditSpec,
    evidence: Evidence,
    concepts: Mapping[str, ConceptFinding],
    labels: Labels,
    artefact: str,
    layer: str,
    class_name: str,
    chooses: Bools,
) -> Iterator[ChosenSet]:
    shown = shown_by(spec, artefact, concepts)
    labelled = np.flatnonzero([label in shown for label in labels.labels])
    spurious = np.array(labels.where(ComponentState.SPURIOUS, ComponentState.BOTH), dtype=np.int64)
    responding = _responding(evidence, artefact, layer, class_name, chooses)
    n = spec.examine.n_examples
    found = (
        ChosenSet("labelled", labelled, _without_examples(evidence, layer, labelled, n)),
        ChosenSet("responding", responding, ~chooses),
        ChosenSet("spurious", spurious, _without_examples(evidence, layer, spurious, n)),
    )
    yield from (one for one in found if len(one.components))


def _without_examples(evidence: Evidence, layer: str, components: Ints, n_examples: int) -> Bools:
    """Images of units that gave none of these components a concept example: a label rests on its examples.

    All images, where the examples come from another set, which shares no unit with them.
    """
    if evidence.drawn_from is not None:
        return np.ones(len(evidence.samples.units), dtype=bool)
    rows = evidence.examples[layer].image_indices[components, :n_examples]
    return ~np.isin(evidence.samples.units, evidence.samples.units[rows[rows >= 0]])


def _responding(evidence: Evidence, artefact: str, layer: str, class_name: str, chooses: Bools) -> Ints:
    """Components that respond to the artefact beyond its sham, on the images that choose.

    Those under the relevance floor count too: what an artefact moves may matter little on images without it. Of many,
    the quarter of the layer that responds most: what nearly all components carry says nothing of any.
    """
    found = evidence.responses.get((artefact, layer))
    if found is None:
        return np.empty(0, dtype=np.int64)
    rows = np.flatnonzero(chooses[found.image_indices])
    if len(np.unique(evidence.samples.units[found.image_indices[rows]])) < 2:
        return np.empty(0, dtype=np.int64)
    half = replace(
        found,
        image_indices=found.image_indices[rows],
        instances=found.instances[rows],
        response=found.response[rows],
        raw=found.raw[rows],
        contributions={name: values[rows] for name, values in found.contributions.items()},
        change={name: values[rows] for name, values in found.change.items()},
    )
    magnitude = mean_magnitude(evidence.relevance[layer, class_name].relevance)
    acting = responding_components(evidence, half, class_name, np.flatnonzero(magnitude > 0))
    strength = np.abs(half.response[:, acting].mean(axis=0, dtype=np.float64))
    strongest = acting[np.argsort(-strength, kind="stable")[: int(LARGEST_SHARE * len(magnitude))]]
    return np.sort(strongest)


def _controls(chosen: MediationGroup, magnitude: Floats, seed: int, artefact: str) -> list[MediationGroup]:
    """Random sets of other components, each member of a relevance like that of a member of the set; all different.

    None where the layer has fewer others that carry any relevance.
    """
    others = np.setdiff1d(np.flatnonzero(magnitude > 0), chosen.components)
    if len(others) < len(chosen.components):
        return []
    name = f"mediation/{artefact}/{chosen.class_name}/{chosen.kind}"
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    drawn = {matched_members(chosen.components, others, magnitude, rng, NEAREST): None for _ in range(2 * N_CONTROLS)}
    return [replace(chosen, components=members, is_control=True) for members in list(drawn)[:N_CONTROLS]]


def units_that_choose(units: Ints, names: Sequence[int]) -> Bools:
    """Images of the half of the units that chooses, (images,).

    Parameters
    ----------
    units : (images,)
    names : sequence of int, (images,)
        A number drawn from each image's content; the smallest of a unit's stands for the unit, whatever the order.
    """
    smallest: dict[int, int] = {}
    for unit, name in zip(units.tolist(), names, strict=True):
        smallest[unit] = min(smallest.get(unit, name), name)
    ranked = sorted(smallest, key=lambda unit: (smallest[unit], unit))
    return np.isin(units, ranked[: len(ranked) // 2])
