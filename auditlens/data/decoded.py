"""Decoded images that are kept for the next stage: an audit shows each image to its model a dozen times."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from auditlens.spec.model import Window

Pixels = NDArray[np.uint8]
MOST_BYTES: Final = 128 * 2**20
"""Of all images that are kept: a few hundred small ones. The one that was asked for longest ago goes first."""
LARGEST_SHARE: Final = 16
"""An image that would take more than this part of the room is not kept."""


class Decoded:
    """A bounded store in memory, safe for threads; a file that has changed since is decoded anew.

    Parameters
    ----------
    most_bytes : int
        Of all pixels together.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._held = most_bytes, 0
        self._kept: OrderedDict[Hashable, Pixels] = OrderedDict()
        self._lock = Lock()

    def get(self, path: Path, window: Window | None, decode: Callable[[], Pixels]) -> Pixels:
        """Give the pixels of a file, read-only; `decode` is called where they are not kept."""
        key = _key(path, window)
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        pixels = decode()
        pixels.flags.writeable = False
        if key is not None and pixels.nbytes * LARGEST_SHARE <= self._most:
            self._keep(key, pixels)
        return pixels

    def _keep(self, key: Hashable, pixels: Pixels) -> None:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = pixels
                self._held += pixels.nbytes
            while self._held > self._most:
                self._held -= self._kept.popitem(last=False)[1].nbytes


def _key(path: Path, window: Window | None) -> Hashable:
    """What tells one state of a file from another; None where there is no file, which the decoder tells."""
    try:
        state = path.stat()
    except OSError:
        return None
    return path, window, state.st_mtime_ns, state.st_size, state.st_ino
