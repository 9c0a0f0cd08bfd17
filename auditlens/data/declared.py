"""What a spec says of its images, held against the manifest or folder that it names, before anything heavy is loaded.

`auditlens validate` and `auditlens run` call this with the other checks of a spec. What it finds is noted at the field
of the spec, all at once; the index of an audit refuses the same things one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from auditlens.data.labels import label_numbers
from auditlens.data.sources import SUFFIXES, locate
from auditlens.data.tables import Table, as_text, numeric, read_table
from auditlens.errors import InputError, SpecError, nearest
from auditlens.spec.nodes import Fields, Leaf, Problems, child, dotted, place, select
from auditlens.spec.nodes import Path as Keys
from auditlens.spec.paths import Pattern, resolve
from auditlens.spec.references import text_at

Cells = Mapping[str, str | None]
SHOWN: Final = 8
OWN: Final = {"image": "image", "label": "label", "unit": None, "mask": None}
"""Fields of `data` that name a column of its own use, with their defaults."""
SETS: Final[tuple[Pattern, ...]] = (("data",), ("data", "sets", "*"))
"""Where a source of images may be described."""
COLUMNS: Final[tuple[Pattern, ...]] = (
    ("data", "strata", "by", "*"),
    ("concepts", "*", "column"),
    ("artefacts", "*", "column"),
    ("artefacts", "*", "clean_of", "*"),
    ("artefacts", "*", "swap", "column"),
)
"""Fields that name one of the further columns."""
KEYED: Final[tuple[Pattern, ...]] = (("artefacts", "*", "only"), ("gates", "*", "within"), ("waivers", "*", "within"))
"""Mappings from a column to a value, or values, that it must have."""
VALUED: Final[tuple[tuple[Pattern, str], ...]] = (
    (("concepts", "*", "value"), "column"),
    (("artefacts", "*", "swap", "from"), "column"),
    (("artefacts", "*", "swap", "to"), "column"),
)
"""Fields that name a value, with the field beside them that names its column."""


def check_data(
    root: Fields,
    base: Path,
    classes: tuple[str, ...],
    problems: Problems,
    *,
    data: str | None = None,
    tier: str | None = None,
) -> None:
    """Note columns, values, labels and image files that the spec counts on and the data lacks.

    Generated data cannot be known before it is generated. A missing manifest or folder is for `check_files` to note.

    Parameters
    ----------
    root : Fields
        The merged document.
    base : Path
        Folder of the spec.
    classes : tuple of str
        The model's classes; empty where they are not known, and then labels are not looked at.
    problems : Problems
    data, tier : str, optional
        The set, or the tier, that a run was asked for: sets that it does not read are left alone, since a runner of
        pull requests need not hold the sealed images.
    """
    chosen = data if data is not None else text_at(root, "tiers", tier or "", "data")
    try:
        _Declared(root, base, classes, problems, chosen).check()
    except (SpecError, OSError):
        return  # a path that leads nowhere; `check_files` says so


@dataclass(frozen=True, slots=True)
class _Source:
    """One source: its name, its further columns, and the rows that an audit uses."""

    name: str
    further: tuple[str, ...] = ()
    rows: Sequence[Cells] = ()


@dataclass(frozen=True, slots=True)
class _Declared:
    """A spec's document with the data that it names."""

    root: Fields
    base: Path
    classes: tuple[str, ...]
    problems: Problems
    chosen: str | None = None

    def check(self) -> None:
        """Look at every source that is read; what further columns hold is asked of all of them together."""
        sources = [path for pattern in SETS for path, _ in select(self.root, pattern) if self._is_read(path)]
        found = [one for path in sources if (one := self._source(path)) is not None]
        if not found or any(child(node, "generate") for pattern in SETS for _, node in select(self.root, pattern)):
            return
        cells: dict[str, list[Cells]] = {}
        for one in found:
            for column in one.further:
                cells.setdefault(column, []).extend(one.rows)
        self._columns(" and ".join(one.name for one in found), tuple(cells))
        texts = {column: _texts_of(rows, column) for column, rows in cells.items()}
        self._values(texts)
        self._flags(texts)

    def _is_read(self, at: Keys) -> bool:
        """Whether a run of the chosen set reads this one; a run on the sealed set compares all of them."""
        role = text_at(self.root, *at, "role")
        if self.chosen is None or role is None or text_at(self.root, "data", "sets", self.chosen, "role") == "sealed":
            return True
        return at[-1] == self.chosen or role == "observability"

    def _source(self, at: Keys) -> _Source | None:
        manifest, folder = (text_at(self.root, *at, name) for name in ("manifest", "folder"))
        if manifest is not None and resolve(manifest, self.base).is_file():
            return self._manifest(at, resolve(manifest, self.base), Path(manifest).name)
        if folder is not None and resolve(folder, self.base).is_dir():
            self._folder((*at, "folder"), resolve(folder, self.base))
            return _Source(Path(folder).name)
        return None

    def _add(self, path: Keys, sentence: str, *, warn: bool = False, key: bool = False) -> None:
        self.problems.add(place(self.root, path, key=key), path, sentence, "warning" if warn else "error")

    def _folder(self, at: Keys, folder: Path) -> None:
        groups = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
        filled = [group.name for group in groups if _has_image(group)]
        if not filled:
            what = "no subfolder of it holds an image" if groups else "it has no subfolders; it needs one per class"
            self._add(at, f"{what}; images end in {', '.join(SUFFIXES)}" if groups else what)
            return
        self._labels(at, Counter(sorted(filled)), "subfolder")

    def _manifest(self, at: Keys, path: Path, name: str) -> _Source | None:
        try:
            table = read_table(path)
        except InputError as error:
            self._add((*at, "manifest"), str(error))
            return None
        own = {field: text_at(self.root, *at, field) or default for field, default in OWN.items()}
        for field, column in own.items():
            self._demand((*at, field), column, table.columns, name)
        listed = tuple(_texts(self.root, (*map(str, at), "within", "*")))
        for keys, column in listed:
            self._demand(keys, column, table.columns, name)
        within = {column for _, column in listed}
        further = tuple(column for column in table.columns if column not in own.values() or column in within)
        self._files(at, table, own, path)
        return _Source(name, further, self._kept(at, table, own["label"]))

    def _demand(self, path: Keys, column: str | None, columns: Sequence[str], name: str) -> None:
        if column is not None and column not in columns:
            said = f"{name} has no column {column!r}; its columns are {_some(columns)}{nearest(column, columns)}"
            written = text_at(self.root, *path) is not None
            self._add(path, said if written else f"{said}; {path[-1]!r} is read unless `{dotted(path)}` names one")

    def _columns(self, name: str, columns: Sequence[str]) -> None:
        for pattern in COLUMNS:
            for path, column in _texts(self.root, pattern):
                self._demand_further(path, column, columns, name)
        for pattern in KEYED[:1]:  # those of gates and waivers are columns of data.strata.by, or told as no such
            for path, node in select(self.root, pattern):
                for column in node.entries if isinstance(node, Fields) else ():
                    self._demand_further((*path, column), column, columns, name, key=True)

    def _demand_further(self, path: Keys, column: str, columns: Sequence[str], name: str, *, key: bool = False) -> None:
        if column not in columns:
            valid = f"valid are {_some(columns)}" if columns else "it has none besides those of `data`"
            said = f"{name} has no further column {column!r}; {valid}{nearest(column, columns)}"
            self._add(path, said, key=key)

    def _kept(self, at: Keys, table: Table, label: str | None) -> list[Cells]:
        """Rows with a label of the model, which are the ones that an audit uses."""
        rows = [row.cells for row in table.rows]
        if label not in table.columns or not self.classes:
            return rows
        mapped = self._label_map(at)
        given = [mapped.get(cells[label] or "", cells[label] or "(empty)") for cells in rows]
        self._labels((*at, "label"), Counter(given), "label")
        known = label_numbers(self.classes)
        return [cells for cells, text in zip(rows, given, strict=True) if text in known]

    def _labels(self, path: Keys, found: Counter[str], what: str) -> None:
        if not self.classes:
            return
        mapped = self._label_map(path[:-1])
        known = label_numbers(self.classes)
        seen = {mapped.get(name, name) for name in found}
        strange = [name for name in found if mapped.get(name, name) not in known]
        path = path if text_at(self.root, *path) is not None else (*path[:-1], "manifest")
        if strange:
            near = next((text for name in strange if (text := nearest(name, known))), "")
            shown = _some([f"{name!r} ({found[name]})" if what == "label" else repr(name) for name in strange])
            none = "no image" if len(strange) == len(found) else "not every image"
            said = f"{none} has a {what} that is a class of the model: {shown}; classes are {_some(self.classes)}{near}"
            fate = "" if len(strange) == len(found) else "; these images are left out"
            self._add(path, f"{said}{fate}; `data.label_map` maps labels to classes", warn=bool(fate))
        have = {known[name] for name in seen if name in known}
        absent = [name for number, name in enumerate(self.classes) if number not in have]
        if absent and have:
            self._add(path, f"no image of {_some([repr(name) for name in absent])}", warn=True)

    def _label_map(self, at: Keys) -> dict[str, str]:
        return {str(keys[-1]): text for keys, text in _texts(self.root, (*map(str, at), "label_map", "*"))}

    def _values(self, cells: Mapping[str, Sequence[str]]) -> None:
        for pattern in KEYED:
            for path, node in select(self.root, pattern):
                for column, (_, value) in node.entries.items() if isinstance(node, Fields) else ():
                    for keys, leaf in (*select(value, ("*",)), *select(value, ())):
                        if isinstance(leaf, Leaf) and leaf.value is not None:
                            self._demand_value((*path, column, *keys), column, leaf.value, cells)
        for pattern, field in VALUED:
            for path, node in select(self.root, pattern):
                beside = text_at(self.root, *path[:-1], field)
                if beside is not None and isinstance(node, Leaf) and node.value is not None:
                    self._demand_value(path, beside, node.value, cells)

    def _demand_value(self, path: Keys, column: str, value: object, cells: Mapping[str, Sequence[str]]) -> None:
        text = as_text(value) if isinstance(value, int | float) else str(value)
        found = cells.get(column)
        if found is not None and text not in found:
            self._add(
                path, f"no image has {text!r} in column {column!r}; found are {_some(found)}{nearest(text, found)}"
            )

    def _flags(self, cells: Mapping[str, Sequence[str]]) -> None:
        """A concept's column without a value, and an artefact's, hold 0 and 1."""
        for path, column in _texts(self.root, ("concepts", "*", "column")):
            strange = [text for text in cells.get(column, ()) if not _is_share(text)]
            if strange and text_at(self.root, *path[:-1], "value") is None:
                hint = f"name the value that means present: `value: {strange[0]}`"
                self._add(path, f"{column!r} is no 0/1 column, it holds {_some(strange)}; {hint}")
        for pattern in (("artefacts", "*", "column"), ("artefacts", "*", "clean_of", "*")):
            for path, column in _texts(self.root, pattern):
                strange = [text for text in cells.get(column, ()) if numeric(text) is None]
                if strange:
                    self._add(path, f"{column!r} is no 0/1 column, it holds {_some(strange)}")

    def _files(self, at: Keys, table: Table, own: Mapping[str, str | None], path: Path) -> None:
        given = text_at(self.root, *at, "root")
        folder = resolve(given, self.base) if given is not None else path.parent
        for field in ("image", "mask"):
            column = own[field]
            if column is None or column not in table.columns:
                continue
            named = [(row.location, text) for row in table.rows if (text := row.cells[column]) is not None]
            absent = [(row, text) for row, text in named if not locate(text, folder).is_file()]
            if absent:
                row, text = absent[0]
                self._add(
                    (*at, field),
                    f"{len(absent)} of {len(named)} {field} files do not exist in {str(folder)!r}; the first is "
                    f"{text!r}, at {row}",
                )


def _is_share(text: str) -> bool:
    number = numeric(text)
    return number is not None and 0 <= number <= 1


def _has_image(group: Path) -> bool:
    return any(path.suffix.lower() in SUFFIXES and not path.name.startswith(".") for path in group.rglob("*"))


def _texts(root: Fields, pattern: Pattern) -> Iterable[tuple[Keys, str]]:
    for path, node in select(root, pattern):
        if isinstance(node, Leaf) and isinstance(node.value, str):
            yield path, node.value


def _texts_of(rows: Iterable[Cells], column: str) -> tuple[str, ...]:
    """Distinct filled cells as the index writes them: numbers without needless decimals where all are numbers."""
    texts = sorted({text for cells in rows if (text := cells.get(column)) is not None})
    numbers = [numeric(text) for text in texts]
    if any(number is None for number in numbers):
        return tuple(texts)
    return tuple(as_text(number) for number in sorted({number for number in numbers if number is not None}))


def _some(names: Sequence[str]) -> str:
    more = f", ... ({len(names)} in all)" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
