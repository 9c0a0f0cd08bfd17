"""What a gate's metric demands of it, and what makes a spec decide anything at all."""

from __future__ import annotations

from auditlens.errors import nearest
from auditlens.spec.metrics import METRIC_RULES, MetricRule
from auditlens.spec.model import LIMIT
from auditlens.spec.nodes import Fields, Items, Leaf, Node, Path, Problems, child, place, select
from auditlens.spec.references import GROUP, inline_classes, names_of, text_at

NAMING = ("artefact", "concept", "class", "true_class", "direction", "each", "within", "worst_subgroup", "layer")
"""Fields of a gate that say what it is about."""


def check_gates(root: Fields, problems: Problems) -> None:
    """Check that there is a gate, that each names what its metric needs and nothing else, and that its limit fits."""
    names = names_of(root, "gates")
    if not names:
        sentence = "the spec has no gate, and zero gates are never green; add at least one gate"
        problems.add(place(root, ("gates",), key=True), ("gates",), sentence)
    for path, gate in select(root, ("gates", "*")):
        rule = METRIC_RULES.get(text_at(gate, "metric") or "")
        if rule is not None and isinstance(gate, Fields):
            _Gate(root, gate, path, rule, problems).check()
    check_decision(root, problems)


def check_decision(root: Fields, problems: Problems) -> None:
    """The operating point is declared once."""
    if all(_given(root, *path) for path in (("decision",), ("model", "decision"))):
        first = place(root, ("model", "decision"), key=True)
        sentence = f"the decision is declared twice, here and at {first}; keep one"
        problems.add(place(root, ("decision",), key=True), ("decision",), sentence)


def _given(root: Node, *steps: str) -> bool:
    for step in steps:
        found = child(root, step)
        if found is None:
            return False
        root = found[1]
    return root.value is not None if isinstance(root, Leaf) else root.size > 1  # an empty mapping says nothing


class _Gate:
    """One gate, checked against the rule of its metric."""

    def __init__(self, root: Fields, gate: Fields, path: Path, rule: MetricRule, problems: Problems) -> None:
        self.root, self.gate, self.path, self.rule, self._problems = root, gate, path, rule, problems
        self.metric = text_at(gate, "metric")

    def check(self) -> None:
        """Run all checks."""
        self._named_fields()
        self._needs()
        self._limit()
        self._each()
        self._worst()
        self._itself()
        self._layer()
        if self.rule.needs_foundation and not _given(self.root, "foundation"):
            self._add(("metric",), f"{self.metric} needs a foundation model; add `foundation`")
        if self.rule.needs_sham:
            self._shams()

    def _add(self, below: Path, sentence: str, *, key: bool = False) -> None:
        path = (*self.path, *below)
        self._problems.add(place(self.root, path, key=key), path, sentence)

    def _named_fields(self) -> None:
        for name in NAMING:
            if name not in self.rule.takes and _given(self.gate, name):
                valid = ", ".join(field for field in NAMING if field in self.rule.takes)
                self._add((name,), f"{self.metric} takes no {name}; it takes {valid}", key=True)

    def _needs(self) -> None:
        for need in sorted(self.rule.needs):
            if need == "class":
                self._need_class()
            elif need == "direction":
                if not _given(self.gate, "direction"):
                    other = "; flip_rate counts every change" if self.metric == "decision_flips" else ""
                    self._add((), f"{self.metric} needs a direction, {self._direction_example()}{other}")
            elif not (_given(self.gate, need) or _given(self.gate, "each", need)):
                self._add((), f"{self.metric} needs {need}: NAME, or each: {{{need}: ...}}")

    def _direction_example(self) -> str:
        classes = (*inline_classes(self.root), "A", "B")[:2] if len(inline_classes(self.root)) > 1 else ("A", "B")
        return f"such as {classes[1]}_to_{classes[0]}"

    def _need_class(self) -> None:
        declared = any(_given(self.root, *path) for path in (("decision",), ("model", "decision")))
        if not (declared or _given(self.gate, "class") or len(names_of(self.root, "classes")) == 1):
            self._add((), f"{self.metric} needs a class; name one here, or declare the decision")

    def _limit(self) -> None:
        match = LIMIT.fullmatch(text_at(self.gate, "limit") or "")
        if match and match.group(1) not in self.rule.relations and not _given(self.gate, "against"):
            valid = " or ".join(f"'{relation} {match.group(2)}'" for relation in self.rule.relations)
            better = {"higher": "higher is better", "lower": "lower is better"}.get(self.rule.better, "0 is best")
            self._add(("limit",), f"{self.metric} takes {valid}, for {better}; found '{match.group(0)}'")
        if match and match.group(1) == "within" and _given(self.gate, "worst_subgroup"):
            self._add(("limit",), "the worst of several subgroups has a direction; write '<= x' or '>= x'")

    def _each(self) -> None:
        for name in ("artefact", "concept"):
            if _given(self.gate, name) and _given(self.gate, "each", name):
                self._add((name,), f"name the {name} here or in each, not both", key=True)
            if name not in self.rule.takes and _given(self.gate, "each", name) and "each" in self.rule.takes:
                self._add(("each", name), f"{self.metric} is not measured by {name}", key=True)
            self._each_word(name)
            self._twice(name)
        if "within" not in self.rule.takes and "each" in self.rule.takes and _given(self.gate, "each", "subgroup"):
            self._add(("each", "subgroup"), f"{self.metric} is not measured by subgroup", key=True)

    def _worst(self) -> None:
        column = text_at(self.gate, "worst_subgroup")
        if column is not None and _given(self.gate, "against"):
            self._add(("worst_subgroup",), "with against, repeat the gate: each: {subgroup: COLUMN}", key=True)
        if column is not None and text_at(self.gate, "each", "subgroup") == column:
            self._add(
                ("worst_subgroup",), "repeat the gate over the subgroups, or take their worst, not both", key=True
            )

    def _each_word(self, name: str) -> None:
        word = text_at(self.gate, "each", name)
        if word == "all" and name == "artefact" and not names_of(self.root, "artefacts"):
            self._add(("each", name), "the spec has no artefacts; add some, or include auditlens/artefacts/dermoscopy")
        if word in ("valid", "spurious") and not any(True for _ in select(self.root, ("classes", "*", word, "*"))):
            self._add(("each", name), f"no class lists {word} concepts; add them under `classes`")
        concept = text_at(self.gate, "concept") or ""
        if name == "concept" and concept.startswith(GROUP):
            self._add(("concept",), "name one concept; a group goes under `classes`")

    def _twice(self, name: str) -> None:
        seen: set[object] = set()
        for path, node in select(self.gate, ("each", name, "*")):
            if isinstance(node, Leaf) and node.value in seen:
                self._add(path, f"{node.value!r} is listed twice")
            seen.add(node.value if isinstance(node, Leaf) else None)

    def _layer(self) -> None:
        """A layer is one of those that the model names; globs and `auto` are known once the model is loaded."""
        layer, found = text_at(self.gate, "layer"), child(self.root, "model")
        named = child(found[1], "layers") if found else None
        nodes = named[1].items if named and isinstance(named[1], Items) else (named[1],) if named else ()
        layers = [str(node.value) for node in nodes if isinstance(node, Leaf)]
        known = bool(layers) and not any(name == "auto" or set(name) & set("*?[") for name in layers)
        if layer is not None and known and layer not in layers:
            near = nearest(layer, layers)
            self._add(("layer",), f"the layer {layer!r} is not examined; valid are {', '.join(layers)}{near}")

    def _itself(self) -> None:
        found = child(self.gate, "required_by")
        nodes = found[1].items if found and isinstance(found[1], Items) else ()
        for index, node in enumerate(nodes):
            if isinstance(node, Leaf) and node.value == self.path[1]:
                self._add(("required_by", index), "a gate cannot require itself")

    def _shams(self) -> None:
        named = [text_at(self.gate, "artefact")] if _given(self.gate, "artefact") else []
        found = child(self.gate, "each")
        if found and text_at(found[1], "artefact") == "all":
            named += names_of(self.root, "artefacts")
        named += [str(node.value) for _, node in select(self.gate, ("each", "artefact", "*")) if isinstance(node, Leaf)]
        bare = [name for name in named if name and text_at(self.root, "artefacts", name, "sham") == "none"]
        for name in bare:
            self._add(("metric",), f"{self.metric} needs a sham, and the artefact {name!r} has 'sham: none'")
