"""Named arrays as one `.npz` that carries the SHA-256 of its content."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from auditlens.store.atomic import write_atomically

if TYPE_CHECKING:  # numpy is imported where it is used: light commands import this room too
    from numpy.typing import NDArray

Arrays: TypeAlias = "dict[str, NDArray[Any]]"
CHECKSUM: Final = "__sha256__"
UNREADABLE: Final = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError)


def normalise(arrays: Mapping[str, Any]) -> Arrays:
    """Return plain C-ordered arrays, so that a fresh result and one read back are the same in every byte.

    Raises
    ------
    TypeError
        For arrays of Python objects, which are never stored.
    """
    import numpy as np

    plain = {name: np.asarray(value, order="C") for name, value in arrays.items()}
    objects = [name for name, value in plain.items() if value.dtype.hasobject]
    if objects:
        raise TypeError(f"arrays of Python objects are not stored: {', '.join(objects)}")
    return plain


def checksum(arrays: Arrays) -> str:
    """SHA-256 over names, types, shapes and bytes, in the order of the mapping."""
    digest = hashlib.sha256()
    for name, value in arrays.items():
        digest.update(f"{name}|{value.dtype.str}|{value.shape}|".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write the arrays and their checksum to `path`, whole or not at all."""
    import numpy as np

    content: dict[str, Any] = {**arrays, CHECKSUM: np.array(checksum(arrays))}
    write_atomically(path, lambda file: np.savez(file, **content))


def read_arrays(path: Path) -> Arrays | None:
    """Read arrays back.

    Returns
    -------
    dict or None
        None where the file is absent, cut short or does not match its checksum.
    """
    import numpy as np

    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: np.asarray(archive[name], order="C") for name in archive.files}
    except UNREADABLE:
        return None
    expected = arrays.pop(CHECKSUM, None)
    return arrays if expected is not None and str(expected) == checksum(arrays) else None
