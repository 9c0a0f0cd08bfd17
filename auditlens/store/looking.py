"""A store that says what it holds and computes nothing: what a run would find there before anything is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditlens.store.arrays import Arrays, map_arrays, read_arrays
from auditlens.store.content import Key, Progress, Store
from auditlens.store.folders import is_whole


@dataclass(frozen=True, slots=True)
class Look:
    """What was asked for, and how much of it is there.

    Attributes
    ----------
    stage : str
        Folder of the store.
    n_items, n_stored : int
        Images, trials or crops that the result is about; those of them that a run would not compute.
    """

    stage: str
    n_items: int
    n_stored: int


class NotStoredError(Exception):
    """What was asked for is not there, wholly; whoever asked goes on without it."""


class LookingStore(Store):
    """Reads what is there; what is not raises `NotStoredError`, and `compute` is never called.

    Attributes
    ----------
    looks : list of Look
        In the order of the questions.
    """

    def __init__(self, root: Path | None = None) -> None:
        super().__init__(root)
        self.looks: list[Look] = []

    def arrays(self, stage: str, key: Key, compute: Callable[[], Mapping[str, Any]], *, n_items: int = 1) -> Arrays:
        """Read named arrays."""
        found = read_arrays(self._path(stage, key, ".npz"))
        self.looks.append(Look(stage, n_items, 0 if found is None else n_items))
        if found is None:
            raise NotStoredError(stage)
        return found

    def kept_arrays(self, stage: str, key: Key, *, n_items: int = 1) -> Arrays | None:
        """Read named arrays; a look where they are there."""
        found = super().kept_arrays(stage, key, n_items=n_items)
        if found is not None:
            self.looks.append(Look(stage, n_items, n_items))
        return found

    def chunked(
        self,
        stage: str,
        key: Key,
        n_items: int,
        chunk_size: int,
        compute: Callable[[int, int], Mapping[str, Any]],
        progress: Progress | None = None,
    ) -> Arrays:
        """Read joined chunks; of a run that was cut off the chunks that are there count, and are not joined."""
        if not n_items:
            return {}
        joined, parts = self._chunks(stage, key, n_items, chunk_size)
        whole = is_whole(joined)
        stored = n_items if whole else sum(stop - start for (start, stop), part in parts.items() if part.is_file())
        self.looks.append(Look(stage, n_items, stored))
        if not whole:
            raise NotStoredError(stage)
        return map_arrays(joined)
