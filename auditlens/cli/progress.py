"""The progress of a run: a live display in a terminal, one line per finished stage elsewhere, or nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import click

from auditlens.stages.progress import Progress, Silent

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


@contextmanager
def shown_progress(*, quiet: bool, stream: TextIO | None = None) -> Iterator[Progress]:
    """Show progress on standard error for as long as the block runs.

    Parameters
    ----------
    quiet : bool
        Show nothing.
    stream : text stream, optional
        Standard error by default.
    """
    stream = stream or sys.stderr
    if quiet:
        yield Silent()
    elif stream.isatty():
        with _live(stream) as bars:
            yield LiveProgress(bars)
    else:
        yield LineProgress(stream)


class LineProgress:
    """One plain line per finished stage: `examine: 1500 in 12.3 s`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._name: str | None = None
        self._steps = 0
        self._start = 0.0

    def stage(self, name: str, total: int | None) -> None:
        """Begin a stage, and end the one before it where nobody did."""
        self.done()
        self._name, self._steps, self._start = name, 0, time.monotonic()

    def advance(self, n: int = 1) -> None:
        """Count steps."""
        self._steps += n

    def done(self, note: str = "") -> None:
        """Write the stage's line."""
        if self._name is None:
            return
        what = note or (str(self._steps) if self._steps else "done")
        click.echo(f"{self._name}: {what} in {time.monotonic() - self._start:.1f} s", file=self._stream)
        self._name = None


class LiveProgress:
    """One bar per stage: finished ones stay as a list with their time, the current one shows what is left."""

    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars
        self._task: TaskID | None = None
        self._total: int | None = None
        self._steps = 0

    def stage(self, name: str, total: int | None) -> None:
        """Begin a stage, and end the one before it where nobody did."""
        self.done()
        self._total, self._steps = total, 0
        self._task = self._bars.add_task(name, total=total, note="")

    def advance(self, n: int = 1) -> None:
        """Move the bar."""
        if self._task is not None:
            self._steps += n
            self._bars.advance(self._task, n)

    def done(self, note: str = "") -> None:
        """Fill the bar and stop its clock."""
        if self._task is None:
            return
        total = max(self._total or 0, self._steps, 1)
        self._bars.update(self._task, total=total, completed=total, note=note)
        self._bars.stop_task(self._task)
        self._task = None


def _live(stream: TextIO) -> RichProgress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars

    return Bars(
        SpinnerColumn(finished_text="[green]✓[/green]"),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=Console(file=stream),
    )
