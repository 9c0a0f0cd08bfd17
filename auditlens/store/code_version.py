"""What computed a stored result: the source of the rooms that compute, and the packages they stand on."""

from __future__ import annotations

import functools
import hashlib
import platform
from importlib import metadata
from pathlib import Path
from typing import Final

ROOMS: Final = ("challenge", "data", "examine", "gather", "semantics", "store", "subject", "testbed")
PACKAGES: Final = (
    "numpy",
    "open_clip_torch",
    "pillow",
    "pydicom",
    "scikit-learn",
    "scipy",
    "timm",
    "torch",
    "torchvision",
    "transformers",
    "zennit",
    "zennit-crp",
)


@functools.cache
def code_version() -> str:
    """Hash the sources of the computing rooms and the versions of the packages that decide their numbers.

    Every stored result carries it in its key, so that no result outlives a change of the code behind it.

    Returns
    -------
    str
        SHA-256, hexadecimal.
    """
    digest = hashlib.sha256(platform.python_version().encode())
    digest.update(platform.machine().encode())
    for package in PACKAGES:
        digest.update(f"{package}={_version(package)}\n".encode())
    package_root = Path(__file__).parents[1]
    for room in ROOMS:
        for source in sorted((package_root / room).rglob("*.py")):
            digest.update(source.relative_to(package_root).as_posix().encode() + b"\0")
            digest.update(source.read_bytes() + b"\0")
    return digest.hexdigest()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"
