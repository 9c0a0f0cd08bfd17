"""Where a gate stands in the spec, as a path within the repository, for services that show a file and a line."""

from __future__ import annotations

import json
import os
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOTS: Final = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")
"""Where CI services say the checkout lies."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file.

    Attributes
    ----------
    path : str
        With forward slashes; within the repository where that is known, else as the record has it.
    line, column : int
        From 1; 1 where they are not known.
    known : bool
        Whether line and column are known.
    """

    path: str
    line: int = 1
    column: int = 1
    known: bool = False


def place_of(location: str | None, folder: str = "") -> Place | None:
    """Read `file:line:col` of the record; None where there is none.

    Parameters
    ----------
    location : str or None
        The file is named relative to the spec's folder.
    folder : str
        The spec's folder within the repository (`spec_folder`).
    """
    if not location:
        return None
    head, *tail = location.rsplit(":", 2)
    if len(tail) != 2 or not all(part.isdigit() and int(part) > 0 for part in tail):
        return Place(_within(location, folder))
    return Place(_within(head, folder), int(tail[0]), int(tail[1]), known=True)


def _within(path: str, folder: str) -> str:
    path = path.replace("\\", "/")
    inside = posixpath.normpath(posixpath.join(folder, path))
    return path if inside.startswith("../") else inside


def spec_folder(run_dir: Path) -> str:
    """The spec's folder within the repository, as `run.json` names it; empty where it does not."""
    try:
        told = json.loads((run_dir / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    folder = told.get("spec_folder") if isinstance(told, dict) else None
    return folder if isinstance(folder, str) else ""


def folder_in_repository(spec: Path, environment: Mapping[str, str] = os.environ) -> str:
    """Find the folder of a spec within its repository, with forward slashes; empty where it is in none.

    The repository's root is what the CI service says, else the nearest folder above with a `.git`.
    """
    folder = spec.absolute().parent.resolve()
    named = [Path(environment[name]).resolve() for name in ROOTS if environment.get(name)]
    above = [path for path in (folder, *folder.parents) if (path / ".git").exists()]
    root = next((path for path in (*named, *above) if folder.is_relative_to(path)), folder)
    relative = folder.relative_to(root).as_posix()
    return "" if relative == "." else relative
