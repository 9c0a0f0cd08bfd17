"""Folders that are filled in a temporary place and renamed when whole."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from auditlens.errors import InputError
from auditlens.stages.base import canonical_json
from auditlens.store.atomic import write_bytes_atomically

LISTING: Final = ".auditlens-files.json"


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_whole(folder: Path) -> bool:
    """Whether a stored folder holds exactly the files it was made with, byte for byte."""
    try:
        listed = json.loads((folder / LISTING).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(listed == _listing(folder))


def fill_folder(folder: Path, compute: Callable[[Path], None]) -> None:
    """Let `compute` fill a temporary folder, list its files, and rename it to `folder`; on failure nothing is left.

    Raises
    ------
    InputError
        If the store cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise InputError(f"cannot write {folder}: {error.strerror or error}") from error
    try:
        content = temporary / "content"
        content.mkdir()
        compute(content)
        write_bytes_atomically(content / LISTING, canonical_json(_listing(content)).encode())
        _move(content, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _move(content: Path, folder: Path) -> None:
    """Rename; where another run was faster its whole folder stays, and a broken one goes."""
    if folder.exists() and not is_whole(folder):
        shutil.rmtree(folder)
    if not folder.exists():
        content.rename(folder)


def _listing(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in _files(folder)}


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != LISTING)
