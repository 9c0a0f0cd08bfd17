"""Every error that a user can meet.

::

    AuditLensError              root; message, optional location and hint; exit code 2
    |-- SpecError               the spec is wrong: file:line:col, path, what is valid, nearest match
    |-- InputError              a file, folder, column or image that the spec names is missing or broken
    |   |-- ImageError          one image cannot be read or decoded
    |   `-- IntegrityError      a SHA-256, a reference prediction or a stored result does not match
    |-- ModelError              the audited model cannot be built, loaded or does not fit its description
    |   `-- LayerError          a layer name that the model does not have
    |-- FoundationError         the foundation model cannot be loaded or does not do what is asked
    |-- ArtefactError           an artefact cannot be rendered as described
    `-- ReportError             a report cannot be written (a missing system library, say)

Whatever else escapes is a fault of ours: the command line prints it as one and exits with 4.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Final, Literal

_LONGEST_WORD: Final = 100
_FEW_NAMES: Final = 64


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a text file; line and column count from 1."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        """`file:line:col`, as far as it is known."""
        parts = [self.file, self.line, self.column]
        return ":".join(str(part) for part in parts if part is not None)


Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing about a spec: wrong (an error), or legal but doubtful (a warning).

    Attributes
    ----------
    location : Location
    path : str
        The field, such as `gates.missed.limit`; empty where the fault is the file's.
    message : str
        What is wrong, what is valid, nearest match.
    severity : {"error", "warning"}
    """

    location: Location
    path: str
    message: str
    severity: Severity = "error"

    def __str__(self) -> str:
        """`file:line:col: path: message`; a warning says that it is one."""
        parts = (str(self.location), "warning" if self.severity == "warning" else "", self.path, self.message)
        return ": ".join(part for part in parts if part)


class AuditLensError(Exception):
    """Something that the user can put right.

    Parameters
    ----------
    message : str
        What is wrong and what is valid, in one sentence.
    location : Location, optional
        Where in the spec or in a file.
    hint : str, optional
        What to do about it.

    Attributes
    ----------
    field : tuple of str and int, optional
        The spec's field that is at fault, for whoever can say where it stands.
    """

    field: tuple[str | int, ...] | None = None

    def __init__(self, message: str, *, location: Location | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.location = location
        self.hint = hint

    def __str__(self) -> str:
        """The whole text: location, message, hint."""
        where = f"{self.location}: " if self.location else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}{self.message}{hint}"


class SpecError(AuditLensError):
    """The spec is wrong; `faults` has all that is wrong at once, and `problems` the same as lines, at most 50."""

    SHOWN: ClassVar[int] = 50

    def __init__(
        self,
        message: str,
        *,
        location: Location | None = None,
        hint: str | None = None,
        faults: Iterable[Fault] = (),
    ) -> None:
        super().__init__(message, location=location, hint=hint)
        self.faults = tuple(faults)

    @property
    def problems(self) -> tuple[str, ...]:
        """One line per fault, and one that says how many more there are."""
        lines = [str(fault) for fault in self.faults]
        more = [f"... and {len(lines) - self.SHOWN} more"] if len(lines) > self.SHOWN else []
        return (*lines[: self.SHOWN], *more)

    def __str__(self) -> str:
        """One line per problem, or the single message."""
        return "\n".join(self.problems) if self.problems else super().__str__()


class InputError(AuditLensError):
    """A file, folder, column or image that the spec names is missing or broken."""


class ImageError(InputError):
    """One image cannot be read or decoded."""


class IntegrityError(InputError):
    """A hash, a reference prediction or a stored result does not match."""


class ModelError(AuditLensError):
    """The audited model cannot be built, loaded or does not fit its description."""


class LayerError(ModelError):
    """A layer name that the model does not have."""


class FoundationError(AuditLensError):
    """The foundation model cannot be loaded or does not do what is asked."""


class ArtefactError(AuditLensError):
    """An artefact cannot be rendered as described."""


class ReportError(AuditLensError):
    """A report cannot be written."""


def nearest(word: str, valid: Iterable[str]) -> str:
    """Suggest the closest valid word.

    Returns
    -------
    str
        ``"; did you mean 'x'?"``, or an empty text where nothing is close. Among very many names only those that are
        one sign away from it count, so that a file of thousands of faults is told of at once.
    """
    names = tuple(valid)
    if len(word) > _LONGEST_WORD:
        return ""
    match = _close(word, names) if len(names) <= _FEW_NAMES else _one_sign_away(word, names)
    return f"; did you mean {match!r}?" if match else ""


def _close(word: str, names: tuple[str, ...]) -> str | None:
    return next(iter(difflib.get_close_matches(word, names, n=1, cutoff=0.6)), None)


def _one_sign_away(word: str, names: tuple[str, ...]) -> str | None:
    """Find a name that gives the same text as the word where each may lose one sign."""
    index = _index(names)
    return next((index[form] for form in _shortened(word) if form in index), None)


@lru_cache(maxsize=4)
def _index(names: tuple[str, ...]) -> dict[str, str]:
    index: dict[str, str] = {}
    for name in names:
        for form in _shortened(name[:_LONGEST_WORD]):
            index.setdefault(form, name)
    return index


def _shortened(word: str) -> Iterator[str]:
    folded = word.casefold()
    yield folded
    yield from (folded[:at] + folded[at + 1 :] for at in range(len(folded)))
