"""Python functions that a spec names, and the hash of the source they come from."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from auditlens.errors import AuditLensError, InputError, nearest
from auditlens.spec.paths import OWN_CODE

_IMPORTED: Final[dict[str, tuple[Path, str]]] = {}
"""Modules that imports for a spec brought in -> file and SHA-256 then, to notice edits within one process."""


def load_function(
    name: str, import_path: Path | None = None, error: type[AuditLensError] = InputError
) -> Callable[..., Any]:
    """Import the function that `name` (`module:function`) stands for.

    Parameters
    ----------
    name : str
        `package.module:function`.
    import_path : Path, optional
        Folder that is looked in first; only for this import, and not for `OWN_CODE`, which runs without
        anybody's leave and must not bring in what lies in a folder of the spec.
    error : type of AuditLensError
        What is raised where it cannot be had.
    """
    module_name, colon, attribute = name.partition(":")
    if not (module_name and colon and attribute):
        raise error(f"{name!r} names no function; write 'module:function'")
    module = _import(module_name, searched_first(name, import_path), error)
    function = getattr(module, attribute, None)
    if not callable(function):
        valid = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise error(f"module {module_name!r} has no function {attribute!r}{nearest(attribute, valid)}")
    return function  # type: ignore[no-any-return]


def searched_first(name: str, import_path: Path | None) -> Path | None:
    """Folder that is looked in first for a function, and while it runs; none for our own."""
    return None if name in OWN_CODE else import_path


def source_sha256(function: Callable[..., Any]) -> str:
    """SHA-256 of the source file of a function's module; of its qualified name where there is none (built in C)."""
    try:
        source = inspect.getsourcefile(function)
    except TypeError:
        source = None
    if source is None:
        return hashlib.sha256(f"{function.__module__}:{function.__qualname__}".encode()).hexdigest()
    return hashlib.sha256(Path(source).read_bytes()).hexdigest()


def sources_sha256(function: Callable[..., Any], import_path: Path | None) -> str:
    """SHA-256 of a function's source file, and of every module that imports for specs brought in from a folder.

    Parameters
    ----------
    function : callable
        As `load_function` gives it.
    import_path : Path or None
        The folder; without one only the function's own file counts.
    """
    digest = hashlib.sha256(source_sha256(function).encode())
    if import_path is not None:
        beside = {path: sha256 for path, sha256 in _IMPORTED.values() if path.is_relative_to(import_path)}
        for path, sha256 in sorted(beside.items()):
            digest.update(f"{path.relative_to(import_path).as_posix()}|{sha256}\n".encode())
    return digest.hexdigest()


@contextlib.contextmanager
def on_import_path(folder: Path | None) -> Iterator[None]:
    """Put a folder first on the import path for a while."""
    if folder is None:
        yield
        return
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _import(name: str, import_path: Path | None, error: type[AuditLensError]) -> ModuleType:
    if import_path is not None:
        _forget_namesake(name, import_path)
        _forget_edited()
    importlib.invalidate_caches()
    before = set(sys.modules)
    try:
        with on_import_path(import_path):
            return importlib.import_module(name)
    except (Exception, SystemExit) as cause:  # the module's own code may raise anything, or leave
        where = f" (looked in {import_path} first)" if import_path is not None else ""
        raise error(f"cannot import {name!r}{where}: {type(cause).__name__}: {cause}") from cause
    finally:
        if import_path is not None:
            _remember(set(sys.modules) - before, import_path)


def _remember(names: set[str], import_path: Path) -> None:
    """Note the files of modules that an import brought in from below a folder, installed packages left out."""
    for name in names:
        path = Path(getattr(sys.modules.get(name), "__file__", None) or "")
        if path.is_relative_to(import_path) and path.is_file() and "site-packages" not in path.parts:
            _IMPORTED[name] = (path, hashlib.sha256(path.read_bytes()).hexdigest())


def _forget_edited() -> None:
    """Drop the modules of specs where one of their files changed: old code must not pass for the new file's hash."""
    if all(
        path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest
        for path, digest in _IMPORTED.values()
    ):
        return
    for name in _IMPORTED:
        sys.modules.pop(name, None)
    _IMPORTED.clear()


def _forget_namesake(name: str, import_path: Path) -> None:
    """Drop a loaded module of the same name from another folder, where `import_path` has its own."""
    top = name.partition(".")[0]
    own = [import_path / f"{top}.py", import_path / top / "__init__.py"]
    loaded = getattr(sys.modules.get(top), "__file__", None)
    if loaded is None or Path(loaded).resolve() in {path.resolve() for path in own}:
        return
    if any(path.is_file() for path in own):
        for key in [key for key in sys.modules if key == top or key.startswith(f"{top}.")]:
            del sys.modules[key]
