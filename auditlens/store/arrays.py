"""Named arrays as one `.npz` that carries the SHA-256 of its content."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeAlias

from auditlens.store.atomic import write_atomically

if TYPE_CHECKING:  # numpy is imported where it is used: light commands import this room too
    import numpy as np
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


def join_arrays(folder: Path, n_rows: int, chunks: Iterable[Arrays]) -> None:
    """Write chunks one after the other into one `.npy` file per name, holding one chunk at a time.

    Parameters
    ----------
    folder : Path
        Empty.
    n_rows : int
        Of all chunks together.
    chunks : iterable of dict of str to array

    Raises
    ------
    ValueError
        A chunk has other names, types or trailing axes than the first one.
    """
    forms: Mapping[str, Any] | None = None
    files: dict[str, BinaryIO] = {}
    with ExitStack() as stack:
        for chunk in chunks:
            found = {name: (value.dtype, value.shape[1:]) for name, value in chunk.items()}
            if forms is None:
                forms = found
                for number, (name, (dtype, shape)) in enumerate(forms.items()):
                    files[name] = stack.enter_context((folder / f"{number:03d}-{name}.npy").open("wb"))
                    _write_header(files[name], dtype, (n_rows, *shape))
            if found != forms:
                raise ValueError(f"chunks differ in form: {forms} and {found}")
            for name, value in chunk.items():
                files[name].write(value.tobytes())


def map_arrays(folder: Path) -> Arrays:
    """Return the arrays of `join_arrays` in their order, read-only, read from the disk as they are used."""
    import numpy as np

    paths = sorted(folder.glob("*.npy"))
    return {path.stem.partition("-")[2]: np.asarray(np.load(path, mmap_mode="r")) for path in paths}


def _write_header(file: BinaryIO, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    from numpy.lib import format as npy

    npy.write_array_header_1_0(file, {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape})
