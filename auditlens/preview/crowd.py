"""How busy the machine is: the same work takes longer by the clock where others use it at the same time."""

from __future__ import annotations

import os
from dataclasses import dataclass

from auditlens.stages.planned_run import Span
from auditlens.store.laps import Spent


@dataclass(frozen=True, slots=True)
class Crowd:
    """The cores, and how many processes want one.

    Attributes
    ----------
    n_cores : int
    load : float or None
        Mean number of processes that run or wait, over the last minute; None where the system does not tell.
    """

    n_cores: int
    load: float | None

    @classmethod
    def now(cls) -> Crowd:
        """Ask the system."""
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
        return cls(os.cpu_count() or 1, load)

    @property
    def factor(self) -> float:
        """How many processes want one core, at least 1: so many times longer work takes by the clock."""
        return max(1.0, (self.load or 0.0) / self.n_cores)

    @property
    def said(self) -> str:
        """In words, for what an estimate rests on."""
        if self.load is None:
            return "a machine that others use is slower"
        busy = f", so work may take {self.factor:.1f} times as long" if self.factor > 1.05 else ""
        cores = f"{self.n_cores} core{'' if self.n_cores == 1 else 's'}"
        return f"from a machine of its own to one as busy as now (load {self.load:.1f} on {cores}{busy})"

    def between(self, spent: Spent, *, on_gpu: bool) -> Span:
        """Seconds by the clock of work that was measured: on a machine of its own, and on one as busy as then or now.

        A graphics card's work is not the processor's, so there the clock of then is the least.
        """
        alone = spent.seconds if on_gpu else min(spent.seconds, spent.busy)
        return Span(low=alone, high=max(spent.seconds, alone * self.factor))
