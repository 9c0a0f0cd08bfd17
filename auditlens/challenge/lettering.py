"""Letters and digits drawn from straight strokes, so that a text looks the same on every machine; no font is needed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from auditlens.challenge.rendering import Plane
from auditlens.challenge.strokes import Points, Sheet

GLYPHS: dict[str, str] = {
    "A": "062046 1434", "B": "003041423303 0006 334445360600", "C": "4130100105163645", "D": "00062644422000",
    "E": "40000646 0333", "F": "400006 0333", "G": "41301001051636454323", "H": "0006 4046 0343",
    "I": "1030 2026 1636", "J": "4045361605", "K": "0006 400346", "L": "000646", "M": "0600234046", "N": "06004640",
    "O": "103041453616050110", "P": "06003041423303", "Q": "103041453616050110 2446", "R": "06003041423303 2346",
    "S": "413010010213334445361605", "T": "0040 2026", "U": "000516364540", "V": "002640", "W": "0016233640",
    "X": "0046 4006", "Y": "002340 2326", "Z": "00400646",
    "0": "103041453616050110 1432", "1": "112026 1636", "2": "01103041420646", "3": "01103041423344453616051333",
    "4": "36300444", "5": "400003334445361605", "6": "30200205163645443303", "7": "004016",
    "8": "103041423313020110 1304051636454433", "9": "431302011030414426",
    " ": "", "-": "1333", ".": "26", ",": "2516", ":": "22 25", "/": "0640", "_": "0646", "+": "0343 2145",
    "\N{COPYRIGHT SIGN}": "103041453616050110 32121434",
}  # fmt: skip
"""Strokes of a character as points (x, y), one digit each, in a box four wide and six high."""
ADVANCE = 5.7
"""Distance from one character to the next, in the same units."""


def written(text: str, height: float, angle: float = 0.0) -> list[Points]:
    """Write one line of text around (0, 0).

    Parameters
    ----------
    text : str
        Characters of `GLYPHS`; small letters are written as capitals.
    height : float
        Of a capital, in pixels.
    angle : float
        Radians; positive turns clockwise, as seen.

    Returns
    -------
    list of Points
        One path per stroke; a dot is a path of one point.
    """
    unit = height / 6
    start = np.array([-(ADVANCE * (len(text) - 1) + 4) / 2, -3.0])
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    return [
        (
            np.array([(int(x), int(y)) for x, y in zip(stroke[::2], stroke[1::2], strict=True)])
            + start
            + (ADVANCE * i, 0)
        )
        @ turn
        * unit
        for i, character in enumerate(text.upper())
        for stroke in GLYPHS[character].split()
    ]


def box_of(paths: Sequence[Points], margin: float) -> tuple[Points, tuple[int, int]]:
    """Find the corner and the size (height, width) of a sheet that holds all paths with a margin."""
    points = np.concatenate([*paths, np.zeros((1, 2))])
    low = np.floor(points.min(axis=0) - margin)
    width, height = (int(extent) for extent in np.ceil(points.max(axis=0) + margin - low) + 1)
    return low, (height, width)


def inked(paths: Sequence[Points], weight: float, corner: Points, size: tuple[int, int]) -> Plane:
    """Draw paths with round ends and joints.

    Parameters
    ----------
    paths : sequence of Points
    weight : float
        Width of the strokes in pixels.
    corner : Points, (2,)
        Upper left corner of the sheet in the coordinates of the paths.
    size : tuple of int
        Height and width of the sheet.

    Returns
    -------
    Plane, (height, width)
        Cover, 0 to 1.
    """
    sheet = Sheet(*size)
    for path in paths:
        moved = path - corner
        for x, y in moved:
            sheet.disc((float(x), float(y)), weight / 2)
        for ends in pairwise(moved):
            sheet.stroke(np.stack(ends), np.array([weight, weight]))
    return sheet.cover()
