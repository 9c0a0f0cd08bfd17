"""From stored pixel values to 8 bits: by a declared window, and never by silent clipping."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from auditlens.spec.model import Window

Values = NDArray[Any]
HINT: Final = (
    "write `data.window`: [low, high] maps these values to black and white, `full` takes the whole range of 16 bits, "
    "`file` the window that a DICOM file names"
)


class UndeclaredError(ValueError):
    """Nothing in the spec says how values of more than 8 bits become 8 bits."""


def to_eight_bits(values: Values, window: Window | None, full: tuple[float, float] | None, kind: str) -> Values:
    """Map values linearly from a window to 0..255, rounded; what lies outside becomes black or white.

    Parameters
    ----------
    values : array of numbers
    window : (low, high), "full", "file" or None
        As the spec declares it.
    full : (low, high) or None
        Range of what is stored, where it is known.
    kind : str
        What the values are, for errors.

    Returns
    -------
    NDArray of uint8
        Of the shape of `values`.

    Raises
    ------
    UndeclaredError
        No window is declared.
    ValueError
        Values that are not finite, a window that this kind of file does not have, or an image outside the window.
    """
    low, high = _limits(values, window, full, kind)
    seen = float(values.min()), float(values.max())
    if not np.isfinite(seen).all():
        raise ValueError(f"its {kind} are not finite")
    if seen[1] < low or seen[0] > high:
        raise ValueError(f"all its {kind} ({seen[0]:g} to {seen[1]:g}) lie outside `data.window` ({low:g} to {high:g})")
    scaled = (values.astype(np.float64) - low) / (high - low) * 255.0
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def _limits(values: Values, window: Window | None, full: tuple[float, float] | None, kind: str) -> tuple[float, float]:
    if window is None:
        found = f"{values.min():g} to {values.max():g}"
        raise UndeclaredError(f"it holds {kind} ({found}), and nothing says how they become 8 bits; {HINT}")
    if isinstance(window, tuple):
        return window
    if window == "file" or full is None:
        raise ValueError(f"`data.window: {window}` does not fit {kind}; write [low, high]")
    return full


def sentence(window: Window | None) -> str | None:
    """Say in one plain sentence what happens to values of more than 8 bits; None where nothing is declared."""
    if window is None:
        return None
    outside = "what lies outside becomes black or white"
    if window == "file":
        return f"DICOM values are mapped to 0..255 by the window that each file names; {outside}"
    if window == "full":
        return "images of more than 8 bits are divided to 0..255 over the whole range that their bits can hold"
    return f"values of more than 8 bits are mapped linearly from {window[0]:g}..{window[1]:g} to 0..255; {outside}"
