"""What `clean_by: {score: CONCEPT}` demands: a foundation model, and a concept that images or a column show."""

from __future__ import annotations

from auditlens.errors import nearest
from auditlens.spec.nodes import Fields, Leaf, Problems, child, place, select
from auditlens.spec.references import names_of


def check_clean_by(root: Fields, problems: Problems) -> None:
    """Check the concepts whose score tells where artefacts are."""
    concepts = names_of(root, "concepts")
    for path, node in select(root, ("artefacts", "*", "clean_by", "score")):
        if not isinstance(node, Leaf) or not isinstance(node.value, str):
            continue
        if child(root, "foundation") is None:
            sentence = "a score needs a foundation model; add `foundation`"
        elif node.value not in concepts:
            valid = f"valid are {', '.join(concepts[:12])}" if concepts else "the spec has no concepts"
            sentence = f"there is no concept {node.value!r}; {valid}{nearest(node.value, concepts)}"
        elif not any(_given(root, node.value, field) for field in ("images", "column")):
            sentence = (
                f"the concept {node.value!r} has neither example images nor a column, so nothing shows from which "
                "score on an image carries it; give it `images` or a `column`"
            )
        else:
            continue
        problems.add(place(root, path), path, sentence)


def _given(root: Fields, concept: str, field: str) -> bool:
    for _, node in select(root, ("concepts", concept, field)):
        return not (isinstance(node, Leaf) and node.value is None)
    return False
