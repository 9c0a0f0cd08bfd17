"""What all foundation models share: unit vectors out of batches, and building them in silence."""

from __future__ import annotations

import logging
import pickle
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from auditlens.errors import FoundationError, IntegrityError
from auditlens.spec.model import Foundation

Pixels = NDArray[np.uint8]
T = TypeVar("T")
CANNOT_LOAD: Final = (
    *(OSError, RuntimeError, ValueError, AssertionError, KeyError, TypeError, ImportError, EOFError),
    *(pickle.UnpicklingError, SafetensorError),
)
"""What open_clip, timm and their readers raise for unknown tags, broken files and missing networks."""


def unit_rows(encode: Callable[[Any], torch.Tensor], items: Sequence[Any], step: int, name: str) -> NDArray[np.float32]:
    """Encode items in batches as unit vectors, (items, dim) float32; only one batch is held at a time.

    Raises
    ------
    FoundationError
        Where an embedding is not finite or is zero.
    """
    rows = [encode(items[start : start + step]).float().cpu() for start in range(0, len(items), step)]
    vectors = torch.cat(rows).numpy()
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not lengths.all():
        raise FoundationError(f"{name} gives embeddings that are zero or not finite; check its weights")
    return np.asarray(vectors / lengths, dtype=np.float32)


def silently(build: Callable[[], T], name: str, hint: str | None = None) -> T:
    """Build without log and warnings; what is raised becomes a FoundationError, with a hint."""
    try:
        with quiet():
            return build()
    except CANNOT_LOAD as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        if isinstance(error, ImportError) and error.name:
            hint = f"install {error.name} to use it"
        raise FoundationError(f"foundation model {name} cannot be loaded: {first}", hint=hint) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings and log lines of open_clip, timm and the hub client, for the enclosed calls only."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for module in ("open_clip", "timm", "huggingface_hub", "torch", "ftfy", "transformers"):
                warnings.filterwarnings("ignore", module=rf"{module}(\..*)?")
            warnings.filterwarnings("ignore", message=".*QuickGELU.*")
            yield
    finally:
        logging.disable(before)


def check_digest(spec: Foundation, digest: str, what: str | Path) -> None:
    """Compare with the SHA-256 that the spec gives, where it gives one.

    Raises
    ------
    IntegrityError
    """
    if spec.sha256 is not None and digest != spec.sha256:
        raise IntegrityError(f"{what} has SHA-256 {digest}, the spec gives {spec.sha256}")
