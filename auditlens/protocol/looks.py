"""The ledger of looks at the sealed data: one line each, every line chained to the one before."""

from __future__ import annotations

import getpass
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from auditlens.errors import InputError, IntegrityError, Location
from auditlens.protocol.document import document_sha256, locked_document
from auditlens.protocol.lock import today_utc
from auditlens.spec.load import LoadedSpec
from auditlens.spec.paths import resolve
from auditlens.stages.base import canonical_json
from auditlens.stages.protocol import LockState, Look, LookState
from auditlens.version import __version__

Identity = tuple[str, str | None, str]
"""SHA-256 of what a lock fixes, of the model, and of the data."""


def identity_of(loaded: LoadedSpec, model_sha256: str | None, data_sha256: str) -> Identity:
    """What makes two runs the same look."""
    return document_sha256(locked_document(loaded.spec)), model_sha256, data_sha256


def look_state(loaded: LoadedSpec, identity: Identity, lock: LockState | None) -> LookState | None:
    """Say which look a run is; None where the spec keeps no ledger. Nothing is written.

    Raises
    ------
    IntegrityError
        Lines of the ledger were removed or changed.
    """
    protocol = loaded.spec.protocol
    if protocol is None or protocol.looks is None:
        return None
    looks = read_looks(resolve(protocol.looks, loaded.base))
    first = looks[0].date if looks else ""
    return LookState(
        file=protocol.looks,
        number=_number(looks, identity),
        release_looks=protocol.release_looks,
        amended_after_first=bool(first and lock is not None and lock.last_amended and lock.last_amended >= first),
    )


def _number(looks: tuple[Look, ...], identity: Identity) -> int:
    known = next((look.look for look in looks if look.identity == identity), None)
    return len(looks) + 1 if known is None else known


def read_looks(path: Path) -> tuple[Look, ...]:
    """Read a ledger and check its chain; empty where there is none.

    Raises
    ------
    IntegrityError, InputError
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise InputError(f"cannot read the ledger {path}: {error.strerror or error}") from error
    return _parsed(content, path)


def _parsed(content: bytes, path: Path) -> tuple[Look, ...]:
    looks: list[Look] = []
    before: bytes | None = None
    for number, line in enumerate(content.splitlines(), 1):
        where = Location(str(path), number)
        try:
            look = Look.model_validate_json(line)
        except ValueError as error:
            raise IntegrityError("this line of the ledger is no look", location=where) from error
        if look.previous_sha256 != (None if before is None else line_sha256(before)) or look.look != number:
            said = "this look does not follow from the line before: a line was removed, added or changed"
            raise IntegrityError(said, location=where)
        looks.append(look)
        before = line
    return tuple(looks)


def line_sha256(line: bytes) -> str:
    """SHA-256 of a line without its end."""
    return hashlib.sha256(line).hexdigest()


def add_look(
    loaded: LoadedSpec, state: LookState, identity: Identity, outcome: str, exit_code: int
) -> dict[str, str | int]:
    """Write a look into the ledger, unless it is there already.

    Returns
    -------
    dict
        Its number, the ledger, and the SHA-256 of its line, for the run's log.

    Raises
    ------
    InputError
        The ledger cannot be written, or another run added a look meanwhile.
    """
    path = resolve(state.file, loaded.base)
    with _opened(path) as file:
        content = file.read()
        looks, lines = _parsed(content, path), content.splitlines()
        if _number(looks, identity) != state.number:
            raise InputError(f"another run wrote a look into {path} meanwhile; run again, all results are kept")
        if state.number > len(looks):
            lines.append(_line(state, identity, outcome, exit_code, lines[-1] if lines else None))
            file.write(lines[-1] + b"\n")
    return {"look": state.number, "ledger": str(path), "line_sha256": line_sha256(lines[state.number - 1])}


def _line(state: LookState, identity: Identity, outcome: str, exit_code: int, before: bytes | None) -> bytes:
    look = Look(
        look=state.number,
        date=today_utc().isoformat(),
        spec_sha256=identity[0],
        model_sha256=identity[1],
        data_sha256=identity[2],
        outcome=outcome,
        exit_code=exit_code,
        user=_user(),
        auditlens=__version__,
        previous_sha256=None if before is None else line_sha256(before),
    )
    return canonical_json(look.model_dump(mode="json")).encode()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user may have no name
        return "unknown"


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open for reading and appending, alone where the system can promise that."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            _alone(file)
            file.seek(0)
            yield file
    except OSError as error:
        raise InputError(f"cannot write the ledger {path}: {error.strerror or error}") from error


def _alone(file: BinaryIO) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        return
    fcntl.flock(file, fcntl.LOCK_EX)
