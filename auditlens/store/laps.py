"""How long the stages of a run take, and what it takes beside them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spent:
    """Items (images, trials, crops) that were computed, and how long it took.

    Attributes
    ----------
    n_items : int
    seconds : float
        By the clock.
    busy : float
        Of the processor, over all threads of this process: by the clock it takes longer where others use the machine.
    """

    n_items: int = 0
    seconds: float = 0.0
    busy: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        """Add part by part."""
        return Spent(self.n_items + other.n_items, self.seconds + other.seconds, self.busy + other.busy)

    def __sub__(self, other: Spent) -> Spent:
        """Take off part by part."""
        return Spent(self.n_items - other.n_items, self.seconds - other.seconds, self.busy - other.busy)


class Laps:
    """The parts of a run one after the other, each without what its stored stages took.

    Parameters
    ----------
    stages : mapping of stage to Spent
        Grows while the run goes on.

    Attributes
    ----------
    spent : dict of part to Spent
    """

    def __init__(self, stages: Mapping[str, Spent]) -> None:
        self._stages, self.spent = stages, dict[str, Spent]()
        self._last = self._now()

    def end(self, part: str, n_items: int) -> None:
        """End a part of the run, which is about so many images."""
        now = self._now()
        took = now - self._last
        self.spent[part] = Spent(n_items, max(took.seconds, 0.0), max(took.busy, 0.0))
        self._last = now

    def _now(self) -> Spent:
        """The two clocks, less what the store's stages have taken so far."""
        stages = sum(self._stages.values(), start=Spent())
        return Spent(0, time.perf_counter() - stages.seconds, time.process_time() - stages.busy)
