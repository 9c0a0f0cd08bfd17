"""Manifests: CSV and Parquet tables as rows of text cells that know their place in the file."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from auditlens.errors import InputError, Location

MISSING: Final = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "NULL", "<NA>"})
TRUE_FALSE: Final = {"true": 1.0, "false": 0.0}
DELIMITERS: Final = ",;\t"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table; empty cells are None."""

    location: Location
    cells: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text cells."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_table(path: Path) -> Table:
    """Read a CSV (comma, semicolon or tab; UTF-8 with or without a byte order mark) or Parquet table.

    Empty cells and the texts NA, N/A, NaN, null count as missing. In Parquet tables, booleans read as 1 and 0 and
    whole numbers without a decimal point, so that both forms of one table give one index.

    Raises
    ------
    InputError
        Where the file is absent or no such table; with file and line.
    """
    if not path.is_file():
        raise InputError(f"the manifest {path} does not exist")
    read = _read_parquet if path.suffix.lower() in {".parquet", ".pq"} else _read_csv
    table = read(path)
    twice = [name for name, count in Counter(table.columns).items() if count > 1]
    if twice:
        raise InputError(f"the columns {', '.join(map(repr, twice))} appear twice", location=Location(str(path), 1))
    if not table.rows:
        raise InputError("the manifest has no rows", location=Location(str(path)))
    return table


def numeric(text: str) -> float | None:
    """Return the finite number that a cell says (true and false are 1 and 0), or None."""
    try:
        value = TRUE_FALSE[text.lower()] if text.lower() in TRUE_FALSE else float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def as_text(cell: float | str) -> str:
    """A cell as a spec writes it: numbers without a needless decimal point."""
    return cell if isinstance(cell, str) else f"{cell:g}"


def _read_csv(path: Path) -> Table:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            delimiter = _delimiter(file.readline())
            file.seek(0)
            return _csv_rows(path, csv.reader(file, delimiter=delimiter, strict=True))
    except UnicodeDecodeError as error:
        raise InputError(f"the manifest is not UTF-8 text: {error}", location=Location(str(path))) from error
    except csv.Error as error:
        raise InputError(f"the manifest is no valid CSV: {error}", location=Location(str(path))) from error


def _delimiter(header: str) -> str:
    return max(DELIMITERS, key=lambda mark: (header.count(mark), -DELIMITERS.index(mark)))


def _csv_rows(path: Path, reader: Any) -> Table:
    """Read the header and every row; a row's line is the one it starts on."""
    columns = tuple(name.strip() for name in next(reader, []))
    rows: list[Row] = []
    line = reader.line_num + 1
    for cells in reader:
        place, line = Location(str(path), line), reader.line_num + 1
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
            raise InputError(f"{len(cells)} cells under {len(columns)} column names", location=place)
        padded = [*cells, *[""] * (len(columns) - len(cells))]
        rows.append(Row(place, {name: _cell(text) for name, text in zip(columns, padded, strict=False)}))
    return Table(columns, tuple(rows))


def _read_parquet(path: Path) -> Table:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"the manifest is no valid Parquet table: {error}", location=Location(str(path))) from error
    columns = tuple(str(name).strip() for name in table.column_names)
    cells = [[_cell(_text(value)) for value in column] for column in _columns(table)]
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*cells, strict=True))
    return Table(columns, tuple(Row(Location(f"{path}:row {n}"), row) for n, row in enumerate(rows, start=1)))


def _columns(table: Any) -> Iterator[list[Any]]:
    return (column.to_pylist() for column in table.columns)


def _cell(text: str) -> str | None:
    stripped = text.strip()
    return None if stripped in MISSING else stripped


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)
