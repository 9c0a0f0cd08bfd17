"""The folder of one run: everything a reader gets, with a manifest of hashes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from auditlens.errors import InputError
from auditlens.store.atomic import write_bytes_atomically
from auditlens.store.folders import file_sha256

MARKER: Final = ".auditlens-run"
MANIFEST: Final = "MANIFEST.sha256"
RECORD: Final = "record.json"
OURS: Final = (
    "images/**/*",
    "baselines/**/*",
    "tables/*.parquet",
    "record.json",
    "record.json.sig",
    "run.json",
    "report.html",
    "report.pdf",
    "junit.xml",
    "results.sarif",
    "results.upload.sarif",
    "gl-code-quality-report.json",
    "summary.md",
    "training_images.csv",
    MANIFEST,
)
"""What a run writes, even where it was cut off before its manifest."""


class RunFolder:
    """A folder for the record, reports, tables and pictures of one run.

    Opening it removes what an earlier run wrote there, and nothing else: open it when there is something to write,
    and call `RunFolder.check` at the start of the run.

    Parameters
    ----------
    path : Path
        Absent, empty, or an earlier run's folder.

    Raises
    ------
    InputError
        If the folder holds other things.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.check(self.path)
        marked = (self.path / MARKER).is_file()
        write_bytes_atomically(
            self.path / MARKER, b"A run folder of auditlens: the next run into it replaces its files.\n"
        )
        self._clear(marked)
        self._foreign = frozenset(self._files())

    @staticmethod
    def check(path: Path) -> None:
        """Refuse a path that is a file, or a folder with other things in it.

        Raises
        ------
        InputError
            Naming the folder and what is valid.
        """
        if path.exists() and not path.is_dir():
            raise InputError(f"{path} is a file; the run needs a folder", hint="name a new or empty folder")
        if path.is_dir() and any(path.iterdir()) and not _is_run_folder(path):
            raise InputError(
                f"{path} is not empty and is no run folder (it holds neither {RECORD} nor {MARKER})",
                hint="name a new or empty folder, or an earlier run's",
            )

    def place(self, name: str) -> Path:
        """Return the path of a file to write, with its folder made; `name` is relative, with forward slashes.

        Raises
        ------
        ValueError
            If the name leaves the run folder.
        """
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts or not relative.parts:
            raise ValueError(f"{name!r} is not a name inside the run folder")
        path = self.path / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write_bytes(self, name: str, content: bytes) -> Path:
        """Write a file, whole or not at all."""
        return write_bytes_atomically(self.place(name), content)

    def write_text(self, name: str, text: str) -> Path:
        """Write a text as UTF-8 with the line ends it has."""
        return self.write_bytes(name, text.encode("utf-8"))

    def hashes(self) -> dict[str, str]:
        """SHA-256 by name of every file of this run, sorted by name."""
        return {name: file_sha256(self.path / name) for name in self._files() if name not in self._foreign}

    def write_manifest(self) -> Path:
        """Write `MANIFEST.sha256`, for `sha256sum -c`: every file of the run but itself, sorted by name."""
        lines = [f"{digest}  {name}\n" for name, digest in self.hashes().items()]
        return self.write_text(MANIFEST, "".join(lines))

    def _files(self) -> Iterator[str]:
        found = (path.relative_to(self.path).as_posix() for path in self.path.rglob("*") if path.is_file())
        return iter(sorted(name for name in found if name not in {MARKER, MANIFEST}))

    def _clear(self, marked: bool) -> None:
        """Remove an earlier run's files: what its manifest lists and, where marked, what a run writes."""
        patterns = OURS if marked else (MANIFEST, RECORD)
        doomed = {path for pattern in patterns for path in self.path.glob(pattern) if path.is_file()}
        doomed |= set(_listed(self.path))
        for path in doomed:
            path.unlink()
        for folder in sorted((path for path in self.path.rglob("*") if path.is_dir()), reverse=True):
            if not any(folder.iterdir()):
                folder.rmdir()


def _is_run_folder(path: Path) -> bool:
    return (path / MARKER).is_file() or (path / RECORD).is_file()


def _listed(path: Path) -> Iterator[Path]:
    """Yield the files that an earlier manifest lists and that are still there, none outside the folder."""
    manifest = path / MANIFEST
    if not manifest.is_file():
        return
    for line in manifest.read_text(encoding="utf-8").splitlines():
        name = PurePosixPath(line[66:])
        inside = name.parts and not name.is_absolute() and ".." not in name.parts
        if inside and (path / name).is_file():
            yield path / name
