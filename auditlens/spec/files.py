"""Files and folders that a spec names: are they there, and are they what the field needs?"""

from __future__ import annotations

import glob
import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

from auditlens.errors import SpecError, nearest
from auditlens.spec.model import check_classes
from auditlens.spec.nodes import Fields, Items, Leaf, Problems, child, select
from auditlens.spec.paths import PATH_FIELDS, PREFIXES, Kind, is_hub_id, resolve
from auditlens.spec.references import inline_classes, text_at

MAX_CLASSES_BYTES: Final = 1_000_000
WORDNET_LINE: Final = re.compile(r"^n\d{8}\s")
VARIABLE: Final = "${"
_SIGNS: Final = frozenset("*?[")
SETS: Final = (("data",), ("data", "sets", "*"))
"""Where a source of images may stand."""


def check_files(root: Fields, base: Path, problems: Problems, unread: Collection[str] = ()) -> None:
    """Look for every file and folder; a fault is noted at the field that names it.

    Parameters
    ----------
    root : Fields
    base : Path
        Folder of the spec.
    problems : Problems
    unread : collection of str
        Sets of images that are not looked for.
    """
    for pattern, kind in PATH_FIELDS.items():
        for path, node in select(root, pattern):
            if path[:2] == SETS[1][:2] and path[2] in unread:
                continue
            if not (isinstance(node, Leaf) and isinstance(node.value, str)) or VARIABLE in node.value:
                continue  # no text, or a variable without a value, which has been told
            try:
                complaint = _complaint(root, node.value, base, kind)
            except SpecError as error:
                complaint = error.message
            except OSError as error:  # a name that is too long, a folder that may not be entered
                complaint = f"cannot look for {node.value[:80]!r}: {error.strerror}"
            if complaint:
                problems.add(node.at, path, complaint)


def _complaint(root: Fields, text: str, base: Path, kind: Kind) -> str | None:
    if kind in PREFIXES:
        inner = text.removeprefix(PREFIXES[kind])
        if not text.startswith(PREFIXES[kind]) or (kind == "network" and is_hub_id(inner)):
            return None
        return _need_folder(resolve(inner, base))
    if kind == "image":
        return _reference_image(root, text, base)
    path = resolve(text, base)
    if kind == "written":
        return None
    if kind == "run":
        return _need_file(path / "record.json" if path.is_dir() else path)
    if kind == "file":
        return _need_file(path)
    if kind == "pictures" and _SIGNS & set(text) and not path.exists():
        found = next(glob.iglob(str(path), recursive=True), None)  # noqa: PTH207 - the pattern may be absolute
        return None if found else f"no file fits the pattern {text!r}"
    return _need_folder(path) if kind == "folder" or not path.is_file() else None


def _need_file(path: Path) -> str | None:
    if path.is_dir():
        return f"{str(path)!r} is a folder; name a file"
    return None if path.is_file() else _absent(path, "file")


def _need_folder(path: Path) -> str | None:
    if path.is_file():
        return f"{str(path)!r} is a file; name a folder"
    return None if path.is_dir() else _absent(path, "folder")


def _absent(path: Path, what: str) -> str:
    parent = path.parent
    if not parent.is_dir():
        return f"there is no {what} {str(path)!r}"
    return f"there is no {what} {str(path)!r}{nearest(path.name, [entry.name for entry in parent.iterdir()])}"


def _reference_image(root: Fields, text: str, base: Path) -> str | None:
    """A reference image lies beside the spec or under the data's root; generated data cannot be known yet."""
    if any(True for head in SETS for _ in select(root, (*head, "generate"))):
        return None
    folders = [base, *data_roots(root, base)]
    if any((folder / text).is_file() for folder in folders) or resolve(text, base).is_file():
        return None
    return f"there is no image {text!r} beside the spec or in the data's root"


def data_roots(root: Fields, base: Path) -> list[Path]:
    """List the folders that image paths may be relative to."""
    patterns = [(*head, field) for head in SETS for field in ("root", "folder", "manifest")]
    found = [(path[-1], text_at(node)) for pattern in patterns for path, node in select(root, pattern)]
    named = [(field, resolve(text, base)) for field, text in found if text]
    return [path.parent if field == "manifest" else path for field, path in named]


def model_classes(root: Fields, base: Path, problems: Problems) -> tuple[str, ...]:
    """List the model's classes, from the spec or from the text file that it names; empty where they are not known."""
    found = child(root, "model")
    entry = child(found[1], "classes") if found else None
    if entry is None or isinstance(entry[1], Items):
        return inline_classes(root)
    text = text_at(entry[1])
    try:
        return read_classes(path) if text and (path := resolve(text, base)).is_file() else ()
    except OSError:
        return ()  # check_files reports the missing file
    except (SpecError, ValueError) as error:
        problems.add(entry[1].at, ("model", "classes"), str(error))
        return ()


def read_classes(path: Path) -> tuple[str, ...]:
    """Read a text file with one class name a line; blank lines do not count.

    A line is one name, with its blanks and commas. Only lines that begin with a WordNet id (`n01440764 tench, Tinca
    tinca`) end at the first comma, since what follows are synonyms: `n01440764 tench`.

    Raises
    ------
    ValueError
        Where the file is no list of distinct names in UTF-8.
    OSError
        Where it cannot be read.
    """
    with path.open("rb") as stream:
        raw = stream.read(MAX_CLASSES_BYTES + 1)
    if len(raw) > MAX_CLASSES_BYTES:
        raise ValueError(f"{str(path)!r} is larger than 1 MB; write one class name a line")
    try:
        lines = raw.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{str(path)!r} is not UTF-8 text; write one class name a line") from error
    names = tuple(_class_name(line.strip()) for line in lines if line.strip())
    check_classes(names)
    return names


def _class_name(line: str) -> str:
    return line.partition(",")[0].strip() if WORDNET_LINE.match(line) else line
