"""The checks behind `auditlens doctor`: each looks at one thing and says what it found."""

from __future__ import annotations

import importlib
import os
import platform
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from auditlens.version import __version__

PANGO: Final = (
    "Debian, Ubuntu: apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0\n"
    "conda: conda install -c conda-forge pango\n"
    "macOS: brew install pango"
)
FONTS: Final = (
    "Debian, Ubuntu: apt-get install fonts-dejavu-core\n"
    "conda: conda install -c conda-forge fonts-conda-forge\n"
    "macOS: fonts come with the system"
)
TORCH: Final = "install a matching pair from one source: pip install --force-reinstall torch torchvision"
CORE: Final = ("torch", "torchvision")
"""Packages that are imported too: of two that do not fit each other both are installed and neither works."""


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check.

    Attributes
    ----------
    name : str
    ok : bool
    found : str
        A version, a number, or what went wrong.
    required : bool
        Whether an audit needs it.
    remedy : str
        How to get it; shown where it is not there.
    """

    name: str
    ok: bool
    found: str
    required: bool = False
    remedy: str = ""


def all_checks() -> list[Check]:
    """Run every check, in the order of the display."""
    checks = [_tool(), _python(), *_packages(), _onnx(), *(_imports(name) for name in CORE)]
    return [*checks, _processor(), _memory(), _cuda(), *_pdf(), _store()]


def _tool() -> Check:
    return Check("auditlens", True, __version__)


def _python() -> Check:
    found = f"{platform.python_version()} on {platform.platform()}"
    return Check("Python", sys.version_info >= (3, 11), found, required=True, remedy="install Python 3.11 or newer")


def _packages() -> Iterator[Check]:
    """Look up what auditlens depends on, without importing any of it."""
    for requirement in metadata.requires("auditlens") or ():
        if "extra ==" not in requirement:
            yield _package(requirement)


def _package(requirement: str) -> Check:
    name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
    try:
        return Check(name, True, metadata.version(name), required=True)
    except metadata.PackageNotFoundError:
        return Check(name, False, "not installed", required=True, remedy=f"pip install '{requirement}'")


def _onnx() -> Check:
    """Look up what only a released ONNX file needs."""
    try:
        found = ", ".join(f"{name} {metadata.version(name)}" for name in ("onnx", "onnxruntime"))
    except metadata.PackageNotFoundError as error:
        remedy = "pip install 'auditlens[onnx]', where the released file is ONNX"
        return Check("ONNX files", False, f"{error.name} is not installed", remedy=remedy)
    return Check("ONNX files", True, found)


def _imports(name: str) -> Check:
    return _tried(f"import {name}", lambda: _import(name), TORCH)


def _import(name: str) -> str:
    importlib.import_module(name)
    return "works"


def _tried(name: str, attempt: Callable[[], str], remedy: str, *, required: bool = True) -> Check:
    """Try something that may fail in any way, which is what the check is about."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Check(name, True, attempt(), required=required)
    except Exception as error:
        found = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return Check(name, False, found, required=required, remedy=remedy)


def _processor() -> Check:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Check("CPU", True, f"{usable} of {os.cpu_count()} cores usable, {platform.machine()}")


def _memory() -> Check:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return Check("memory", True, "size not known on this system")
    return Check("memory", total >= 4e9, f"{total / 1e9:.1f} GB", remedy="large models may need more than 4 GB")


def _cuda() -> Check:
    remedy = "none is needed; audits run on the CPU"
    return _tried("CUDA", _cuda_devices, remedy, required=False)


def _cuda_devices() -> str:
    import torch

    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    if not names:
        raise RuntimeError("no device")
    return ", ".join(names)


def _pdf() -> Iterator[Check]:
    """Render one line, since Pango may be installed and still not be found; then see whether it got a font."""
    pages: list[bytes] = []
    rendered = _tried("PDF (WeasyPrint, Pango)", lambda: _render(pages), PANGO)
    yield rendered
    if rendered.ok:
        has_font = b"/FontFile" in pages[0]
        yield Check("fonts", has_font, "found" if has_font else "none found", required=True, remedy=FONTS)


def _render(pages: list[bytes]) -> str:
    import weasyprint

    document = weasyprint.HTML(string="<p>Shortcut audit</p>")
    pages.append(document.write_pdf(uncompressed_pdf=True))
    return f"renders, WeasyPrint {weasyprint.__version__}"


def _store() -> Check:
    from auditlens.store import default_root

    root = default_root()
    parent = next(folder for folder in (root, *root.absolute().parents) if folder.exists())
    ok = parent.is_dir() and os.access(parent, os.W_OK)
    found = f"{root}, {_size(root) / 1e6:.0f} MB" if root.exists() else f"{root}, empty"
    remedy = "it cannot be written; set AUDITLENS_STORE to another folder"
    return Check("store", ok, found if ok else f"{root} cannot be written", required=True, remedy=remedy)


def _size(root: Path) -> int:
    total = 0
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            total += path.lstat().st_size if path.exists() else 0
    return total
