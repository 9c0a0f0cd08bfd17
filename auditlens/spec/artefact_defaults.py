"""`artefacts.defaults` - values for every artefact that takes the field, resolved before anything is validated.

What a spec (or a file of the user's) says of one artefact lies over the defaults; what a library of the tool says of it
lies under them, since `avoid: lesion_mask` for all would else change no artefact of a library.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from auditlens.errors import Location, nearest
from auditlens.spec.anchors import ARTEFACTS, DEFAULTS
from auditlens.spec.artefacts import ArtefactDefaults
from auditlens.spec.doses import NO_PLACE, NO_SIZE
from auditlens.spec.include import LIBRARY
from auditlens.spec.nodes import Fields, Leaf, Node, Problems, fields, plain
from auditlens.spec.nodes import Path as Keys
from auditlens.spec.other_names import instead
from auditlens.spec.references import text_at
from auditlens.spec.shape import field_names

BELOW: Final[Keys] = (ARTEFACTS, DEFAULTS)
Entry = tuple[Location, Node]


def resolve_artefacts(root: Fields, problems: Problems) -> Fields:
    """Return the document with the defaults in every artefact, and `artefacts.defaults` gone.

    Parameters
    ----------
    root : Fields
        The merged document.
    problems : Problems
        Takes faults of `defaults`.
    """
    at, section = root.entries.get(ARTEFACTS, (root.at, None))
    if not isinstance(section, Fields) or DEFAULTS not in section.entries:
        return root
    written = section.entries[DEFAULTS]
    known = _known(written, root, problems)
    completed = {
        name: (entry[0], _completed(entry[1], known)) for name, entry in section.entries.items() if name != DEFAULTS
    }
    return fields(root.entries | {ARTEFACTS: (at, fields(completed, section.at))}, root.at)


def _known(written: Entry, root: Fields, problems: Problems) -> dict[str, Entry]:
    """Return the valid part of the defaults; a fault is told once, at its own place."""
    at, node = written
    if isinstance(node, Leaf) and node.value is None:
        return {}
    if not isinstance(node, Fields):
        problems.add(at, BELOW, f"must be a mapping with {', '.join(field_names(ArtefactDefaults))}")
        return {}
    known = {name: entry for name, entry in node.entries.items() if _is_default(name, entry[0], problems)}
    wrong = _wrong(fields(known, node.at), root, problems)
    return {name: entry for name, entry in known.items() if name not in wrong}


def _is_default(name: str, at: Location, problems: Problems) -> bool:
    valid = tuple(field_names(ArtefactDefaults))
    if name not in valid:
        told = instead((*BELOW, name))
        rest = told or f"valid are {', '.join(valid)}{nearest(name, valid)}"
        if name == "kind":
            rest += "; `defaults` is no artefact: give an artefact another name"
        problems.add(at, (*BELOW, name), f"is no default of artefacts; {rest}")
    return name in valid


def _wrong(known: Fields, root: Fields, problems: Problems) -> set[str]:
    try:
        ArtefactDefaults.model_validate_json(json.dumps(plain(known)))
    except ValidationError as error:
        from auditlens.spec.explain import explain  # only a wrong spec needs it

        explain(error, root, problems, below=BELOW)
        return {str(row["loc"][0]) for row in error.errors() if row["loc"]} or set(known.entries)
    return set()


def _completed(node: Node, known: dict[str, Entry]) -> Node:
    """One artefact with the defaults that its kind takes."""
    if not isinstance(node, Fields):
        return node
    own = dict(node.entries)
    kind = text_at(node, "kind") or ""
    speaks_of_only = "only" in own
    for key, entry in known.items():
        if not _takes(kind, key) or (key == "reason" and speaks_of_only):
            continue
        said = own.get(key)
        if said is None or _is_of_library(said[1]):
            own[key] = entry
        elif isinstance(said[1], Leaf) and said[1].value is None:
            del own[key]
    return fields(own, node.at)


def _takes(kind: str, key: str) -> bool:
    """Whether a default has a meaning for a kind; what has none leaves the kind as it is."""
    if key in ("placement", "avoid"):
        return kind not in NO_PLACE
    return key != "scale" or kind not in NO_SIZE


def _is_of_library(value: Node) -> bool:
    return Path(value.at.file).is_relative_to(LIBRARY)
