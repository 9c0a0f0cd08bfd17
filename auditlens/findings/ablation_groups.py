"""Which components are silenced, alone and together, and which random ones stand beside them as controls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from auditlens.findings.labels import Labels
from auditlens.findings.selection import select_components
from auditlens.spec.model import AuditSpec
from auditlens.stages.ablation import AblationGroup
from auditlens.stages.evidence import Evidence, Floats
from auditlens.stages.plan import AuditPlan
from auditlens.stages.states import ComponentState

N_SINGLE = 24
"""Most relevant components silenced one by one, per class."""
N_SPREAD = 16
"""Further single ones, evenly over the ranks of relevance: so that a rank correlation has both ends."""
N_RANDOM = 4
"""Random groups beside each labelled one."""
NEAREST = 4
"""A random member is drawn from so many others of the nearest relevance."""
LARGEST_GAP = 0.2
"""Relevance of a random group may differ from its model's by this share of it."""
STATES = (ComponentState.SPURIOUS, ComponentState.VALID, ComponentState.UNEXPECTED)


def ablation_groups(
    spec: AuditSpec, plan: AuditPlan, evidence: Evidence, labels: Mapping[tuple[str, str], Labels], layer: str
) -> tuple[AblationGroup, ...]:
    """Groups of one layer: single components, then per class those of one label and of one state, with controls.

    Parameters
    ----------
    labels : mapping of (layer, class) to Labels
    """
    found = list(_single(spec, plan, evidence, layer))
    rng = np.random.default_rng(plan.seed)
    for (name, class_name), own in labels.items():
        if name != layer:
            continue
        magnitude = _magnitude(evidence, layer, class_name)
        for group in _labelled(own, class_name):
            found += [group, *_random(group, magnitude, rng)]
    return tuple(found)


def _magnitude(evidence: Evidence, layer: str, class_name: str) -> Floats:
    """Mean share of |relevance| of each component, (components,)."""
    return np.asarray(np.abs(evidence.relevance[layer, class_name].relevance).mean(axis=0, dtype=np.float64))


def _single(spec: AuditSpec, plan: AuditPlan, evidence: Evidence, layer: str) -> Iterator[AblationGroup]:
    chosen: set[int] = set()
    for (name, _), relevance in evidence.relevance.items():
        if name == layer:
            strongest, _ = select_components(
                relevance, spec.examine.relevance_floor, min(N_SINGLE, spec.examine.max_components)
            )
            order = np.argsort(-np.abs(relevance.relevance).mean(axis=0, dtype=np.float64), kind="stable")
            spread = order[np.unique(np.linspace(0, len(order) - 1, N_SPREAD).astype(int))]
            chosen |= {int(component) for component in (*strongest, *spread)}
    for component in sorted(chosen):
        yield AblationGroup("component", plan.model.component_id(layer, component), "", (component,))


def _labelled(labels: Labels, class_name: str) -> Iterator[AblationGroup]:
    for concept in sorted({label for label in labels.labels if label is not None}):
        yield AblationGroup("label", concept, class_name, tuple(labels.labelled(concept)))
    for state in STATES:
        members = labels.where(state, ComponentState.BOTH) if state is not STATES[2] else labels.where(state)
        if members:
            yield AblationGroup("state", state.value, class_name, tuple(members))


def _random(group: AblationGroup, magnitude: Floats, rng: np.random.Generator) -> Iterator[AblationGroup]:
    """Draw groups of equal size from the other components, each member of a relevance like that of a member's.

    None where the others cannot match it: they are fewer, or their relevance adds up to another share.
    """
    others = np.setdiff1d(np.arange(len(magnitude)), group.components)
    others = others[magnitude[others] > 0]
    if len(others) < len(group.components):
        return
    for _ in range(N_RANDOM):
        members = matched_members(group.components, others, magnitude, rng)
        if not alike(float(magnitude[list(members)].sum()), float(magnitude[list(group.components)].sum())):
            return
        yield AblationGroup("random", f"{group.kind}:{group.name}", group.class_name, members)


def alike(drawn: float, wanted: float) -> bool:
    """Whether random components carry as much relevance as those that they stand for, up to `LARGEST_GAP` of it."""
    return abs(drawn - wanted) <= LARGEST_GAP * wanted


def matched_members(
    components: Sequence[int],
    others: Sequence[int] | np.ndarray,
    magnitude: Floats,
    rng: np.random.Generator,
    nearest: int = NEAREST,
) -> tuple[int, ...]:
    """As many of the others, each drawn among those nearest in relevance to one of the components; ascending.

    Parameters
    ----------
    components, others : sequence of int
        There must be at least as many others.
    magnitude : (components of the layer,)
        Mean share of |relevance|.
    rng : numpy.random.Generator
    nearest : int
        From so many a member is drawn.
    """
    left = [int(component) for component in others]
    drawn = []
    for member in sorted(components, key=lambda component: -magnitude[component]):
        near = np.argsort(np.abs(magnitude[left] - magnitude[member]), kind="stable")[:nearest]
        drawn.append(left.pop(int(rng.choice(near))))
    return tuple(sorted(drawn))
