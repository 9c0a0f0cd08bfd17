"""What a number of units can decide at best; `plan` asks before the run."""

from __future__ import annotations

import math


def bound_with_zero_events(n_units: int, confidence: float = 0.95) -> float:
    """Upper one-sided limit of a rate without any event in `n_units` (41 units at 95 %: 7.0 %).

    Raises
    ------
    ValueError
        For fewer than 0 units or a confidence outside (0, 1).
    """
    _check(confidence, "confidence")
    if n_units < 0:
        raise ValueError(f"n_units must not be negative, not {n_units}")
    return 1.0 if n_units == 0 else -math.expm1(math.log1p(-confidence) / n_units)


def n_for_zero_events(limit: float, confidence: float = 0.95) -> int:
    """Fewest units that can show a rate to be at most `limit`, with no event among them (2 % at 95 %: 149).

    Raises
    ------
    ValueError
        For a limit or a confidence outside (0, 1).
    """
    _check(limit, "limit")
    _check(confidence, "confidence")
    n_units = max(1, math.ceil(math.log1p(-confidence) / math.log1p(-limit) - 1e-9))
    return n_units if bound_with_zero_events(n_units, confidence) <= limit else n_units + 1


def _check(value: float, name: str) -> None:
    if not 0 < value < 1:
        raise ValueError(f"{name} must lie in (0, 1), not {value}")
