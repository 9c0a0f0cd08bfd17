"""What tiers name must be a gate or a tag."""

from __future__ import annotations

from auditlens.errors import nearest
from auditlens.spec.nodes import Fields, Leaf, Problems, place, select
from auditlens.spec.references import names_of


def check_tiers(root: Fields, problems: Problems) -> None:
    """Look up the gates and tags that tiers name."""
    names = names_of(root, "gates")
    tags = {str(node.value) for _, node in select(root, ("gates", "*", "tags", "*")) if isinstance(node, Leaf)}
    valid = tuple(dict.fromkeys((*names, *sorted(tags))))
    for path, node in select(root, ("tiers", "*", "gates", "*")):
        if isinstance(node, Leaf) and isinstance(node.value, str) and node.value not in valid:
            sentence = f"there is no gate and no tag {node.value!r}; valid are {', '.join(valid[:12])}"
            problems.add(place(root, path), path, sentence + nearest(node.value, valid))
