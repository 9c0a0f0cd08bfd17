"""Lock files: what was fixed before the run, by whom, and what was amended since."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from auditlens.errors import InputError, IntegrityError, SpecError
from auditlens.protocol.document import changes_since, document_sha256, locked_document
from auditlens.protocol.signature import raw_public_key, sign_bytes, verified_fingerprint
from auditlens.spec.load import LoadedSpec
from auditlens.spec.paths import resolve
from auditlens.stages.base import canonical_json
from auditlens.stages.protocol import FieldChange, LockEntry, LockFile, LockState
from auditlens.store.atomic import write_bytes_atomically

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def lock_path(loaded: LoadedSpec) -> Path:
    """Where the spec's lock lies.

    Raises
    ------
    SpecError
        The spec names none.
    """
    protocol = loaded.spec.protocol
    if protocol is None or protocol.lock is None:
        raise SpecError(
            "the spec names no lock file",
            location=loaded.locate(("protocol",)),
            hint="add protocol: {lock: FILE.lock}",
        )
    return resolve(protocol.lock, loaded.base)


def read_lock(path: Path) -> LockFile | None:
    """Read a lock and check that it hangs together; None where there is none.

    Raises
    ------
    IntegrityError
        It was changed by hand: the spec in it is not the one of its last entry, an entry does not follow from the one
        before, or a signature is not of its key.
    InputError
        It cannot be read.
    """
    try:
        lock = LockFile.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"cannot read the lock {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise InputError(f"{path} is no lock file: {str(error).splitlines()[0]}") from error
    _demand_chain(lock, path)
    return lock


def _demand_chain(lock: LockFile, path: Path) -> None:
    if not lock.entries:
        raise IntegrityError(f"the lock {path} has no entry")
    if document_sha256(lock.spec) != lock.entries[-1].spec_sha256:
        raise IntegrityError(f"the lock {path} was changed: the spec in it is not the one that was locked")
    before: LockEntry | None = None
    for number, entry in enumerate(lock.entries):
        if entry.previous_sha256 != (None if before is None else entry_sha256(before)):
            raise IntegrityError(f"the lock {path} was changed: entry {number + 1} does not follow from the one before")
        if entry.signature is not None:
            _signed_with(entry, path)
        before = entry


def entry_sha256(entry: LockEntry) -> str:
    """SHA-256 of an entry with its signature."""
    return hashlib.sha256(canonical_json(entry.model_dump(mode="json")).encode()).hexdigest()


def _signed_bytes(entry: LockEntry) -> bytes:
    return canonical_json(entry.model_dump(mode="json", exclude={"signature"})).encode()


def _signed_with(entry: LockEntry, path: Path) -> str:
    assert entry.signature is not None  # the caller has looked
    what = f"the entry of {entry.date} in the lock {path}"
    return verified_fingerprint(_signed_bytes(entry), entry.signature, entry.public_key or "", what)


def lock_state(loaded: LoadedSpec) -> LockState | None:
    """Say how the spec stands to its lock; None where it names none.

    Raises
    ------
    IntegrityError, InputError
        As `read_lock`.
    """
    protocol = loaded.spec.protocol
    if protocol is None or protocol.lock is None:
        return None
    path = resolve(protocol.lock, loaded.base)
    lock = read_lock(path)
    if lock is None:
        return LockState(file=protocol.lock, present=False)
    first, last = lock.entries[0], lock.entries[-1]
    return LockState(
        file=protocol.lock,
        present=True,
        date=first.date,
        by=first.by,
        n_amendments=len(lock.entries) - 1,
        last_amended=last.date if len(lock.entries) > 1 else "",
        changed=tuple(change.field for change in changes_since(lock.spec, loaded.spec)),
        signed_with="" if last.signature is None else _signed_with(last, path),
    )


def write_lock(
    loaded: LoadedSpec, by: str, *, amend: str | None = None, key: Ed25519PrivateKey | None = None
) -> tuple[LockFile, tuple[FieldChange, ...]]:
    """Lock a spec, or amend its lock.

    Parameters
    ----------
    loaded : LoadedSpec
    by : str
        Who does it.
    amend : str, optional
        Why a spec that was locked is changed.
    key : Ed25519PrivateKey, optional
        Signs the entry.

    Returns
    -------
    LockFile
        As written; as it was where the spec is the one that was locked.
    tuple of FieldChange
        What was amended.

    Raises
    ------
    InputError
        The spec differs from what was locked and no reason is given, or there is nothing to amend.
    """
    path = lock_path(loaded)
    earlier = read_lock(path)
    changes = changes_since(earlier.spec, loaded.spec) if earlier is not None else ()
    _demand_reason(path, earlier, changes, amend)
    if earlier is not None and not changes:
        return earlier, ()
    document = locked_document(loaded.spec)
    entry = LockEntry(
        date=today_utc().isoformat(),
        by=by,
        spec_sha256=document_sha256(document),
        reason=amend or "",
        changes=changes,
        previous_sha256=entry_sha256(earlier.entries[-1]) if earlier is not None else None,
    )
    entries = (*(earlier.entries if earlier is not None else ()), _signed(entry, key))
    lock = LockFile(audit_id=loaded.spec.audit.id, entries=entries, spec=document)
    text = json.dumps(lock.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"
    write_bytes_atomically(path, text.encode("utf-8"))
    return lock, changes


def today_utc() -> date:
    """The day, the same everywhere."""
    return datetime.now(UTC).date()


def _signed(entry: LockEntry, key: Ed25519PrivateKey | None) -> LockEntry:
    if key is None:
        return entry
    named = entry.model_copy(update={"public_key": raw_public_key(key.public_key())})
    return named.model_copy(update={"signature": sign_bytes(_signed_bytes(named), key)})


def _demand_reason(path: Path, earlier: LockFile | None, changes: tuple[FieldChange, ...], amend: str | None) -> None:
    if earlier is None and amend is not None:
        raise InputError(f"there is no lock {path} to amend", hint="lock first, without --amend")
    if earlier is not None and not changes and amend is not None:
        raise InputError(f"the spec is the one that was locked in {path}; there is nothing to amend")
    if changes and not (amend or "").strip():
        shown = "; ".join(str(change) for change in changes[:3]) + ("; ..." if len(changes) > 3 else "")
        raise InputError(
            f"the spec differs from what was locked in {path} ({shown})", hint="--amend REASON adds an amendment"
        )
