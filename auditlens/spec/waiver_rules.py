"""What a waiver must name: a gate or finding that exists, and a bound on the same side as the limit and behind it."""

from __future__ import annotations

from auditlens.errors import nearest
from auditlens.spec.gates import LIMIT
from auditlens.spec.metrics import METRIC_RULES
from auditlens.spec.nodes import Fields, Leaf, Node, Path, Problems, child, place, select
from auditlens.spec.references import names_of, text_at, valid_names


def check_waivers(root: Fields, problems: Problems) -> None:
    """Check what each waiver names, and that no two share an id."""
    seen: dict[str, Path] = {}
    for path, waiver in select(root, ("waivers", "*")):
        _Waiver(root, waiver, path, problems).check()
        name = text_at(waiver, "id")
        if name is not None and seen.setdefault(name, path) != path:
            at = (*path, "id")
            problems.add(place(root, at), at, f"two waivers have the id {name!r}; give each its own")


class _Waiver:
    """One waiver."""

    def __init__(self, root: Fields, waiver: Node, path: Path, problems: Problems) -> None:
        self.root, self.waiver, self.path, self._problems = root, waiver, path, problems
        self.metric = text_at(waiver, "metric")

    def check(self) -> None:
        """Run all checks."""
        gate, finding = text_at(self.waiver, "gate"), text_at(self.waiver, "finding")
        if gate is not None:
            self._gate(gate)
        if finding is not None:
            self._finding(finding)

    def _add(self, field: str, sentence: str) -> None:
        path = (*self.path, field)
        self._problems.add(place(self.root, path), path, sentence)

    def _gate(self, text: str) -> None:
        name, bracket, suffix = text.partition("[")
        names = names_of(self.root, "gates")
        if name not in names:
            self._add("gate", f"there is no gate {name!r}; {valid_names('gates', names)}{nearest(name, names)}")
            return
        if bracket:
            self._repeated(suffix)
        found = [node for _, node in select(self.root, ("gates", name))]
        limit = text_at(found[0], "limit") if found else None
        self._bound(limit)

    def _repeated(self, suffix: str) -> None:
        """Check the bracket of an id such as `missed[ruler][site=A]`."""
        known = (*names_of(self.root, "artefacts"), *names_of(self.root, "concepts"))
        for part in suffix.removesuffix("]").split("]["):
            if "=" not in part and part not in known:
                self._add("gate", f"no gate is repeated for {part!r}{nearest(part, known)}")

    def _finding(self, name: str) -> None:
        known = (*names_of(self.root, "artefacts"), *names_of(self.root, "concepts"))
        if name not in known:
            valid = valid_names("artefacts and concepts", known)
            self._add("finding", f"there is no artefact or concept {name!r}; {valid}{nearest(name, known)}")
        elif self.metric in METRIC_RULES and not any(self._reads(gate, name) for gate in self._gates()):
            self._add("finding", f"no gate of {self.metric} reads {name!r}, so there is nothing to accept")
        rule = METRIC_RULES.get(self.metric or "")
        match = LIMIT.fullmatch(text_at(self.waiver, "bound") or "")
        if rule is not None and match and match.group(1) not in rule.relations:
            self._add("bound", f"{self.metric} takes a bound with {' or '.join(rule.relations)}")

    def _gates(self) -> list[Node]:
        """Gates of the metric; those against a baseline are about how much worse it became, and are named as gates."""
        gates = [gate for _, gate in select(self.root, ("gates", "*")) if child(gate, "against") is None]
        return [gate for gate in gates if _metric_of(self.root, gate) == self.metric]

    def _reads(self, gate: Node, name: str) -> bool:
        if name in (text_at(gate, "artefact"), text_at(gate, "concept")):
            return True
        each = child(gate, "each")
        if each is None:
            return child(gate, "extends") is not None
        if any(isinstance(text_at(each[1], field), str) for field in ("artefact", "concept")):
            return True  # `all`, `valid`, `spurious`: which ones is known once the plan is made
        listed = [node for field in ("artefact", "concept") for _, node in select(each[1], (field, "*"))]
        return any(isinstance(node, Leaf) and node.value == name for node in listed)

    def _bound(self, limit: str | None) -> None:
        """A bound of another direction would accept any failure, and one inside the limit accepts none."""
        bound, against = (LIMIT.fullmatch(text or "") for text in (text_at(self.waiver, "bound"), limit))
        if bound is None or against is None:
            return
        if bound.group(1) != against.group(1):
            self._add("bound", f"the gate's limit is '{limit}', so the bound is '{against.group(1)} x' too")
        elif not looser(bound.group(1), float(bound.group(2)), float(against.group(2))):
            self._add("bound", f"the bound accepts nothing that fails the limit '{limit}'; name a wider one")


def _metric_of(root: Fields, gate: Node, depth: int = 0) -> str | None:
    """Metric of a gate, or of the one that it extends."""
    base = text_at(gate, "extends")
    if text_at(gate, "metric") is not None or base is None or depth > len(names_of(root, "gates")):
        return text_at(gate, "metric")
    found = [node for _, node in select(root, ("gates", base))]
    return _metric_of(root, found[0], depth + 1) if found else None


def looser(relation: str, bound: float, limit: float) -> bool:
    """Whether a bound accepts anything that a limit of the same relation refuses."""
    return bound < limit if relation == ">=" else bound > limit
