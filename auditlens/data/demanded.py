"""What a spec asks of the further columns of its images, held against each set that may be audited.

Subgroups and artefacts are about the audited images, so these must have their columns. A concept's column may be in the
set for observability instead, which then says where the concept is; see `auditlens.spec.sets` for who reads what.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from auditlens.data.tables import as_text, numeric
from auditlens.errors import nearest
from auditlens.spec.nodes import Fields, Leaf, Problems, place, select
from auditlens.spec.nodes import Path as Keys
from auditlens.spec.paths import Pattern
from auditlens.spec.references import text_at
from auditlens.spec.sets import AUDITED
from auditlens.stages.sets import SetRole

Cells = Mapping[str, str | None]
Texts = Mapping[str, Sequence[str]]
"""By column: its distinct filled cells."""
SHOWN: Final = 8
CONCEPTS: Final[Pattern] = ("concepts", "*", "column")
AUDITED_COLUMNS: Final[tuple[Pattern, ...]] = (
    ("data", "strata", "by", "*"),
    ("artefacts", "*", "column"),
    ("artefacts", "*", "clean_of", "*"),
    ("artefacts", "*", "swap", "column"),
)
"""Fields that name a further column of the audited images."""
KEYED: Final[tuple[Pattern, ...]] = (("artefacts", "*", "only"), ("gates", "*", "within"), ("waivers", "*", "within"))
"""Mappings from a column to a value, or values, that it must have."""
VALUED: Final[tuple[tuple[Pattern, str], ...]] = (
    (("concepts", "*", "value"), "column"),
    (("artefacts", "*", "swap", "from"), "column"),
    (("artefacts", "*", "swap", "to"), "column"),
)
"""Fields that name a value, with the field beside them that names its column."""


@dataclass(frozen=True, slots=True)
class Source:
    """One source of images as it was found.

    Attributes
    ----------
    set_name, role : str or None
        None where the spec has one source only.
    file : str
        How a message names it.
    texts : Texts
        Of the columns without a use of their own, and of the images that an audit uses.
    known : bool
        False where it could not be read, or is generated: then nothing is asked of it.
    """

    set_name: str | None
    role: str | None
    file: str = ""
    texts: Texts = field(default_factory=dict)
    known: bool = True

    def __str__(self) -> str:
        """As a message names it: the file, and the set that it is."""
        return self.file if self.set_name is None else f"{self.file} ({self.role} set {self.set_name})"


def check_columns(
    root: Fields, sources: Iterable[Source], problems: Problems, audited: Collection[str], *, others: bool
) -> None:
    """Note columns and values that a run would look for in vain.

    Parameters
    ----------
    root : Fields
        The merged document.
    sources : iterable of Source
        Those that were read.
    problems : Problems
    audited : collection of str
        Sets that are audited where nobody asks for another.
    others : bool
        Whether a run may ask for another: what that lacks is a warning.
    """
    found = [*sources]
    seeing = next((one for one in found if one.role == SetRole.OBSERVABILITY), None)
    for one in found:
        named = one.set_name is None or one.set_name in audited
        if one.known and (named or (others and one.role in AUDITED)):
            _Asked(root, problems, one, seeing if one is not seeing else None, warn=not named).check()


@dataclass(frozen=True, slots=True)
class _Asked:
    """A spec held against one set that is audited, and the one that shows what is seen, if any."""

    root: Fields
    problems: Problems
    audited: Source
    seeing: Source | None
    warn: bool

    def check(self) -> None:
        """Look at columns, their values and their flags."""
        for pattern in AUDITED_COLUMNS:
            for path, column in texts_at(self.root, pattern):
                self._demand(path, column)
        for path, node in select(self.root, KEYED[0]):  # columns of the others are told as no stratum
            for column in node.entries if isinstance(node, Fields) else ():
                self._demand((*path, column), column, key=True)
        for path, column in texts_at(self.root, CONCEPTS):
            if not (self.seeing is not None and (not self.seeing.known or column in self.seeing.texts)):
                self._demand(path, column, self.seeing)
        self._values()
        self._flags()

    def _add(self, path: Keys, sentence: str, *, key: bool = False) -> None:
        tail = f"; a run with --data {self.audited.set_name} would end here" if self.warn else ""
        self.problems.add(place(self.root, path, key=key), path, sentence + tail, "warning" if self.warn else "error")

    def _demand(self, path: Keys, column: str, other: Source | None = None, *, key: bool = False) -> None:
        columns = tuple(dict.fromkeys((*self.audited.texts, *(other.texts if other is not None else ()))))
        if column in columns:
            return
        valid = f"valid are {some(columns)}" if columns else "it has none besides those of `data`"
        who = f"{self.audited} has" if other is None else f"neither {self.audited} nor {other} has"
        no = "no further" if other is None else "a further"
        self._add(path, f"{who} {no} column {column!r}; {valid}{nearest(column, columns)}", key=key)

    def _values(self) -> None:
        for path, column, value in _keyed(self.root):
            self._demand_value(path, column, value, self.audited)
        for pattern, named in VALUED:
            for path, node in select(self.root, pattern):
                beside = text_at(self.root, *path[:-1], named)
                if beside is not None and isinstance(node, Leaf) and node.value is not None:
                    labelling = self._labelling(beside) if path[0] == "concepts" else self.audited
                    self._demand_value(path, beside, node.value, labelling)

    def _labelling(self, column: str) -> Source:
        """What says where a concept is: the set for observability, where it has the column."""
        return self.seeing if self.seeing is not None and column in self.seeing.texts else self.audited

    def _demand_value(self, path: Keys, column: str, value: object, source: Source) -> None:
        text = as_text(value) if isinstance(value, int | float) else str(value)
        found = source.texts.get(column)
        if found is not None and text not in found:
            who = "no image" if source.set_name is None else f"no image of {source}"
            near = nearest(text, found)
            self._add(path, f"{who} has {text!r} in column {column!r}; found are {some(found)}{near}")

    def _flags(self) -> None:
        """A concept's column without a value, and an artefact's, hold 0 and 1."""
        for path, column in texts_at(self.root, CONCEPTS):
            for one in filter(None, (self.seeing, self.audited)):
                strange = [text for text in one.texts.get(column, ()) if not _is_share(text)]
                if strange and text_at(self.root, *path[:-1], "value") is None:
                    hint = f"name the value that means present: `value: {strange[0]}`"
                    self._add(path, f"{column!r} is no 0/1 column, it holds {some(strange)}; {hint}")
        for pattern in AUDITED_COLUMNS[1:3]:
            for path, column in texts_at(self.root, pattern):
                strange = [text for text in self.audited.texts.get(column, ()) if numeric(text) is None]
                if strange:
                    self._add(path, f"{column!r} is no 0/1 column, it holds {some(strange)}")


def _keyed(root: Fields) -> Iterator[tuple[Keys, str, object]]:
    """Every value that a mapping from columns names, with its place and its column."""
    for pattern in KEYED:
        for path, node in select(root, pattern):
            for column, (_, value) in node.entries.items() if isinstance(node, Fields) else ():
                for keys, leaf in (*select(value, ("*",)), *select(value, ())):
                    if isinstance(leaf, Leaf) and leaf.value is not None:
                        yield (*path, column, *keys), column, leaf.value


def _is_share(text: str) -> bool:
    number = numeric(text)
    return number is not None and 0 <= number <= 1


def texts_at(root: Fields, pattern: Pattern) -> Iterator[tuple[Keys, str]]:
    """Every text whose path fits a pattern, with its place."""
    for path, node in select(root, pattern):
        if isinstance(node, Leaf) and isinstance(node.value, str):
            yield path, node.value


def texts_of(rows: Iterable[Cells], column: str) -> tuple[str, ...]:
    """Distinct filled cells as the index writes them: numbers without needless decimals where all are numbers."""
    texts = sorted({text for cells in rows if (text := cells.get(column)) is not None})
    numbers = [numeric(text) for text in texts]
    if any(number is None for number in numbers):
        return tuple(texts)
    return tuple(as_text(number) for number in sorted({number for number in numbers if number is not None}))


def some(names: Sequence[str]) -> str:
    """List the first few, and how many there are."""
    more = f", ... ({len(names)} in all)" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
