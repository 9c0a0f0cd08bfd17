"""Pictures of the run folder, checked, scaled to the size they are shown at, as data URIs."""

from __future__ import annotations

import base64
import hashlib
import io
from pathlib import Path

from auditlens.errors import IntegrityError

JPEG_QUALITY = 82
DENSITY = 2
"""Pixels per CSS pixel, so that pictures stay sharp on paper."""


class Pictures:
    """The pictures of one run folder.

    Parameters
    ----------
    run_dir : Path
    digests : dict of str to str
        SHA-256 by file name, from the record.
    """

    def __init__(self, run_dir: Path, digests: dict[str, str]) -> None:
        self._root = run_dir.resolve()
        self._digests = digests
        self._made: dict[tuple[str, int], str | None] = {}

    def uri(self, name: str | None, width: int) -> str | None:
        """Give a picture as a data URI at most `width` CSS pixels wide and high.

        Returns
        -------
        str or None
            None where the run folder does not hold the picture (it may have been left out on purpose).

        Raises
        ------
        IntegrityError
            If the name leads out of the run folder or the bytes are not those of the record.
        """
        if name is None:
            return None
        if (name, width) not in self._made:
            self._made[name, width] = self._make(name, width)
        return self._made[name, width]

    def _make(self, name: str, width: int) -> str | None:
        path = (self._root / name).resolve()
        if not path.is_relative_to(self._root):
            raise IntegrityError(f"picture {name!r} lies outside the run folder {self._root}")
        if not path.is_file():
            return None
        raw = path.read_bytes()
        expected = self._digests.get(name)
        if expected is not None and hashlib.sha256(raw).hexdigest() != expected:
            raise IntegrityError(f"picture {name!r} is not the one of the record: its SHA-256 differs")
        return "data:image/jpeg;base64," + base64.b64encode(shrink(raw, width * DENSITY)).decode("ascii")


def shrink(raw: bytes, side: int) -> bytes:
    """Re-encode a picture as JPEG with both sides at most `side` pixels; smaller ones keep their size."""
    from PIL import Image

    with Image.open(io.BytesIO(raw)) as opened:
        if opened.format == "JPEG" and max(opened.size) <= side:
            return raw
        picture = opened.convert("RGB")
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return buffer.getvalue()
