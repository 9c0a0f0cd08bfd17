"""`include:` - a spec built on libraries of concepts and artefacts, and on other files.

An included document is read first and the including one is laid over it, key by key. Lists and scalars replace. A
mapping whose `kind` differs replaces as a whole (a ruler that is drawn and one that is pasted have different fields),
and `null` takes an inherited entry out. `LIBRARY#GROUP` takes the concepts of one group and nothing else. Relative
paths are rewritten to mean the same from the including file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from auditlens.errors import SpecError, nearest
from auditlens.spec.anchors import without_anchored
from auditlens.spec.nodes import ANY, Fields, Items, Leaf, Node, Problems, fields, items
from auditlens.spec.nodes import Path as Keys
from auditlens.spec.paths import PATH_FIELDS, ROOT, Kind, rebased
from auditlens.spec.reading import parse, read_text
from auditlens.spec.references import GROUP, groups_of, members, names_of
from auditlens.spec.variables import resolve_variables
from auditlens.spec.versions import check_version

LIBRARY: Final = ROOT / "spec" / "library"
MAX_DOCUMENTS: Final = 64


def library_names() -> tuple[str, ...]:
    """List the libraries that come with the tool, as `include:` names them."""
    found = sorted(LIBRARY.glob("*/*.yaml"))
    return tuple("auditlens/" + path.relative_to(LIBRARY).with_suffix("").as_posix() for path in found)


@dataclass(slots=True)
class Reader:
    """Reads a spec and everything it includes.

    Parameters
    ----------
    variables : mapping of str to str
    problems : Problems
        Takes the faults that do not keep the rest from being read.
    """

    variables: Mapping[str, str]
    problems: Problems
    n_documents: int = 0

    def read(self, path: Path, shown: str, chain: tuple[Path, ...] = ()) -> tuple[Fields, str]:
        """Read one file with all that it includes.

        Returns
        -------
        tuple of Fields and str
            The merged document, and the text of the file itself.
        """
        text = read_text(path, shown)
        parsed = parse(text, shown, self.problems)
        check_version(parsed, shown)
        document = without_anchored(resolve_variables(parsed, self.variables, self.problems))
        merged = fields({}, document.at)
        for keys, leaf in self._included(document):
            below = self._below(leaf, keys, path, shown, (*chain, path.resolve()))
            merged = overlaid(merged, below) if below else merged
        own = {key: entry for key, entry in document.entries.items() if chain == () or key != "include"}
        return overlaid(merged, fields(own, document.at)), text

    def _included(self, document: Fields) -> list[tuple[Keys, Leaf]]:
        entry = document.entries.get("include")
        nodes = entry[1].items if entry and isinstance(entry[1], Items) else ()
        leaves = [(("include", i), node) for i, node in enumerate(nodes) if isinstance(node, Leaf)]
        return [(keys, leaf) for keys, leaf in leaves if isinstance(leaf.value, str)]

    def _below(self, leaf: Leaf, keys: Keys, path: Path, shown: str, chain: tuple[Path, ...]) -> Fields | None:
        try:
            target, group = _target(str(leaf.value), path.parent)
            self._guard(target, chain)
            shown_there = _shown(target, path.parent, Path(shown).parent)
            document, _ = self.read(target, shown_there, chain)
            document = _only(document, group) if group is not None else document
        except _IncludeError as error:
            self.problems.add(leaf.at, keys, error.message)
            return None
        return document if target.parent == path.parent else moved(document, target.parent, path.parent)

    def _guard(self, target: Path, chain: tuple[Path, ...]) -> None:
        self.n_documents += 1
        if target.resolve() in chain:
            start = chain.index(target.resolve())
            names = " -> ".join(file.name for file in (*chain[start:], target))
            raise _IncludeError(f"the files include each other in a circle: {names}")
        if self.n_documents > MAX_DOCUMENTS:
            raise _IncludeError(f"more than {MAX_DOCUMENTS} included files, which no spec needs")


def library_entries(name: str, section: str) -> tuple[str, ...]:
    """List what a library defines in a section such as `artefacts`."""
    path, _ = _target(name, LIBRARY)
    root, _ = Reader({}, Problems()).read(path, str(path))
    return names_of(root, section)


class _IncludeError(SpecError):
    """An entry of `include:` that leads nowhere; what is wrong within an included file is told there."""


def _target(text: str, folder: Path) -> tuple[Path, str | None]:
    """Find the file of an `include:` entry (a library, or relative to the including file) and its group."""
    if (folder / text).is_file():
        return folder / text, None
    name, sign, rest = text.partition("#")
    group = rest if sign else None
    if name in library_names():
        return LIBRARY / (name.removeprefix("auditlens/") + ".yaml"), group
    if (folder / name).is_file():
        return folder / name, group
    valid = ", ".join(library_names())
    raise _IncludeError(
        f"{text!r} is neither a file beside this one nor a library; libraries are {valid}"
        f"{nearest(name, library_names())}"
    )


def _only(document: Fields, group: str) -> Fields:
    """Keep the concepts of a group and of those below it, and nothing else of a document."""
    names = members(document, GROUP + group)
    if not names:
        groups = groups_of(document)
        raise _IncludeError(
            f"no concept is in the group {group!r}; groups are {', '.join(groups)}{nearest(group, groups)}"
        )
    at, concepts = document.entries["concepts"]
    assert isinstance(concepts, Fields)
    kept = {name: concepts.entries[name] for name in names}
    return fields({"concepts": (at, fields(kept, concepts.at))}, document.at)


def _shown(target: Path, folder: Path, shown_folder: Path) -> str:
    """Name an included file the way the including file was named on the command line."""
    if target.is_relative_to(LIBRARY):
        return str(target)
    return os.path.normpath(shown_folder / os.path.relpath(target, folder))


def overlaid(below: Fields, above: Fields) -> Fields:
    """Lay one mapping over another, key by key."""
    if _kind(below) != _kind(above) and _kind(below) is not None and _kind(above) is not None:
        return above
    merged = dict(below.entries)
    for key, (at, value) in above.entries.items():
        inherited = merged.pop(key, None)
        if inherited is None or not isinstance(inherited[1], Fields):
            merged[key] = (at, value)
        elif isinstance(value, Fields):
            merged[key] = (at, overlaid(inherited[1], value))
        elif not (isinstance(value, Leaf) and value.value is None):
            merged[key] = (at, value)
    return fields(merged, above.at)


def _kind(node: Fields) -> object:
    entry = node.entries.get("kind")
    return entry[1].value if entry and isinstance(entry[1], Leaf) else None


def moved(document: Fields, written_in: Path, base: Path) -> Fields:
    """Rewrite the relative paths of a document that was written in one folder for a reader in another."""
    root: Node = document
    for pattern, kind in PATH_FIELDS.items():
        root = changed(root, pattern, partial(_moved_leaf, written_in=written_in, base=base, kind=kind))
    assert isinstance(root, Fields)
    return root


def _moved_leaf(leaf: Leaf, *, written_in: Path, base: Path, kind: Kind) -> Leaf:
    if not isinstance(leaf.value, str):
        return leaf
    return Leaf(rebased(leaf.value, written_in=written_in, base=base, kind=kind), leaf.at, leaf.plain)


def changed(node: Node, pattern: tuple[str, ...], change: Callable[[Leaf], Leaf]) -> Node:
    """Replace the scalars whose path fits a pattern."""
    if not pattern:
        return change(node) if isinstance(node, Leaf) else node
    head, rest = pattern[0], pattern[1:]
    match node:
        case Items() if head == ANY:
            return items(tuple(changed(item, rest, change) for item in node.items), node.at)
        case Fields():
            entries = {
                key: (at, changed(value, rest, change) if head in (ANY, key) else value)
                for key, (at, value) in node.entries.items()
            }
            return fields(entries, node.at)
        case _:
            return node
