"""YAML text as a tree that remembers where each key and value stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, Final

from auditlens.errors import Fault, Location, Severity, SpecError
from auditlens.spec.scalars import Scalar

MOST_FAULTS: Final = 500
_LONGEST_SENTENCE: Final = 2000
TOO_MANY: Final = f"more than {MOST_FAULTS} faults; the others are left out"
Path = tuple[str | int, ...]
"""Keys and indices from the top of the document."""
ANY: Final = "*"


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """A scalar; `plain` where it was written without quotes."""

    value: Scalar
    at: Location
    plain: bool = True
    size: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """A list."""

    items: tuple[Node, ...]
    at: Location
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """A mapping: key -> (place of the key, value)."""

    entries: dict[str, tuple[Location, Node]]
    at: Location
    size: int


Node = Leaf | Items | Fields


def plain(node: Node) -> Any:
    """Return the tree as dicts, lists and scalars."""
    match node:
        case Leaf():
            return node.value
        case Items():
            return [plain(item) for item in node.items]
        case Fields():
            return {key: plain(value) for key, (_, value) in node.entries.items()}


def fields(entries: dict[str, tuple[Location, Node]], at: Location) -> Fields:
    """Make a mapping; its size is counted."""
    return Fields(entries, at, 1 + sum(value.size for _, value in entries.values()))


def items(nodes: tuple[Node, ...], at: Location) -> Items:
    """Make a list; its size is counted."""
    return Items(nodes, at, 1 + sum(node.size for node in nodes))


def child(node: Node, step: str | int) -> tuple[Location, Node] | None:
    """Return where the entry `step` is announced (its key, or the item itself) and its value."""
    match node, step:
        case Fields(), str():
            return node.entries.get(step)
        case Items(), int() if 0 <= step < len(node.items):
            return node.items[step].at, node.items[step]
        case _:
            return None


def place(root: Node, path: Path, *, key: bool = False) -> Location:
    """Find where a path stands: at the value of a scalar, at the key of a list or mapping.

    A path that goes further than the document ends at the deepest entry that exists. `key=True` asks for the key of
    a scalar too.
    """
    at, node = root.at, root
    for step in path:
        found = child(node, step)
        if found is None:
            break
        at, node = found
    return node.at if isinstance(node, Leaf) and not key else at


def select(node: Node, pattern: tuple[str, ...], path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Find every entry whose path fits a pattern; `*` stands for any key or index."""
    if not pattern:
        yield path, node
        return
    head, rest = pattern[0], pattern[1:]
    if head == ANY:
        for step, value in _steps(node):
            yield from select(value, rest, (*path, step))
    elif found := child(node, head):
        yield from select(found[1], rest, (*path, head))


def _steps(node: Node) -> Iterator[tuple[str | int, Node]]:
    match node:
        case Items():
            yield from enumerate(node.items)
        case Fields():
            yield from ((key, value) for key, (_, value) in node.entries.items())


@dataclass(slots=True)
class Problems:
    """The faults found so far, each with its place."""

    found: set[Fault] = field(default_factory=set)
    inherited: dict[Path, Path] = field(default_factory=dict)
    """Where a value was taken over from; the same fault there and here is told there alone."""
    incomplete: set[Path] = field(default_factory=set)
    """Parts that extend something that is not there: what they lack is not told besides."""
    _said: dict[tuple[Path, str], Fault] = field(default_factory=dict)
    _counts: Counter[Severity] = field(default_factory=Counter)

    def add(self, at: Location, path: Path, sentence: str, severity: Severity = "error") -> None:
        """Note a fault; the same one twice counts once. Of doubts, as many are kept as anybody reads.

        Raises
        ------
        SpecError
            After so many errors that nobody reads them, so that a hopeless file is told of at once.
        """
        place = Location(one_line(at.file), at.line, at.column)
        fault = Fault(place, one_line(_cut(dotted(path))), one_line(_cut(sentence)), severity)
        if fault not in self.found and self._counts[severity] >= MOST_FAULTS:
            if severity == "warning":
                return
            last = Fault(place, "", TOO_MANY)
            raise SpecError(last.message, faults=(*self.errors, last))
        self._counts[severity] += fault not in self.found
        self.found.add(fault)
        self._said[path, sentence] = fault

    def _echoes(self) -> set[Fault]:
        """Faults of values that were taken over, and that are told where the value was written."""
        return {fault for (path, sentence), fault in self._said.items() if self._is_told_above(path, sentence)}

    def _is_told_above(self, path: Path, sentence: str) -> bool:
        origin = self.inherited.get(path[:3])
        return origin is not None and ((*origin, *path[3:]), sentence) in self._said

    def __bool__(self) -> bool:
        """Whether anything is wrong; a warning is not."""
        return bool(self.errors)

    @property
    def errors(self) -> tuple[Fault, ...]:
        """What is wrong, in the order of the files."""
        return tuple(fault for fault in self._sorted() if fault.severity == "error")

    @property
    def warnings(self) -> tuple[Fault, ...]:
        """What is doubtful, in the order of the files."""
        return tuple(fault for fault in self._sorted() if fault.severity == "warning")

    def _sorted(self) -> list[Fault]:
        def place(fault: Fault) -> tuple[str, int, int, str]:
            at = fault.location
            return at.file, at.line or 0, at.column or 0, str(fault)

        return sorted(self.found - self._echoes(), key=place)

    def demand_none(self, path: FilePath) -> None:
        """Tell everything that is wrong.

        Raises
        ------
        SpecError
            Where anything is.
        """
        if self.errors:
            raise SpecError(f"{path}: {len(self.errors)} problem(s)", faults=self.errors)


def one_line(text: str) -> str:
    """Escape line breaks and control characters, which a spec may hold and a terminal must not get."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def _cut(text: str) -> str:
    """Leave out the middle of what nobody reads: a value of a hundred pages, say."""
    half = _LONGEST_SENTENCE // 2
    return text if len(text) <= _LONGEST_SENTENCE else f"{text[:half]} ... {text[-half:]}"


def dotted(path: Path) -> str:
    """Write a path as `gates.missed.limit` or `waivers[0].gate`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")
