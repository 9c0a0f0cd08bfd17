"""Results kept under the hash of what they were computed from."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from auditlens.stages.base import canonical_json
from auditlens.store.arrays import Arrays, join_arrays, map_arrays, normalise, read_arrays, write_arrays
from auditlens.store.atomic import write_bytes_atomically
from auditlens.store.code_version import code_version
from auditlens.store.folders import fill_folder, is_whole
from auditlens.store.laps import Laps, Spent

Key = Mapping[str, Any]
Progress = Callable[[int, int], None]
"""Called with (done, total)."""
LAYOUT: Final = "v1"


def default_root() -> Path:
    """`$AUDITLENS_STORE`, else `$XDG_CACHE_HOME/auditlens`, else `~/.cache/auditlens`."""
    if own := os.environ.get("AUDITLENS_STORE"):
        return Path(own).expanduser()
    if cache := os.environ.get("XDG_CACHE_HOME"):
        return Path(cache).expanduser() / "auditlens"
    return Path("~/.cache/auditlens").expanduser()


@dataclass(frozen=True, slots=True)
class Used:
    """A result that was asked for: its stage, its place below the store's root, and how many items it is about."""

    stage: str
    place: str
    n_items: int


class Store:
    """Results of stages by content hash.

    The key of a result is the SHA-256 of the canonical JSON of stage, code version and the caller's key. Files appear
    whole or not at all; what is cut short or altered is computed again, and what failed is never kept. A result is
    the same in every byte whether it was computed, read back, or partly both.

    Parameters
    ----------
    root : Path, optional
        Folder of the store; `default_root()` by default.

    Attributes
    ----------
    hits, misses : int
        How many results (chunks count each) were read back, and how many were computed.
    used : dict of str to Used
        Every result of arrays that was asked for, by its place below `root`.
    spent : dict of str to Spent
        By stage: what was computed, and how long that took.
    laps : Laps
        What the parts of a run took beside that.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = (root if root is not None else default_root()).absolute()
        self.hits = 0
        self.misses = 0
        self.used: dict[str, Used] = {}
        self.spent: dict[str, Spent] = {}
        self.laps = Laps(self.spent)

    def arrays(self, stage: str, key: Key, compute: Callable[[], Mapping[str, Any]], *, n_items: int = 1) -> Arrays:
        """Return named arrays, computed on the first call.

        Parameters
        ----------
        stage : str
            Name of the stage; a folder of the store.
        key : mapping of str to JSON
            Everything that the result depends on, apart from the code.
        compute : callable
            Makes the arrays; its exceptions pass through and leave nothing behind.
        n_items : int
            Images, trials or crops behind the arrays, for `spent`.
        """
        path = self._path(stage, key, ".npz")
        self._note(stage, path, n_items)
        return self._arrays(stage, path, compute, n_items)

    def _arrays(self, stage: str, path: Path, compute: Callable[[], Mapping[str, Any]], n_items: int) -> Arrays:
        found = read_arrays(path)
        self._count(found is not None)
        if found is not None:
            return found
        begun, busy = time.perf_counter(), time.process_time()
        arrays = normalise(compute())
        self._spend(stage, Spent(n_items, time.perf_counter() - begun, time.process_time() - busy))
        write_arrays(path, arrays)
        return arrays

    def chunked(
        self,
        stage: str,
        key: Key,
        n_items: int,
        chunk_size: int,
        compute: Callable[[int, int], Mapping[str, Any]],
        progress: Progress | None = None,
    ) -> Arrays:
        """Return arrays whose axis 0 runs over `n_items`, computed in chunks and kept in one file each.

        A run that was cut off goes on with the first chunk that is missing. `compute(start, stop)` must depend on
        nothing but the key and its rows, and be called with the same `chunk_size` for equal bytes. Only one chunk is
        in memory at a time: what is returned is read from the disk where it is used, and cannot be written to.

        Returns
        -------
        dict of str to array
            Chunks joined along axis 0; empty where `n_items` is 0.
        """
        if chunk_size < 1:
            raise ValueError(f"chunk_size must be at least 1, not {chunk_size}")
        if not n_items:
            return {}
        path, parts = self._chunks(stage, key, n_items, chunk_size)
        self._note(stage, path, n_items)

        def chunks() -> Iterator[Arrays]:
            for (start, stop), part in parts.items():
                yield self._arrays(stage, part, _rows(compute, start, stop), stop - start)
                if progress is not None:
                    progress(stop, n_items)

        if is_whole(path):
            self.hits += len(parts)
            if progress is not None:
                progress(n_items, n_items)
        else:
            fill_folder(path, lambda folder: join_arrays(folder, n_items, chunks()))
            for part in parts.values():
                part.unlink(missing_ok=True)
        return map_arrays(path)

    def _chunks(self, stage: str, key: Key, n_items: int, chunk_size: int) -> tuple[Path, dict[tuple[int, int], Path]]:
        """Where the joined result lies, and by its rows where each chunk lies before that."""
        joined = self._path(stage, {"key": dict(key), "joined": [n_items, chunk_size]}, "")
        spans = [(start, min(start + chunk_size, n_items)) for start in range(0, n_items, chunk_size)]
        return joined, {span: self._path(stage, {"key": dict(key), "rows": list(span)}, ".npz") for span in spans}

    def json(self, stage: str, key: Key, compute: Callable[[], Any]) -> Any:
        """Return a small JSON value, computed on the first call; tuples come back as lists, cold as well as warm."""
        path = self._path(stage, key, ".json")
        found = _read_json(path)
        self._count(found is not None)
        if found is None:
            text = canonical_json(compute())
            found = {"sha256": hashlib.sha256(text.encode()).hexdigest(), "value": json.loads(text)}
            write_bytes_atomically(path, canonical_json(found).encode())
        return found["value"]

    def kept_arrays(self, stage: str, key: Key, *, n_items: int = 1) -> Arrays | None:
        """Read named arrays; None where there are none."""
        path = self._path(stage, key, ".npz")
        found = read_arrays(path)
        if found is not None:
            self._note(stage, path, n_items)
            self._count(True)
        return found

    def kept_json(self, stage: str, key: Key) -> Any:
        """Read a small JSON value; None where there is none."""
        found = _read_json(self._path(stage, key, ".json"))
        return None if found is None else found["value"]

    def folder(self, stage: str, key: Key, compute: Callable[[Path], None]) -> Path:
        """Return a folder that `compute` filled; it appears whole, and is made again where a file was altered.

        Nobody may write into the folder afterwards.
        """
        path = self._path(stage, key, "")
        whole = is_whole(path)
        self._count(whole)
        if not whole:
            fill_folder(path, compute)
        return path

    def _path(self, stage: str, key: Key, suffix: str) -> Path:
        text = canonical_json([stage, code_version(), dict(key)])
        name = hashlib.sha256(text.encode()).hexdigest()
        return self.root / LAYOUT / stage / name[:2] / f"{name}{suffix}"

    def _note(self, stage: str, path: Path, n_items: int) -> None:
        name = path.relative_to(self.root).as_posix()
        self.used[name] = Used(stage, name, n_items)

    def _spend(self, stage: str, spent: Spent) -> None:
        self.spent[stage] = self.spent.get(stage, Spent()) + spent

    def _count(self, hit: bool) -> None:
        self.hits += hit
        self.misses += not hit


def _rows(compute: Callable[[int, int], Mapping[str, Any]], start: int, stop: int) -> Callable[[], Mapping[str, Any]]:
    """Bind a chunk's rows, and check that axis 0 of every result runs over them."""

    def run() -> Mapping[str, Any]:
        arrays = normalise(compute(start, stop))
        wrong = {name: value.shape for name, value in arrays.items() if value.shape[:1] != (stop - start,)}
        if wrong:
            raise ValueError(f"a chunk of {stop - start} rows gave arrays of shape {wrong}")
        return arrays

    return run


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        text = canonical_json(found["value"])
        expected = found["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if hashlib.sha256(text.encode()).hexdigest() == expected else None
