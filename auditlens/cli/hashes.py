"""Hashes go into the spec file: a few characters each, everything else as it was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from auditlens.errors import IntegrityError, SpecError
from auditlens.spec.hashes import with_hash
from auditlens.spec.load import load_spec
from auditlens.stages.planned_run import FoundHash
from auditlens.store.atomic import write_bytes_atomically


def write_found(path: Path, variables: Mapping[str, str], found: Iterable[FoundHash], *, force: bool) -> Iterator[str]:
    """Write every hash that the spec lacks into its file; say what was done. The files were there when it was planned.

    Raises
    ------
    IntegrityError
        A hash of the spec is another one, and `force` is not given.
    """
    loaded = load_spec(path, variables, check_paths=False)
    rows = list(found)
    for row in rows:
        if not row.agrees and not force:
            raise IntegrityError(
                f"{row.field}: the spec has {row.declared}; that of {row.what} is {row.sha256}",
                location=loaded.locate(_parts(row.field)),
                hint="a file that changed is what a hash is for; --force writes the new one",
            )
    before = path.read_bytes()
    text = before.decode("utf-8")  # not `read_text`, which would change the line ends of Windows
    for row in rows:
        if row.declared == row.sha256:
            continue
        changed = with_hash(text, _parts(row.field), row.sha256)
        if changed is None:
            yield f"{row.field}: not written, since this part of the spec does not stand in {path}; it is {row.sha256}"
            continue
        text = changed
        yield f"{row.field}: {'written' if row.declared is None else 'replaced'}, {row.sha256}"
    if text.encode("utf-8") != before:
        _put(path, text.encode("utf-8"), before, variables)


def _put(path: Path, content: bytes, before: bytes, variables: Mapping[str, str]) -> None:
    """Write the spec; what was written must be as valid as before, else it is as before."""
    write_bytes_atomically(path, content)
    try:
        load_spec(path, variables, check_paths=False)
    except SpecError:
        write_bytes_atomically(path, before)
        raise


def _parts(field: str) -> tuple[str | int, ...]:
    return tuple(int(part) if part.isdigit() else part for part in field.split("."))
