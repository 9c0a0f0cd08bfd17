"""What a folder of images holds, seen without a spec: a table or class folders, what its columns mean, weights."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from auditlens.data.sources import SUFFIXES
from auditlens.data.tables import Table, read_table
from auditlens.errors import AuditLensError, InputError

TABLES: Final = (".csv", ".tsv", ".parquet", ".pq")
WEIGHTS: Final = (".safetensors", ".pth", ".pt", ".ckpt", ".onnx")
SPLITS: Final = ("test", "val", "valid", "validation")
"""Folders of class folders, the first that is there is looked at."""
LABELS: Final = ("label", "labels", "diagnosis", "dx", "histology", "class", "target", "finding", "y")
UNITS: Final = ("patient_id", "patient", "subject_id", "subject", "lesion_id", "lesion", "case_id", "case", "study_id")
STRATA: Final = re.compile(
    r"(site|hospital|centre|center|device|scanner|camera|manufacturer|vendor|fitzpatrick\w*|skin_(type|tone)|sex|gender|"
    r"age_(group|band)|view\w*|ethnicity|race|anatom_site\w*|localization)$",
    re.IGNORECASE,
)
FLAGS: Final = frozenset({"0", "1", "true", "false"})
LOOKED_AT: Final = 200
"""Rows whose files are looked for; all of a large table would take minutes."""
MOST_STRATA: Final = 12


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found in a folder; what was not found is None or empty.

    Attributes
    ----------
    folder : Path
        The folder that was looked at.
    images : Path or None
        Folder with a subfolder per class.
    table : Path or None
        Manifest, where there is one.
    n_images : int
    root : Path or None
        Folder that the table's paths are relative to, where that is not the table's own.
    image, label, unit, mask : str or None
        Columns.
    classes : tuple of (str, int)
        Labels with the number of images, in alphabetical order.
    flags, strata : tuple of str
        0/1 columns; columns such as site or device.
    weights : Path or None
    notes : tuple of str
        What was left aside, one sentence each.
    """

    folder: Path
    n_images: int
    classes: tuple[tuple[str, int], ...]
    images: Path | None = None
    table: Path | None = None
    root: Path | None = None
    image: str | None = None
    label: str | None = None
    unit: str | None = None
    mask: str | None = None
    flags: tuple[str, ...] = ()
    strata: tuple[str, ...] = ()
    weights: Path | None = None
    notes: tuple[str, ...] = ()


def survey(folder: Path) -> Survey:
    """Look at a folder.

    Raises
    ------
    InputError
        Where it holds neither a table with a column of images nor class folders.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {str(folder)!r}")
    try:
        tables = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in TABLES and path.is_file()]
    except OSError as error:
        raise InputError(f"cannot look into {str(folder)!r}: {error.strerror}") from error
    tables.sort(key=lambda path: (not re.search("test|val", path.stem.lower()), path.name))
    failures: list[str] = []
    for path in tables:
        try:
            return _from_table(folder, path, [other.name for other in tables if other != path])
        except AuditLensError as error:
            failures.append(f"{path.name}: {error}")
    return _from_folders(folder, failures)


def _from_folders(folder: Path, failures: Sequence[str]) -> Survey:
    for candidate in (*(folder / name for name in SPLITS), folder):
        counts = _class_folders(candidate)
        if len(counts) >= 2:
            found = tuple(counts.items())
            weights, notes = _weights(folder), tuple(failures)
            return Survey(folder, sum(counts.values()), found, images=candidate, weights=weights, notes=notes)
    tried = f" ({'; '.join(failures)})" if failures else ""
    raise InputError(
        f"{str(folder)!r} holds neither a table ({', '.join(TABLES)}) with a column of images nor two subfolders with "
        f"images, one per class{tried}"
    )


def _class_folders(folder: Path) -> dict[str, int]:
    if not folder.is_dir():
        return {}
    groups = [path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    counts = {group.name: sum(path.suffix.lower() in SUFFIXES for path in group.iterdir()) for group in groups}
    return {name: count for name, count in counts.items() if count}


def _weights(folder: Path) -> Path | None:
    found = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in WEIGHTS and path.is_file()]
    return min(found, key=lambda path: WEIGHTS.index(path.suffix.lower()), default=None)


def _from_table(folder: Path, path: Path, others: Sequence[str]) -> Survey:
    table = read_table(path)
    image, root = _image_column(table, path.parent)
    mask = _mask_column(table, path.parent if root is None else root, image)
    label, notes = _label_column(table, {image, mask})
    unit = _named(table, UNITS, {image, mask, label})
    used = {image, mask, label, unit}
    flags = tuple(name for name in table.columns if name not in used and _is_flag(table, name))
    strata = tuple(name for name in table.columns if name not in {*used, *flags} and _is_stratum(table, name))
    aside = [f"other tables are left aside: {', '.join(others)}"] if others else []
    aside += _masks_without_column(folder) if mask is None else []
    return Survey(
        folder,
        len(table.rows),
        tuple(sorted(Counter(_values(table, label)).items())) if label else (),
        table=path,
        root=root,
        image=image,
        label=label,
        unit=unit,
        mask=mask,
        flags=flags,
        strata=strata,
        weights=_weights(folder),
        notes=(*notes, *aside),
    )


def _values(table: Table, column: str) -> list[str]:
    return [value for row in table.rows if (value := row.cells.get(column)) is not None]


def _image_column(table: Table, base: Path) -> tuple[str, Path | None]:
    """Find the column whose files are there, beside the table or in one of its folders; masks come after images."""
    named = [name for name in table.columns if any(_is_picture(value) for value in _values(table, name)[:LOOKED_AT])]
    named.sort(key=lambda name: "mask" in name.lower() or "seg" in name.lower())
    roots = [base, *(path for path in sorted(base.iterdir()) if path.is_dir())]
    for name in named:
        for root in roots:
            if _all_there(_values(table, name)[:LOOKED_AT], root):
                return name, None if root == base else root
    if named:
        missing = next(value for value in _values(table, named[0]) if _is_picture(value))
        raise InputError(f"the column {named[0]!r} names images, but {missing!r} is not there")
    raise InputError(f"no column names images; columns are {', '.join(table.columns)}")


def _is_picture(value: str) -> bool:
    return value.lower().endswith(SUFFIXES)


def _all_there(values: Iterable[str], root: Path) -> bool:
    return all((root / value).is_file() for value in values)


def _mask_column(table: Table, root: Path, image: str) -> str | None:
    fitting = (
        name
        for name in table.columns
        if name != image and re.search("mask|seg", name.lower()) and _all_there(_values(table, name)[:LOOKED_AT], root)
    )
    return next((name for name in fitting if _values(table, name)), None)


def _masks_without_column(folder: Path) -> list[str]:
    found = [path.name for path in sorted(folder.iterdir()) if path.is_dir() and "mask" in path.name.lower()]
    return [f"the folder {name!r} is there; masks are used once a column names them" for name in found]


def _label_column(table: Table, used: set[str | None]) -> tuple[str | None, list[str]]:
    """Find the label by its name, else the only column of words with few values."""
    named = _named(table, LABELS, used)
    if named:
        return named, []
    words = [name for name in table.columns if name not in used and not STRATA.search(name) and _is_words(table, name)]
    if len(words) == 1:
        return words[0], []
    return None, [f"which column is the label is not clear: {', '.join(words)}"] if words else []


def _is_words(table: Table, column: str) -> bool:
    values = _values(table, column)
    few = 2 <= len(set(values)) <= min(20, max(2, len(values) // 3))
    return few and not any(re.fullmatch(r"[-+.\d]+", value) for value in set(values))


def _named(table: Table, names: Sequence[str], used: set[str | None]) -> str | None:
    by_lower = {name.lower(): name for name in table.columns if name not in used}
    return next((by_lower[name] for name in names if name in by_lower), None)


def _is_flag(table: Table, column: str) -> bool:
    values = {value.lower() for value in _values(table, column)}
    return len(values) == 2 and values <= FLAGS


def _is_stratum(table: Table, column: str) -> bool:
    return bool(STRATA.match(column)) and 2 <= len(set(_values(table, column))) <= MOST_STRATA
