"""`gates.defaults` and `extends:` - gates that take over what others say, resolved before anything is validated.

Under a gate lies the gate that it extends, and under that one `defaults`; they are laid over each other key by key, and
`null` takes an inherited key out. Included files were merged before, so a gate may extend one of a library. What is
inherited gets the place of the extending gate, since that is where a reader looks for it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Final

from pydantic import ValidationError

from auditlens.errors import Location, nearest
from auditlens.spec.gates import GateDefaults
from auditlens.spec.nodes import Fields, Items, Leaf, Node, Path, Problems, child, fields, items, plain
from auditlens.spec.other_names import instead
from auditlens.spec.reading import MAX_DEPTH, MAX_VALUES
from auditlens.spec.shape import field_names

GATES: Final = "gates"
DEFAULTS: Final = "defaults"
EXTENDS: Final = "extends"


def resolve_gates(root: Fields, problems: Problems) -> Fields:
    """Return the document with every gate complete and `gates.defaults` gone.

    Parameters
    ----------
    root : Fields
        The merged document.
    problems : Problems
        Takes unknown parents, cycles, and faults of `defaults`.
    """
    found = root.entries.get(GATES)
    if found is None or not isinstance(found[1], Fields):
        return root
    at, gates = found[0], found[1]
    own = {name: entry for name, entry in gates.entries.items() if name != DEFAULTS}
    resolver = _Resolver(own, _defaults(gates, root, problems), problems)
    resolved = {name: (entry[0], resolver.resolve(name)) for name, entry in own.items()}
    if resolver.n_values > MAX_VALUES:
        problems.add(at, (GATES,), f"the gates extend each other to more than {MAX_VALUES:,} values")
        return root
    return fields(root.entries | {GATES: (at, fields(resolved, gates.at))}, root.at)


def _defaults(gates: Fields, root: Fields, problems: Problems) -> Fields:
    """What lies under every gate: the valid part of `gates.defaults`."""
    none = fields({}, gates.at)
    found = child(gates, DEFAULTS)
    if found is None or (isinstance(found[1], Leaf) and found[1].value is None):
        return none
    at, node = found
    if not isinstance(node, Fields):
        problems.add(at, (GATES, DEFAULTS), f"must be a mapping with {', '.join(field_names(GateDefaults))}")
        return none
    known = {name: entry for name, entry in node.entries.items() if _is_default(name, entry[0], problems)}
    wrong = _wrong_defaults(fields(known, node.at), root, problems)
    return fields({name: entry for name, entry in known.items() if name not in wrong}, node.at)


def _is_default(name: str, at: Location, problems: Problems) -> bool:
    valid = tuple(field_names(GateDefaults))
    if name not in valid:
        rest = instead((GATES, DEFAULTS, name)) or f"valid are {', '.join(valid)}{nearest(name, valid)}"
        said = f"is no default of gates; {rest}"
        if name in ("metric", "limit"):
            said += "; `defaults` is no gate: give a gate another name"
        problems.add(at, (GATES, DEFAULTS, name), said)
    return name in valid


def _wrong_defaults(known: Fields, root: Fields, problems: Problems) -> set[str]:
    """Validate the defaults by themselves, so that a fault is told once and at its own place."""
    try:
        GateDefaults.model_validate_json(json.dumps(plain(known)))
    except ValidationError as error:
        from auditlens.spec.explain import explain  # only a wrong spec needs it

        explain(error, root, problems, below=(GATES, DEFAULTS))
        return {str(row["loc"][0]) for row in error.errors() if row["loc"]}
    return set()


@dataclass(slots=True)
class _Resolver:
    """Lays gates over what they extend, each once.

    Attributes
    ----------
    gates : mapping of name to place and node
        As they were written.
    defaults : Fields
    problems : Problems
    done, depth : mapping of name to node, and to how many gates it extends in a row
    n_values : int
        Values of all gates so far; past all measure nothing is extended any more.
    """

    gates: dict[str, tuple[Location, Node]]
    defaults: Fields
    problems: Problems
    done: dict[str, Node] = field(default_factory=dict)
    depth: dict[str, int] = field(default_factory=dict)
    n_values: int = 0

    def resolve(self, name: str, chain: tuple[str, ...] = ()) -> Node:
        """Return a gate with everything that it inherits."""
        if name not in self.done:
            at, node = self.gates[name]
            whole = self._complete(name, at, node, chain) if isinstance(node, Fields) else node
            self.done[name] = whole
            self.n_values += whole.size
        return self.done[name]

    def _complete(self, name: str, at: Location, node: Fields, chain: tuple[str, ...]) -> Node:
        parent = self._parent(name, node, (*chain, name))
        below = self.defaults if parent is None else self.resolve(parent, (*chain, name))
        self.depth[name] = 0 if parent is None else self.depth.get(parent, 0) + 1
        if not isinstance(below, Fields) or self.n_values > MAX_VALUES:
            return node
        self._note_origins(name, parent, node, below)
        taken = {key: value for key, (_, value) in below.entries.items() if key != EXTENDS}
        return laid_over(fields({key: (at, placed(value, at)) for key, value in taken.items()}, at), node)

    def _parent(self, name: str, node: Fields, chain: tuple[str, ...]) -> str | None:
        """Name of the gate that this one extends, if there is one that it can."""
        found = child(node, EXTENDS)
        parent = found[1].value if found and isinstance(found[1], Leaf) else None
        if found is None or not isinstance(parent, str):
            self.problems.incomplete |= {(GATES, name)} if found is not None else set()
            return None  # another type is told by the validation
        path: Path = (GATES, name, EXTENDS)
        if parent in chain:
            circle = " -> ".join((*chain[chain.index(parent) :], parent))
            self.problems.add(found[1].at, path, f"the gates extend each other in a circle: {circle}")
        elif parent not in self.gates:
            valid = ", ".join([other for other in self.gates if other != name][:8]) or "none: there is no other gate"
            sentence = f"there is no gate {parent!r}; valid gates are {valid}{nearest(parent, self.gates)}"
            self.problems.add(found[1].at, path, sentence)
        elif max(len(chain), self.depth.get(parent, 0) + 1) > MAX_DEPTH:
            self.problems.add(found[1].at, path, f"more than {MAX_DEPTH} gates extend each other, which no spec needs")
        else:
            return parent
        self.problems.incomplete |= {(GATES, heir) for heir in chain}
        return None

    def _note_origins(self, name: str, parent: str | None, node: Fields, below: Fields) -> None:
        """What a gate inherits unchanged is told wrong where it was written, not again for every heir."""
        if parent is not None:
            for key in below.entries:
                if key not in node.entries:
                    self.problems.inherited[(GATES, name, key)] = (GATES, parent, key)


def laid_over(below: Fields, above: Fields) -> Fields:
    """Lay one mapping over another, key by key; `null` takes an inherited key out."""
    merged = dict(below.entries)
    for key, (at, value) in above.entries.items():
        inherited = merged.pop(key, None)
        if inherited is not None and isinstance(value, Leaf) and value.value is None:
            continue
        if inherited is not None and isinstance(inherited[1], Fields) and isinstance(value, Fields):
            value = laid_over(inherited[1], value)
        merged[key] = (at, value)
    return fields(merged, above.at)


def placed(node: Node, at: Location) -> Node:
    """Give a node, and all below it, one place."""
    match node:
        case Leaf():
            return Leaf(node.value, at, node.plain)
        case Items():
            return items(tuple(placed(item, at) for item in node.items), at)
        case Fields():
            return fields({key: (at, placed(value, at)) for key, (_, value) in node.entries.items()}, at)
