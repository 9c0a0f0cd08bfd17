"""One labelled image, and the index of all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from auditlens.data.tables import as_text
from auditlens.errors import Location
from auditlens.spec.model import Window
from auditlens.stages.evidence import Samples
from auditlens.stages.partition import Partition

Cell = float | str | None
NO_PARTITIONS: Final[Mapping[str, Partition]] = {}


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled image, not yet decoded.

    Attributes
    ----------
    id : str
        Path relative to the data's root, with forward slashes; the path itself where it lies elsewhere.
    path : Path
    label : int
        Index in the model's class list.
    unit : str
        Patient or lesion; the id where no unit column is given.
    mask : Path or None
        Lesion mask.
    columns : mapping of str to float, str or None
        All further columns; a column is numeric where every filled cell is.
    digest : str
        SHA-256 of the file's bytes.
    location : Location
        Row of the manifest, or the file.
    window : (low, high), "full", "file" or None
        How values of more than 8 bits become 8 bits, as the spec declares it.
    focus : float32 array (n, n), or None
        How much the audited model looks at each part of the image, on a grid over the whole of it; None where no
        artefact asks for it.
    """

    id: str
    path: Path
    label: int
    unit: str
    mask: Path | None
    columns: Mapping[str, Cell]
    digest: str
    location: Location
    window: Window | None = None
    focus: NDArray[np.float32] | None = field(default=None, compare=False)

    def text(self, column: str) -> str | None:
        """A cell as `DataIndex.values_of` lists it; None where it is empty."""
        cell = self.columns[column]
        return None if cell is None else as_text(cell)


@dataclass(frozen=True, slots=True)
class DataIndex:
    """All images of the audit, in the order of their ids.

    Attributes
    ----------
    samples : tuple of Sample
    classes : tuple of str
        The model's classes.
    source : str
        Where the images come from, in words.
    unit_column : str or None
    within : tuple of str
        Columns within which observability is measured.
    columns : tuple of str
        Names of all further columns.
    n_left_out : int
        Rows whose label is none of the classes, or that the sample left out.
    notes : tuple of str
        What a reader should know about the data: duplicates, missing units, labels left out.
    digest : str
        SHA-256 over ids, image hashes, labels, units, columns and masks, in id order.
    """

    samples: tuple[Sample, ...]
    classes: tuple[str, ...]
    source: str
    unit_column: str | None
    within: tuple[str, ...]
    columns: tuple[str, ...]
    n_left_out: int
    notes: tuple[str, ...]
    digest: str

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.samples)

    @property
    def root(self) -> Path | None:
        """Folder that the ids are relative to; None where images lie elsewhere."""
        first = self.samples[0]
        depth = len(Path(first.id).parts)
        return None if Path(first.id).is_absolute() else first.path.parents[depth - 1]

    @property
    def n_units(self) -> int:
        """Number of patients or lesions."""
        return len({sample.unit for sample in self.samples})

    @property
    def unit_codes(self) -> NDArray[np.int64]:
        """Number of each row's patient or lesion."""
        return _codes([sample.unit for sample in self.samples])

    @property
    def class_counts(self) -> dict[str, int]:
        """Images by class, every class named."""
        counts = Counter(sample.label for sample in self.samples)
        return {name: counts[index] for index, name in enumerate(self.classes)}

    @property
    def digests(self) -> tuple[str, ...]:
        """SHA-256 of each image file, by row; ties in rankings break by it."""
        return tuple(sample.digest for sample in self.samples)

    @property
    def numeric_columns(self) -> tuple[str, ...]:
        """Columns in which every filled cell is a number."""
        texts = {name for sample in self.samples for name, cell in sample.columns.items() if isinstance(cell, str)}
        return tuple(name for name in self.columns if name not in texts)

    def to_samples(
        self, values: Iterable[tuple[str, str]] = (), partitions: Mapping[str, Partition] = NO_PARTITIONS
    ) -> Samples:
        """Return ids, labels, units, columns and strata as arrays, one row per image.

        Parameters
        ----------
        values : iterable of (column, value)
            Each becomes a 0/1 column named `column=value`, NaN where the cell is empty.
        partitions : mapping of column to Partition
            Subgroups of the images.
        """
        wanted = list(values)
        own = {name: name for name in self.numeric_columns} | {f"{name}={value}": name for name, value in wanted}
        return Samples(
            ids=tuple(sample.id for sample in self.samples),
            labels=np.array([sample.label for sample in self.samples], dtype=np.int64),
            units=self.unit_codes,
            columns={name: self._numbers(name) for name in self.numeric_columns}
            | {f"{name}={value}": self._equals(name, value) for name, value in wanted},
            strata=self._strata(self.within),
            strata_of={
                flag: self._strata([other for other in self.within if other != name])
                for flag, name in own.items()
                if name in self.within
            },
            partitions=partitions,
        )

    def values_of(self, column: str) -> tuple[str, ...]:
        """Distinct filled cells of a column as text, sorted."""
        cells = {sample.columns[column] for sample in self.samples}
        return tuple(sorted(as_text(cell) for cell in cells if cell is not None))

    def texts_of(self, column: str) -> tuple[str | None, ...]:
        """Cells of a column as text, by row; None where empty."""
        cells = (sample.columns[column] for sample in self.samples)
        return tuple(None if cell is None else as_text(cell) for cell in cells)

    def _strata(self, within: Sequence[str]) -> NDArray[np.int64]:
        """Index of the combination of some columns and the true label."""
        return _codes([(*(str(row.columns[name]) for name in within), row.label) for row in self.samples])

    def _equals(self, name: str, value: str) -> NDArray[np.float64]:
        cells = [sample.columns[name] for sample in self.samples]
        return np.array([np.nan if cell is None else float(as_text(cell) == value) for cell in cells])

    def _numbers(self, name: str) -> NDArray[np.float64]:
        cells = (sample.columns[name] for sample in self.samples)
        return np.array([np.nan if cell is None else cell for cell in cells], dtype=np.float64)


def _codes(values: list[Any]) -> NDArray[np.int64]:
    """Index of each value among the sorted distinct ones."""
    code = {value: index for index, value in enumerate(sorted(set(values)))}
    return np.array([code[value] for value in values], dtype=np.int64)
