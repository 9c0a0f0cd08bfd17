"""Limits of a difference from the limits of its two terms."""

from __future__ import annotations

import math

ValueAndLimits = tuple[float, float, float]
"""(value, low, high)"""


def square_and_add(
    a: ValueAndLimits, b: ValueAndLimits, correlation: float, bounds: tuple[float, float] = (-1.0, 1.0)
) -> tuple[float, float]:
    """Limits of a - b, clipped to `bounds` (Newcombe 1998; MOVER, Zou and Donner 2008).

    As wide as the two intervals say, and so with a width wherever they have one. The correlation is that of the two
    estimates; 0 is the cautious choice where it is unknown and not negative.
    """
    difference = a[0] - b[0]
    low = difference - _reach(a[0] - a[1], b[2] - b[0], correlation)
    high = difference + _reach(a[2] - a[0], b[0] - b[1], correlation)
    return max(low, bounds[0]), min(high, bounds[1])


def _reach(of_a: float, of_b: float, correlation: float) -> float:
    return math.sqrt(max(of_a**2 + of_b**2 - 2 * correlation * of_a * of_b, 0.0))
