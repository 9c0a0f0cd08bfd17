"""What a selection may call the gates of a spec, and what the gates that it names require."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from auditlens.plan.gates import gate_id, preconditions_of, required_for, targets_of
from auditlens.spec.model import AuditSpec, Gate

KEYS: Final = ("class", "artefact", "gate", "tag")
Target = tuple[str | None, str | None]
"""Artefact and concept of one of the gates that a gate of the spec stands for."""
Values = Mapping[str, tuple[str, ...]]
"""What is named, by key."""


@dataclass(frozen=True, slots=True)
class SelectableGates:
    """The gates of a spec as a selection sees them.

    Attributes
    ----------
    spec : AuditSpec
    classes : tuple of str
        The model's, where they are known.
    """

    spec: AuditSpec
    classes: tuple[str, ...]

    @property
    def default_class(self) -> str | None:
        """Class of gates that name none."""
        point = self.spec.operating_point
        if point is not None:
            return point.class_
        return next(iter(self.spec.classes), self.classes[-1] if self.classes else None)

    def class_of(self, name: str) -> str | None:
        """Class that a gate is about; None where only the model could tell."""
        return self.spec.gates[name].class_ or self.default_class

    def targets(self, name: str) -> list[Target]:
        """What a gate is repeated for."""
        return list(targets_of(self.spec, self.spec.gates[name], self.class_of(name) or ""))

    def values(self, name: str, target: Target) -> dict[str, set[str | None]]:
        """What a selection may call one gate, by key."""
        gate = self.spec.gates[name]
        return {
            "class": {self.class_of(name)},
            "artefact": {target[0]},
            "gate": {name, gate_id(name, gate, *target)},
            "tag": set(gate.tags),
        }

    def fits(self, name: str, target: Target, select: Values, exclude: Values) -> bool:
        """Whether one gate is selected and not excluded."""
        found = self.values(name, target)
        return all(found[key] & set(values) for key, values in select.items()) and not any(
            found[key] & set(values) for key, values in exclude.items()
        )

    def known_values(self) -> dict[str, tuple[str, ...]]:
        """What a selection may say, by key."""
        found = [self.values(name, target) for name in self.spec.gates for target in self.targets(name)]
        named = {key: [value for row in found for value in sorted(filter(None, row[key]))] for key in KEYS}
        named["class"] = [*self.classes, *self.spec.classes, *named["class"]]
        named["artefact"] = [*self.spec.artefacts]
        named["gate"] = [*self.spec.gates, *named["gate"]]
        return {key: tuple(dict.fromkeys(values)) for key, values in named.items()}

    def gates(self, kept: Mapping[str, list[Target]]) -> dict[str, Gate]:
        """Narrow the selected gates to what was selected of them, and add what they require, in the spec's order."""
        preconditions = preconditions_of(self.spec)
        wanted, queue = set(kept), list(kept)
        while queue:
            further = [name for name in required_for(queue.pop(), preconditions) if name not in wanted]
            wanted |= set(further)
            queue += further
        needed = {other for name in wanted for other in required_for(name, preconditions)}
        return {
            name: self._narrowed(name, self.targets(name) if name in needed else kept[name])
            for name in self.spec.gates
            if name in wanted
        }

    def _narrowed(self, name: str, targets: list[Target]) -> Gate:
        """Write the class into the gate, since fewer classes may change the default, and what it is repeated for."""
        gate = self.spec.gates[name].model_copy(update={"class_": self.class_of(name)})
        if gate.each is None or targets == self.targets(name):
            return gate
        place = 0 if gate.each.artefact is not None else 1
        values = tuple(target[place] for target in targets)
        each = gate.each.model_copy(update={("artefact", "concept")[place]: values})
        return gate.model_copy(update={"each": each})
