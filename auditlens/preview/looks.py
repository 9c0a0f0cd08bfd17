"""Ask the store for what the measurements would ask for, with their own keys, and compute nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from auditlens.gather.context import Context
from auditlens.stages.planned_run import NOTHING, Runs, Span
from auditlens.stages.progress import Silent
from auditlens.store.looking import Look, LookingStore, NotStoredError

FOLLOWS = ("ablations", "mediations")
"""Stages whose keys follow from the labels, which the run finds: known from the trace of an earlier run."""


def exactly(n: float) -> Span:
    """A number that is known."""
    return Span(low=n, high=n)


@dataclass(frozen=True, slots=True)
class Asked:
    """One stage: how many items, how many of them are stored, and what one of them costs.

    Attributes
    ----------
    title, stage : str
    model : {"audited", "released", "foundation"}
    items : Span
        Images, trials or crops.
    n_stored : int
    forward, backward : Span
        Passes over all items.
    value : object
        What the store held; None where it did not hold it wholly.
    note : str
    """

    title: str
    stage: str
    model: Runs
    items: Span
    n_stored: int
    forward: Span
    backward: Span = NOTHING
    value: Any = field(default=None, compare=False)
    note: str = ""


class _Titles(Silent):
    """Remembers how the stages call themselves."""

    def __init__(self) -> None:
        self.last = ""

    def stage(self, name: str, total: int | None) -> None:
        """Remember the name of a stage."""
        self.last = name


class Asking:
    """The context of a run whose store only looks.

    Attributes
    ----------
    context : Context
        What the functions of `gather` are called with.
    """

    def __init__(self, context: Context) -> None:
        self._titles, self._store = _Titles(), LookingStore(context.store.root)
        self.context = replace(context, store=self._store, progress=self._titles)

    def change(self, context: Context) -> None:
        """Go on with a changed context."""
        self.context = replace(context, store=self._store, progress=self._titles)

    def ask(
        self,
        question: Callable[[Context], object],
        model: Runs,
        per_item: tuple[Span, Span],
        *,
        extra: Span = NOTHING,
        note: str = "",
    ) -> Asked | None:
        """Put a question, and say how much of its answer is there; None where it asks for nothing.

        Parameters
        ----------
        question : callable
            A measurement; it stops at the first result that is not there.
        model : {"audited", "released", "foundation"}
        per_item : pair of Span
            Forward and backward passes of one item.
        extra : Span
            Further forward passes, whatever the number of items.
        """
        looks, value = self._put(question)
        if not looks:
            return None
        n_items = sum(look.n_items for look in looks)
        forward, backward = per_item
        return Asked(
            title=self._titles.last,
            stage=looks[-1].stage,
            model=model,
            items=exactly(n_items),
            n_stored=sum(look.n_stored for look in looks),
            forward=forward.times(n_items, n_items) + extra,
            backward=backward.times(n_items, n_items),
            value=value,
            note=note,
        )

    def looked(self, question: Callable[[Context], object]) -> tuple[Look, ...]:
        """Put a question, and return every look that it made at the store."""
        return self._put(question)[0]

    def _put(self, question: Callable[[Context], object]) -> tuple[tuple[Look, ...], object]:
        before, value = len(self._store.looks), None
        with suppress(NotStoredError):
            value = question(self.context)
        return tuple(self._store.looks[before:]), value
