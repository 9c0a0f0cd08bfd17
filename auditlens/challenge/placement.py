"""Where an artefact lies: at a border, in a corner, anywhere, and not over what it must avoid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from auditlens.challenge.rendering import Mask, Plane

Side = Literal["left", "right", "top", "bottom"]
SIDES: tuple[Side, ...] = ("left", "right", "top", "bottom")
Placement = str | float
"""`border`, `corner`, `anywhere` or `full`; or how far in, from 0 (touching the border) to 1 (centred)."""
CENTRE_SEMI_AXIS = 0.27
"""Semi-axes of the centre ellipse, as a share of each side of the image."""
N_CANDIDATES = 24
N_LAST_RESORTS = 12
LEAST_VISIBLE = 0.45
"""Share of the artefact's cover that must stay inside of the image."""


def centre_ellipse(height: int, width: int) -> Mask:
    """Mark where lesions lie as a rule: an ellipse around the image's centre.

    Returns
    -------
    Mask, (height, width)
    """
    rows = (np.arange(height) + 0.5) / height - 0.5
    columns = (np.arange(width) + 0.5) / width - 0.5
    inside: Mask = rows[:, None] ** 2 + columns[None, :] ** 2 <= CENTRE_SEMI_AXIS**2
    return inside


@dataclass(frozen=True, slots=True)
class Room:
    """The image that a drawing goes into.

    Attributes
    ----------
    height, width : int
        Pixels.
    placement : str or float
        `border`, `corner`, `anywhere` or `full`, as the spec says; or how far in, as a dose says.
    avoid : Mask or None, (height, width)
        Where the drawing must not lie.
    scale : float
        Size factor; 1 is the natural size.
    """

    height: int
    width: int
    placement: Placement
    avoid: Mask | None
    scale: float

    @property
    def side(self) -> int:
        """The shorter side in pixels; lengths of designs are shares of it."""
        return min(self.height, self.width)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.height, self.width


@dataclass(frozen=True, slots=True)
class Spot:
    """Upper left corner of a stamp."""

    left: int
    top: int


def place(
    alpha: Plane,
    size: tuple[int, int],
    placement: Placement,
    rng: np.random.Generator,
    avoid: Mask | None,
    *,
    overhang: float = 0.0,
    inset: float = 0.0,
    side: Side | None = None,
) -> Spot:
    """Find a place for a stamp that covers as little as possible of what it must avoid.

    Up to 24 places are drawn, then 12 in corners and partly outside of the image; the first that covers nothing of
    `avoid` and shows enough of the stamp is taken, else the one that covers least.

    Parameters
    ----------
    alpha : Plane, (h, w)
        Cover of the stamp.
    size : tuple of int
        Height and width of the image.
    placement : {"border", "corner", "anywhere", "full"} or float
        A number says how far in the stamp lies on the way from a drawn place at the border (0: touching it, whole in
        view) to the centre (1); `avoid`, `overhang` and `inset` are then set aside, and one place is drawn whatever
        the number.
    rng : numpy.random.Generator
    avoid : Mask, (height, width), optional
    overhang : float
        Largest share of the stamp outside of the image, for `border` and `corner`.
    inset : float
        Largest gap to the border, as a share of the image's side.
    side : Side, optional
        Border to use; drawn where none is given.

    Returns
    -------
    Spot
    """
    if not isinstance(placement, str):
        return _part_of_the_way(_candidate(alpha.shape, size, "border", rng, (0.0, 0.0), side), alpha, size, placement)
    if placement == "full":
        return Spot((size[1] - alpha.shape[1]) // 2, (size[0] - alpha.shape[0]) // 2)
    total = max(float(alpha.sum()), 1e-6)
    best, least = Spot(0, 0), np.inf
    for attempt in range(N_CANDIDATES + N_LAST_RESORTS):
        if attempt < N_CANDIDATES:
            spot = _candidate(alpha.shape, size, placement, rng, (overhang, inset), side)
        else:
            spot = _candidate(alpha.shape, size, "corner", rng, (max(overhang, 0.4), 0.0), side)
        cost = _cost(alpha, spot, size, avoid, total)
        if cost < least:
            best, least = spot, cost
        if cost == 0.0:
            break
    return best


def _part_of_the_way(start: Spot, alpha: Plane, size: tuple[int, int], share: float) -> Spot:
    """Move a stamp from its place at the border towards the centre of the image."""
    left, top = (size[1] - alpha.shape[1]) / 2, (size[0] - alpha.shape[0]) / 2
    return Spot(round(start.left + share * (left - start.left)), round(start.top + share * (top - start.top)))


def _cost(alpha: Plane, spot: Spot, size: tuple[int, int], avoid: Mask | None, total: float) -> float:
    """Share of the stamp over `avoid`, plus what is missing to the least visible share; 0 is perfect."""
    rows = slice(max(spot.top, 0), min(spot.top + alpha.shape[0], size[0]))
    columns = slice(max(spot.left, 0), min(spot.left + alpha.shape[1], size[1]))
    shown = alpha[rows.start - spot.top : rows.stop - spot.top, columns.start - spot.left : columns.stop - spot.left]
    missing = max(0.0, LEAST_VISIBLE - float(shown.sum()) / total)
    over = 0.0 if avoid is None else float(shown[avoid[rows, columns]].sum()) / total
    return over + missing


def _candidate(
    shape: tuple[int, ...],
    size: tuple[int, int],
    placement: str,
    rng: np.random.Generator,
    reach: tuple[float, float],
    side: Side | None,
) -> Spot:
    along_y, along_x = _free(rng, size[0], shape[0]), _free(rng, size[1], shape[1])
    if placement == "anywhere":
        return Spot(along_x, along_y)
    side = side or SIDES[int(rng.integers(4))]
    upright = side in ("left", "right")
    far_x = side == "right" if upright else bool(rng.integers(2))
    far_y = bool(rng.integers(2)) if upright else side == "bottom"
    at_x, at_y = _near(rng, far_x, size[1], shape[1], reach), _near(rng, far_y, size[0], shape[0], reach)
    if placement == "corner":
        return Spot(at_x, at_y)
    return Spot(at_x, along_y) if upright else Spot(along_x, at_y)


def _free(rng: np.random.Generator, room: int, length: int) -> int:
    """A start such that the stamp lies inside, or covers the whole side where it is longer."""
    low, high = sorted((0, room - length))
    return int(rng.integers(low, high + 1))


def _near(rng: np.random.Generator, at_end: bool, room: int, length: int, reach: tuple[float, float]) -> int:
    """A start near one end of a side: from `reach[0]` of the stamp outside to a gap of `reach[1]` of the side."""
    overhang, inset = reach
    start = round(float(rng.uniform(-overhang * length, inset * room)))
    return room - length - start if at_end else start
