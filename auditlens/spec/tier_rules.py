"""What tiers name: gates, tags, and sets of images."""

from __future__ import annotations

from auditlens.errors import nearest
from auditlens.spec.nodes import Fields, Leaf, Problems, place, select
from auditlens.spec.references import names_of


def check_tiers(root: Fields, problems: Problems) -> None:
    """Look up the gates, tags and sets that tiers name."""
    sets = tuple(dict.fromkeys(str(path[2]) for path, _ in select(root, ("data", "sets", "*"))))
    for path, node in select(root, ("tiers", "*", "data")):
        if isinstance(node, Leaf) and isinstance(node.value, str) and node.value not in sets:
            known = f"valid are {', '.join(sets)}" if sets else "the spec has no data.sets"
            sentence = f"there is no set {node.value!r}; {known}{nearest(node.value, sets)}"
            problems.add(place(root, path), path, sentence)
    names = names_of(root, "gates")
    tags = {str(node.value) for _, node in select(root, ("gates", "*", "tags", "*")) if isinstance(node, Leaf)}
    valid = tuple(dict.fromkeys((*names, *sorted(tags))))
    for path, node in select(root, ("tiers", "*", "gates", "*")):
        if isinstance(node, Leaf) and isinstance(node.value, str) and node.value not in valid:
            sentence = f"there is no gate and no tag {node.value!r}; valid are {', '.join(valid[:12])}"
            problems.add(place(root, path), path, sentence + nearest(node.value, valid))
