"""Versions of everything that takes part in a number."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from auditlens.stages.record import Environment
from auditlens.version import __version__

PACKAGES = (
    *("torch", "torchvision", "timm", "open_clip_torch", "zennit", "zennit-crp", "numpy", "scipy", "scikit-learn"),
    *("pandas", "pyarrow", "pillow", "pydantic", "altair", "weasyprint", "pydicom", "transformers"),
)


def environment() -> Environment:
    """Versions only: no times and no host names, so that equal runs give equal bytes."""
    return Environment(
        auditlens=__version__,
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        packages={name: _version(name) for name in PACKAGES},
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
