"""Names in a spec that point elsewhere in it: each is looked up, with the nearest match where it leads nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from auditlens.errors import nearest
from auditlens.spec.metrics import OTHER, independent_sides, parse_direction
from auditlens.spec.model import is_multi_label
from auditlens.spec.nodes import Fields, Items, Leaf, Node, Path, Problems, child, place, select

Target = Literal["concept", "artefact", "gate", "class"]
GROUP: Final = "group:"

REFERENCES: Final[dict[tuple[str, ...], Target]] = {
    ("classes", "*", "valid", "*"): "concept",
    ("classes", "*", "spurious", "*"): "concept",
    ("classes", "*", "contested", "*"): "concept",
    ("gates", "*", "concept"): "concept",
    ("gates", "*", "each", "concept", "*"): "concept",
    ("concepts", "*", "artefact"): "artefact",
    ("gates", "*", "artefact"): "artefact",
    ("gates", "*", "each", "artefact", "*"): "artefact",
    ("waivers", "*", "artefact"): "artefact",
    ("challenge", "combinations", "artefacts", "*"): "artefact",
    ("challenge", "separability", "combined", "*"): "artefact",
    ("gates", "*", "required_by", "*"): "gate",
    ("decision", "class"): "class",
    ("model", "decision", "class"): "class",
    ("gates", "*", "class"): "class",
    ("gates", "*", "true_class"): "class",
    ("data", "label_map", "*"): "class",
    ("data", "sets", "*", "label_map", "*"): "class",
}
"""Every field that names something, and what."""
CLASS_KEYS: Final = (("classes",), ("model", "reference_predictions", "*", "probabilities"))
"""Mappings whose keys are class names."""


def names_of(root: Fields, section: str) -> tuple[str, ...]:
    """List the names that a section such as `concepts` defines."""
    found = child(root, section)
    return tuple(found[1].entries) if found and isinstance(found[1], Fields) else ()


def groups_of(root: Fields) -> tuple[str, ...]:
    """List the groups of the concepts, with every level above them: `ABCDE/A` gives `ABCDE` too."""
    groups: set[str] = set()
    for _, node in select(root, ("concepts", "*", "group")):
        if isinstance(node, Leaf) and isinstance(node.value, str):
            parts = node.value.split("/")
            groups |= {"/".join(parts[: n + 1]) for n in range(len(parts))}
    return tuple(sorted(groups))


def members(root: Fields, name: str) -> tuple[str, ...]:
    """Unfold `group:NAME` into the concepts of that group and of those below it; a plain name stands for itself."""
    if not name.startswith(GROUP):
        return (name,)
    group = name.removeprefix(GROUP)
    found = []
    for path, node in select(root, ("concepts", "*", "group")):
        if isinstance(node, Leaf) and f"{node.value}/".startswith(f"{group}/"):
            found.append(str(path[1]))
    return tuple(found)


def inline_classes(root: Fields) -> tuple[str, ...]:
    """List the model's classes where they stand in the spec; nothing where they stand in a file."""
    found = child(root, "model")
    classes = child(found[1], "classes") if found else None
    nodes = classes[1].items if classes and isinstance(classes[1], Items) else ()
    return tuple(str(node.value) for node in nodes if isinstance(node, Leaf))


def check_references(root: Fields, classes: tuple[str, ...], problems: Problems) -> None:
    """Look up every name.

    Parameters
    ----------
    root : Fields
    classes : tuple of str
        The model's classes; empty where they are not known, and then nothing about classes is checked.
    problems : Problems
    """
    valid = {
        "concept": (*names_of(root, "concepts"),),
        "artefact": names_of(root, "artefacts"),
        "gate": names_of(root, "gates"),
        "class": classes,
    }
    for pattern, target in REFERENCES.items():
        for path, node in select(root, pattern):
            if isinstance(node, Leaf) and isinstance(node.value, str) and (target != "class" or classes):
                _look_up(root, path, node.value, target, valid[target], problems)
    if classes:
        _check_class_keys(root, classes, problems)
        _check_directions(root, classes, problems)
    _check_roles(root, problems)


def _look_up(root: Fields, path: Path, name: str, target: Target, valid: tuple[str, ...], problems: Problems) -> None:
    if target == "concept" and path[0] == "classes" and name.startswith(GROUP):
        group, groups = name.removeprefix(GROUP), groups_of(root)
        if group not in groups:
            sentence = f"no concept is in the group {group!r}; {valid_names('groups', groups)}{nearest(group, groups)}"
            problems.add(place(root, path), path, sentence)
    elif name not in valid:
        plural = "classes" if target == "class" else f"{target}s"
        of = " of the model" if target == "class" else ""
        near = nearest(name, valid) or (_new_concept(root, name) if target == "concept" else "")
        problems.add(place(root, path), path, f"there is no {target} {name!r}{of}; {valid_names(plural, valid)}{near}")


def _new_concept(root: Fields, name: str) -> str:
    """Say how a concept is made that nothing resembles; an artefact of the same name can show it."""
    shown = f"artefact: {name}" if name in names_of(root, "artefacts") else "images or a column"
    return f"; a new one is written under concepts, with texts and, to show it, {shown}"


def valid_names(plural: str, names: tuple[str, ...]) -> str:
    """List the first names that are valid, and how many there are."""
    if not names:
        return f"the spec has no {plural}"
    shown = ", ".join(names[:8])
    return f"valid {plural} are {shown}" + (f", ... ({len(names)} in all)" if len(names) > 8 else "")


def _check_class_keys(root: Fields, classes: tuple[str, ...], problems: Problems) -> None:
    for pattern in CLASS_KEYS:
        for path, node in select(root, pattern):
            for name in node.entries if isinstance(node, Fields) else ():
                if name not in classes:
                    valid = valid_names("classes", classes)
                    sentence = f"the model has no class {name!r}; {valid}{nearest(name, classes)}"
                    problems.add(place(root, (*path, name), key=True), (*path, name), sentence)


def _check_directions(root: Fields, classes: tuple[str, ...], problems: Problems) -> None:
    for path, node in select(root, ("gates", "*", "direction")):
        if isinstance(node, Leaf) and isinstance(node.value, str):
            try:
                sides = parse_direction(node.value, classes)
            except ValueError as error:
                problems.add(node.at, path, str(error))
            else:
                if is_multi_label(text_at(root, "model", "output") or "") and OTHER not in sides:
                    problems.add(node.at, path, independent_sides(*sides))


def _check_roles(root: Fields, problems: Problems) -> None:
    """A concept has one role per class: valid, spurious or contested."""
    for name in names_of(root, "classes"):
        seen: dict[str, str] = {}
        for path, concept in _roles(root, name):
            role = str(path[2])
            if seen.setdefault(concept, role) != role:
                sentence = f"the concept {concept!r} is already {seen[concept]} for this class; it has one role"
                problems.add(place(root, path), path, sentence)


def _roles(root: Fields, class_name: str) -> Iterator[tuple[Path, str]]:
    for role in ("valid", "spurious", "contested"):
        for path, node in select(root, ("classes", class_name, role, "*")):
            if isinstance(node, Leaf) and isinstance(node.value, str):
                yield from ((path, concept) for concept in members(root, node.value))


def text_at(node: Node, *steps: str | int) -> str | None:
    """Return the text at a path below a node, or None."""
    for step in steps:
        found = child(node, step)
        if found is None:
            return None
        node = found[1]
    return node.value if isinstance(node, Leaf) and isinstance(node.value, str) else None
