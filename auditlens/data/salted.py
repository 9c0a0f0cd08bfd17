"""Lists of salted ids: whether two parties share a patient, without either handing over its ids.

A list is a text file: `# check: HEX`, then one line per distinct id, sorted. Each line is the HMAC-SHA-256 of the id's
text (UTF-8, blanks at both ends taken off) with the salt as the key, in 64 hexadecimal digits. The check line is the
same of the text `auditlens salted ids`, so that a wrong salt, which would never find anything, is told.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from auditlens.data.tables import read_table
from auditlens.errors import InputError, IntegrityError, Location, nearest

CHECKED: Final = "auditlens salted ids"
HEAD: Final = "# check: "
LINE: Final = re.compile(r"[0-9a-f]{64}")
HINT: Final = "write the list with `auditlens salt-ids`"


@dataclass(frozen=True, slots=True)
class SaltedList:
    """A list as it was read."""

    path: Path
    sha256: str
    hashes: frozenset[str]


def salted(text: str, salt: str) -> str:
    """HMAC-SHA-256 of an id, in hexadecimal digits."""
    return hmac.new(salt.encode(), text.strip().encode(), hashlib.sha256).hexdigest()


def list_text(ids: Iterable[str], salt: str) -> str:
    """Write a list; sorted by hash, so that the order of the ids is not told."""
    return "\n".join([HEAD + salted(CHECKED, salt), *sorted({salted(text, salt) for text in ids})]) + "\n"


def column_ids(manifest: Path, column: str) -> tuple[set[str], int]:
    """Read the distinct filled cells of a column, and how many cells are empty.

    Raises
    ------
    InputError
        No such table or column.
    """
    table = read_table(manifest)
    if column not in table.columns:
        valid = ", ".join(table.columns)
        raise InputError(
            f"no column {column!r}; the columns are {valid}{nearest(column, table.columns)}",
            location=Location(str(manifest), 1),
        )
    cells = [row.cells[column] for row in table.rows]
    return {cell for cell in cells if cell is not None}, sum(cell is None for cell in cells)


def read_list(path: Path, salt: str) -> SaltedList:
    """Read a list, and check that it was made with this salt.

    Raises
    ------
    InputError
        It cannot be read, has no check line or no id, or a line is no hash: the line is named, never shown.
    IntegrityError
        It was made with another salt.
    """
    try:
        raw = path.read_bytes()
        lines = raw.decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the list of salted ids {path} cannot be read as text", hint=HINT) from error
    _demand_salt(path, lines, salt)
    hashes = {number: line.strip() for number, line in enumerate(lines, start=1) if _counts(line)}
    strange = next((number for number, line in hashes.items() if not LINE.fullmatch(line)), None)
    if strange is not None:
        raise InputError("not the 64 digits of a salted id", location=Location(str(path), strange), hint=HINT)
    if not hashes:
        raise InputError(f"the list of salted ids {path} is empty, so that nothing would be checked", hint=HINT)
    return SaltedList(path, hashlib.sha256(raw).hexdigest(), frozenset(hashes.values()))


def _counts(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("#")


def _demand_salt(path: Path, lines: Iterable[str], salt: str) -> None:
    found = next((line.removeprefix(HEAD).strip() for line in lines if line.startswith(HEAD)), None)
    if found is None:
        raise InputError(
            f"the list of salted ids {path} has no line that begins with {HEAD.strip()!r}, so that nothing shows which "
            "salt it was made with",
            hint=HINT,
        )
    if not hmac.compare_digest(found, salted(CHECKED, salt)):
        raise IntegrityError(f"the list of salted ids {path} was made with another salt than data.forbidden_overlap's")
