"""The version of the spec format, and what is said to a spec of another one."""

from __future__ import annotations

from typing import Final

from auditlens.errors import SpecError
from auditlens.spec.nodes import Fields, Leaf, Problems

FIELD: Final = "auditlens"
CURRENT: Final = 1


def version_of(document: Fields) -> int | None:
    """Return the whole number under `auditlens`; None where there is none, which the types complain of."""
    entry = document.entries.get(FIELD)
    value = entry[1].value if entry and isinstance(entry[1], Leaf) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def check_version(document: Fields, shown: str) -> None:
    """Refuse a file of another version, before anything else in it is looked at: all of it may have other names.

    Parameters
    ----------
    document : Fields
    shown : str
        The file as the user named it.

    Raises
    ------
    SpecError
    """
    version = version_of(document)
    if version is None or version == CURRENT:
        return
    if 0 <= version < CURRENT:
        what = f"version {version} is older than {CURRENT}, which is read; rewrite it with: auditlens migrate {shown}"
    elif version > CURRENT:
        what = f"version {version} is newer than {CURRENT}, which is read; a newer auditlens is needed"
    else:
        what = f"there is no version {version}; {CURRENT} is read"
    problems = Problems()
    problems.add(document.entries[FIELD][1].at, (FIELD,), what)
    raise SpecError(what, faults=problems.errors)
