"""A number with its interval, and the score of one component against one concept."""

from __future__ import annotations

from typing import Literal

from auditlens.stages.base import Stage

Sided = Literal["one", "two"]


class Estimate(Stage):
    """A number with its interval.

    `sided="one"` means that `low` and `high` are each a one-sided bound at `confidence` (both together a two-sided
    interval at `2 * confidence - 1`); `sided="two"` is an ordinary two-sided interval.
    """

    value: float | None
    """None where it could not be estimated; `note` says why."""
    low: float | None = None
    high: float | None = None
    confidence: float = 0.95
    sided: Sided = "two"
    n: int = 0
    """Observations (denominator of a rate)."""
    n_units: int = 0
    n_instances: int | None = None
    """Artefact instances behind it; None where there are none."""
    n_events: int | None = None
    """Numerator of a rate."""
    method: str = ""
    note: str = ""
    too_few: bool = False
    """Too few units for the interval to keep its confidence whatever the data look like: a gate is then undecided."""
    unseen: float = 0.0
    """Of a mean change of probability: share of units that may change fully although no unit of the sample does, at
    this confidence; no gate holds at a smaller limit."""


class Flip(Stage):
    """Decisions that turn: of the images of `from_class` that the device gets right, those then called `to_class`."""

    from_class: str
    to_class: str
    rate: Estimate
    sham: Estimate | None
    beyond: Estimate | None


class Alignment(Stage):
    """One component against one concept."""

    concept: str
    raw: float
    """The paper's score a = s(theta, probe) - s(theta, null); shown, not decided on."""
    z: float
    """Standardised against theta of matched random image sets; decided on."""
    z_low: float | None = None
    z_high: float | None = None
    passes: bool
    counted: bool
    """True where the concept is observable (measured or assumed): only then is it evidence."""
    flagged_share: float | None = None
    """Share of the examples that people flagged with the concept, where a column says so."""
