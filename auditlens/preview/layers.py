"""What is known of a layer, and of whether it can be looked at, before any component is."""

from __future__ import annotations

from dataclasses import dataclass

from auditlens.findings.selection import floor_for
from auditlens.gather.context import Context
from auditlens.gather.space import assessable
from auditlens.spec.selection import roles_of
from auditlens.stages.plan import PlannedGate


@dataclass(frozen=True, slots=True)
class KnownLayer:
    """What is known of a layer before its components are looked at.

    Attributes
    ----------
    n_components : int
    n_examples : int
        Concept examples of each component.
    floor : float
        Mean share of relevance from which on a component counts as relevant.
    groups : tuple of str
        Groups of the class's valid concepts, at most: those that the foundation model does not see drop out.
    """

    n_components: int
    n_examples: int
    floor: float
    groups: tuple[str, ...]

    @property
    def coverable(self) -> tuple[str, ...]:
        """As many groups as can have a relevant component at once: shares of relevance add up to one."""
        most = min(self.n_components, int(1 / self.floor + 1e-9)) if self.floor > 0 else self.n_components
        return self.groups[:most]


def known_layer(context: Context, gate: PlannedGate) -> KnownLayer | None:
    """The layer that a gate of the inside reads: the named one, else the last; None where there is none."""
    names = context.layer_names()
    if not names:
        return None
    layer, examine = context.subject.layer(gate.layer or names[-1]), context.spec.examine
    concepts = context.spec.concepts
    valid = named_concepts(context, gate.class_name, "valid")
    return KnownLayer(
        n_components=layer.n_components,
        n_examples=min(examine.n_examples, len(context.on_examples.index)),
        floor=floor_for(examine.relevance_floor, layer.n_components),
        groups=tuple(dict.fromkeys(concepts[name].group or name for name in valid)),
    )


def named_concepts(context: Context, class_name: str, role: str) -> tuple[str, ...]:
    """Concepts of a role for a class that the spec does not call not assessable."""
    roles, known = roles_of(context.spec, class_name), assessable(context)
    return tuple(name for name in known if roles.get(name) == role)
