"""What sets of images have in common: with one another, and with lists of salted ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from auditlens.data.salted import SaltedList, salted
from auditlens.data.sample import DataIndex
from auditlens.data.sources import find_source
from auditlens.errors import InputError, nearest
from auditlens.spec.model import ImageSet
from auditlens.stages.sets import ListOverlap, SetOverlap
from auditlens.store import Store


def set_overlaps(indices: Mapping[str, DataIndex]) -> tuple[SetOverlap, ...]:
    """Compare every pair of sets: units by name where both name the same column, images by their bytes."""
    return tuple(_pair(*first, *second) for first, second in combinations(indices.items(), 2))


def _pair(first: str, one: DataIndex, second: str, other: DataIndex) -> SetOverlap:
    note = incomparable(one, other)
    return SetOverlap(
        first=first,
        second=second,
        n_units=None if note else len(named_units(one) & named_units(other)),
        n_images=len(set(one.digests) & set(other.digests)),
        note=note,
    )


def incomparable(one: DataIndex, other: DataIndex) -> str:
    """Say why the units of two sets cannot be told to be the same; empty where they can."""
    columns = one.unit_column, other.unit_column
    if None in columns:
        return "a set has no unit column"
    return "" if columns[0] == columns[1] else f"their unit columns differ: {columns[0]} and {columns[1]}"


def named_units(index: DataIndex) -> set[str]:
    """Units that the unit column names; an image without one is a unit of its own, under the image's id."""
    return {sample.unit for sample in index.samples if sample.unit != sample.id}


@dataclass(frozen=True, slots=True)
class Ids:
    """What the audited images are called in the column that was salted."""

    column: str
    distinct: frozenset[str]
    n_without: int


def ids_of(data: ImageSet, index: DataIndex, column: str | None, base: Path, store: Store) -> Ids:
    """Read the ids of the images that are audited, as the manifest writes them.

    Raises
    ------
    InputError
        No such column, or none is declared.
    """
    column = column or data.unit
    if column is None:
        raise InputError(
            "nothing says which column holds the ids that are compared with the lists",
            hint="declare `unit`, or `data.forbidden_overlap.column`",
        )
    source = find_source(data, base, store)
    cells = {entry.id: entry.cells for entry in source.entries}
    columns = next(iter(cells.values())).keys() if cells else ()
    if column not in columns:
        raise InputError(f"the data has no column {column!r}; valid are {', '.join(columns)}{nearest(column, columns)}")
    found = [cells[sample.id][column] for sample in index.samples]
    return Ids(column, frozenset(cell for cell in found if cell is not None), sum(cell is None for cell in found))


def list_overlaps(name: str | None, ids: Ids, lists: Iterable[SaltedList], salt: str) -> tuple[ListOverlap, ...]:
    """Count the ids of a set that each list holds."""
    ours = {salted(text, salt) for text in ids.distinct}
    return tuple(
        ListOverlap(
            set_name=name,
            file=one.path.name,
            sha256=one.sha256,
            n_listed=len(one.hashes),
            column=ids.column,
            n_checked=len(ours),
            n_without=ids.n_without,
            n_found=len(ours & one.hashes),
        )
        for one in lists
    )
