"""What a spec says of its images, held against the manifest or folder that it names, before anything heavy is loaded.

`auditlens validate` and `auditlens run` call this with the other checks of a spec. What it finds is noted at the field
of the spec, all at once; the index of an audit refuses the same things one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from auditlens.data.demanded import Cells, Source, check_columns, some, texts_at, texts_of
from auditlens.data.labels import label_numbers
from auditlens.data.sources import SUFFIXES, locate
from auditlens.data.tables import Table, read_table
from auditlens.errors import InputError, SpecError, nearest
from auditlens.spec.nodes import Fields, Problems, dotted, place, select
from auditlens.spec.nodes import Path as Keys
from auditlens.spec.paths import Pattern, resolve
from auditlens.spec.references import text_at
from auditlens.spec.sets import asked_set, audited_sets, unread_sets

OWN: Final = {"image": "image", "label": "label", "unit": None, "mask": None}
"""Fields of `data` that name a column of its own use, with their defaults."""
SETS: Final[tuple[Pattern, ...]] = (("data",), ("data", "sets", "*"))
"""Where a source of images may be described."""


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
    try:
        sources = _Declared(root, base, classes, problems, unread_sets(root, tier, data)).sources()
    except (SpecError, OSError):
        return  # a path that leads nowhere; `check_files` says so
    others = asked_set(root, tier, data) is None
    check_columns(root, sources, problems, audited_sets(root, tier, data), others=others)


@dataclass(frozen=True, slots=True)
class _Declared:
    """A spec's document with the data that it names."""

    root: Fields
    base: Path
    classes: tuple[str, ...]
    problems: Problems
    unread: frozenset[str] = frozenset()

    def sources(self) -> list[Source]:
        """Look at every source that is read, each by itself."""
        paths = [path for pattern in SETS for path, _ in select(self.root, pattern)]
        return [self._source(path) for path in paths if path[-1] not in self.unread]

    def _source(self, at: Keys) -> Source:
        manifest, folder = (text_at(self.root, *at, name) for name in ("manifest", "folder"))
        source = Source(str(at[-1]) if len(at) > 1 else None, text_at(self.root, *at, "role"))
        if manifest is not None and resolve(manifest, self.base).is_file():
            return self._manifest(at, resolve(manifest, self.base), replace(source, file=Path(manifest).name))
        if folder is not None and resolve(folder, self.base).is_dir():
            self._folder((*at, "folder"), resolve(folder, self.base))
            return replace(source, file=Path(folder).name)
        return replace(source, known=False)

    def _add(self, path: Keys, sentence: str, *, warn: bool = False) -> None:
        self.problems.add(place(self.root, path), path, sentence, "warning" if warn else "error")

    def _folder(self, at: Keys, folder: Path) -> None:
        groups = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
        filled = [group.name for group in groups if _has_image(group)]
        if not filled:
            what = "no subfolder of it holds an image" if groups else "it has no subfolders; it needs one per class"
            self._add(at, f"{what}; images end in {', '.join(SUFFIXES)}" if groups else what)
            return
        self._labels(at, Counter(sorted(filled)), "subfolder")

    def _manifest(self, at: Keys, path: Path, source: Source) -> Source:
        try:
            table = read_table(path)
        except InputError as error:
            self._add((*at, "manifest"), str(error))
            return replace(source, known=False)
        own = {field: text_at(self.root, *at, field) or default for field, default in OWN.items()}
        for field, column in own.items():
            self._demand((*at, field), column, table.columns, source.file)
        listed = tuple(texts_at(self.root, (*map(str, at), "within", "*")))
        for keys, column in listed:
            self._demand(keys, column, table.columns, source.file)
        within = {column for _, column in listed}
        further = tuple(column for column in table.columns if column not in own.values() or column in within)
        self._files(at, table, own, path)
        kept = self._kept(at, table, own["label"])
        return replace(source, texts={column: texts_of(kept, column) for column in further})

    def _demand(self, path: Keys, column: str | None, columns: Sequence[str], name: str) -> None:
        if column is not None and column not in columns:
            said = f"{name} has no column {column!r}; its columns are {some(columns)}{nearest(column, columns)}"
            written = text_at(self.root, *path) is not None
            self._add(path, said if written else f"{said}; {path[-1]!r} is read unless `{dotted(path)}` names one")

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
            shown = some([f"{name!r} ({found[name]})" if what == "label" else repr(name) for name in strange])
            none = "no image" if len(strange) == len(found) else "not every image"
            said = f"{none} has a {what} that is a class of the model: {shown}; classes are {some(self.classes)}{near}"
            fate = "" if len(strange) == len(found) else "; these images are left out"
            self._add(path, f"{said}{fate}; `data.label_map` maps labels to classes", warn=bool(fate))
        have = {known[name] for name in seen if name in known}
        absent = [name for number, name in enumerate(self.classes) if number not in have]
        if absent and have:
            self._add(path, f"no image of {some([repr(name) for name in absent])}", warn=True)

    def _label_map(self, at: Keys) -> dict[str, str]:
        return {str(keys[-1]): text for keys, text in texts_at(self.root, (*map(str, at), "label_map", "*"))}

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


def _has_image(group: Path) -> bool:
    return any(path.suffix.lower() in SUFFIXES and not path.name.startswith(".") for path in group.rglob("*"))
