"""`ruler: {<<: *a, ...}`, where `a` anchors `artefacts.defaults`: the entry says nothing of its own by that."""

from __future__ import annotations

from typing import Final

from auditlens.spec.nodes import Fields, Node, child, fields

ARTEFACTS: Final = "artefacts"
DEFAULTS: Final = "defaults"


def without_anchored(document: Fields) -> Fields:
    """Take out of every artefact of one file what it has from the defaults themselves.

    It would else lie over what a library says of the artefact, also where the kind takes no such default.

    Parameters
    ----------
    document : Fields
        One file, before it is laid over what it includes.
    """
    at, section = document.entries.get(ARTEFACTS, (document.at, None))
    _, written = (section and child(section, DEFAULTS)) or (at, None)
    if not isinstance(section, Fields) or not isinstance(written, Fields):
        return document
    kept = {
        name: (key_at, node if name == DEFAULTS else _own(node, written))
        for name, (key_at, node) in section.entries.items()
    }
    return fields(document.entries | {ARTEFACTS: (at, fields(kept, section.at))}, document.at)


def _own(node: Node, written: Fields) -> Node:
    """What an entry says itself: a value that stands where that of the defaults stands came by the anchor."""
    if not isinstance(node, Fields):
        return node
    theirs = {key: value.at for key, (_, value) in written.entries.items()}
    return fields({key: entry for key, entry in node.entries.items() if theirs.get(key) != entry[1].at}, node.at)
