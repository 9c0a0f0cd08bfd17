"""From the columns that a spec declares as strata to subgroups of the images."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import numpy as np

from auditlens.data.sample import DataIndex
from auditlens.errors import nearest
from auditlens.stages.partition import Partition
from auditlens.stages.subgroups import PlannedStrata, PlannedStratum, Stratum

MOST_NUMBERS: Final = 12
"""Distinct numbers from which on a column is a measurement and no grouping."""
MOST_VALUES: Final = 40
"""Distinct texts from which on a column names single things."""


def partitions(index: DataIndex, columns: Iterable[str]) -> dict[str, Partition]:
    """Split the images by each of some columns."""
    return {column: _partition(index, column) for column in columns}


def _partition(index: DataIndex, column: str) -> Partition:
    texts, values = index.texts_of(column), index.values_of(column)
    if column in index.numeric_columns:
        values = tuple(sorted(values, key=float))
    code = {value: number for number, value in enumerate(values)}
    return Partition(column, values, np.array([-1 if text is None else code[text] for text in texts], dtype=np.int64))


def planned_strata(
    index: DataIndex, by: tuple[str, ...], cross: tuple[tuple[str, str], ...], min_units: int
) -> PlannedStrata:
    """Fix the family of subgroups: the values of each column, then the crossed pairs that occur.

    Parameters
    ----------
    index : DataIndex
    by : tuple of str
        Columns.
    cross : tuple of (str, str)
        A class and a column, or two columns of `by`.
    min_units : int
    """
    split = partitions(index, by)
    strata = [Stratum(within={column: value}) for column in by for value in split[column].values]
    strata += [stratum for pair in dict.fromkeys(cross) for stratum in _crossed(index, split, pair)]
    found = (_found(index, split, stratum) for stratum in strata)
    return PlannedStrata(
        by=by,
        min_units=min_units,
        strata=tuple(row for row in found if row.n_images),
        n_empty={column: n for column in by if (n := int((split[column].codes < 0).sum()))},
    )


def _crossed(index: DataIndex, split: Mapping[str, Partition], pair: tuple[str, str]) -> Iterator[Stratum]:
    first, second = pair
    if first in index.classes:
        yield from (Stratum(within={second: value}, true_class=first) for value in split[second].values)
    else:
        for one, other in itertools.product(split[first].values, split[second].values):
            yield Stratum(within={first: one, second: other})


def _found(index: DataIndex, split: Mapping[str, Partition], stratum: Stratum) -> PlannedStratum:
    inside = np.ones(len(index), dtype=bool)
    for column, value in stratum.within.items():
        inside &= split[column].holds(value)
    samples = [sample for sample, here in zip(index.samples, inside, strict=True) if here]
    if stratum.true_class is not None:
        samples = [sample for sample in samples if index.classes[sample.label] == stratum.true_class]
    counts = Counter(index.classes[sample.label] for sample in samples)
    return PlannedStratum(
        stratum=stratum,
        n_images=len(samples),
        n_units=len({sample.unit for sample in samples}),
        class_counts={name: counts[name] for name in index.classes if counts[name]},
    )


def objection(index: DataIndex, column: str) -> str | None:
    """Say why a column cannot split the images, and what to write instead; None where it can."""
    if column not in index.columns:
        valid = ", ".join(index.columns) or "none"
        return f"the data has no column {column!r}; valid are {valid}{nearest(column, index.columns)}"
    n_values = len(index.values_of(column))
    if n_values == 0:
        return f"every cell of the column {column!r} is empty"
    if column in index.numeric_columns and n_values > MOST_NUMBERS:
        return (
            f"the column {column!r} holds {n_values} different numbers; add a column with ranges to the data, "
            f"such as {column}_group with {_ranges(index, column)}, and name that"
        )
    if n_values > MOST_VALUES:
        return (
            f"the column {column!r} holds {n_values} different values, which are no subgroups "
            f"(at most {MOST_VALUES}); add a coarser column to the data, and name that"
        )
    return None


def _ranges(index: DataIndex, column: str) -> str:
    """Three ranges of about as many images each, as a hint."""
    cells = [cell for sample in index.samples if isinstance(cell := sample.columns[column], int | float)]
    low, high = np.quantile(cells, [1 / 3, 2 / 3])
    return f"'< {low:.3g}', '{low:.3g} to {high:.3g}' and '> {high:.3g}'"
