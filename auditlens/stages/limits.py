"""An interval against a limit: wholly inside, wholly outside, or neither."""

from __future__ import annotations


def inside(relation: str, bound: float, low: float, high: float) -> bool:
    """Tell whether the whole interval respects the limit."""
    if relation == "<=":
        return high <= bound
    if relation == ">=":
        return low >= bound
    return -bound <= low and high <= bound


def outside(relation: str, bound: float, low: float, high: float) -> bool:
    """Tell whether the whole interval breaks the limit."""
    if relation == "<=":
        return low > bound
    if relation == ">=":
        return high < bound
    return low > bound or high < -bound
