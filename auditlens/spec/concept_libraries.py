"""The libraries of concepts that come with the tool, as values to list, show and look up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from auditlens.errors import AuditLensError, nearest
from auditlens.spec.include import LIBRARY, Reader, library_names
from auditlens.spec.model import Concept
from auditlens.spec.nodes import Fields, Problems, child, plain

PREFIX: Final = "auditlens/concepts/"


@dataclass(frozen=True, slots=True)
class ConceptLibrary:
    """One library.

    Attributes
    ----------
    name : str
        As `include:` names it, with `#GROUP` where only a group was asked for.
    about : str
        First line of its head comment.
    concepts : dict of str to Concept
        In the order of the file.
    """

    name: str
    about: str
    concepts: dict[str, Concept]

    @property
    def groups(self) -> dict[str, int]:
        """Number of concepts in each group, in the order of the file."""
        return dict(Counter(concept.group or "" for concept in self.concepts.values()))

    @property
    def sources(self) -> tuple[str, ...]:
        """Every source once, in the order of the file."""
        return tuple(dict.fromkeys(concept.source for concept in self.concepts.values()))


def concept_library_names() -> tuple[str, ...]:
    """List the libraries of concepts, as `include:` names them."""
    return tuple(name for name in library_names() if name.startswith(PREFIX))


def read_concept_library(name: str) -> ConceptLibrary:
    """Read a library by its name in `include:`, with or without `auditlens/concepts/` and with or without `#GROUP`.

    Raises
    ------
    AuditLensError
        Where there is no such library or group.
    """
    full = name if name.startswith(PREFIX) else PREFIX + name
    stem, sign, group = full.partition("#")
    if stem not in concept_library_names():
        raise AuditLensError(_unknown(name, ()))
    path = LIBRARY / (stem.removeprefix("auditlens/") + ".yaml")
    root, text = Reader({}, Problems()).read(path, str(path))
    library = ConceptLibrary(full, _about(text), _concepts(root))
    return _part(library, group) if sign else library


def _part(library: ConceptLibrary, group: str) -> ConceptLibrary:
    kept = {name: entry for name, entry in library.concepts.items() if f"{entry.group}/".startswith(f"{group}/")}
    if not kept:
        groups = tuple(library.groups)
        valid = ", ".join(groups)
        raise AuditLensError(f"no concept is in the group {group!r}; groups are {valid}{nearest(group, groups)}")
    return ConceptLibrary(library.name, library.about, kept)


def find_concept(name: str) -> dict[str, Concept]:
    """Look a concept up in every library.

    Returns
    -------
    dict of str to Concept
        Library -> its entry; at least one.

    Raises
    ------
    AuditLensError
        Where no library has it, with the nearest name.
    """
    libraries = [read_concept_library(library) for library in concept_library_names()]
    found = {library.name: library.concepts[name] for library in libraries if name in library.concepts}
    if not found:
        raise AuditLensError(_unknown(name, tuple(word for library in libraries for word in library.concepts)))
    return found


def _unknown(name: str, concepts: tuple[str, ...]) -> str:
    libraries = [library.removeprefix(PREFIX) for library in concept_library_names()]
    what = "library or concept" if concepts else "library"
    return f"there is no {what} {name!r}; libraries are {', '.join(libraries)}{nearest(name, (*libraries, *concepts))}"


def _about(text: str) -> str:
    return text.partition("\n")[0].removeprefix("#").strip()


def _concepts(root: Fields) -> dict[str, Concept]:
    found = child(root, "concepts")
    entries = plain(found[1]) if found else {}
    return {name: Concept.model_validate(entry, strict=False) for name, entry in entries.items()}
