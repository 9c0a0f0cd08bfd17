"""How long work tells of itself: a protocol that the command line draws, and a silent one for everything else."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A run is a row of stages; each has a name and, where it is known, a number of steps."""

    def stage(self, name: str, total: int | None) -> None:
        """Begin a stage of `total` steps (None: not known)."""
        ...

    def advance(self, n: int = 1) -> None:
        """Report `n` further steps done."""
        ...

    def done(self, note: str = "") -> None:
        """End the stage."""
        ...


class Silent:
    """Tells nobody."""

    def stage(self, name: str, total: int | None) -> None:
        """Begin nothing."""

    def advance(self, n: int = 1) -> None:
        """Count nothing."""

    def done(self, note: str = "") -> None:
        """End nothing."""
