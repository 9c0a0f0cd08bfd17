"""What an earlier audit says of the same gates, and how this model differs from that one."""

from __future__ import annotations

from auditlens.stages.base import Stage
from auditlens.stages.estimate import Estimate
from auditlens.stages.states import GateState


class BaselineGate(Stage):
    """One gate of this plan in a baseline."""

    id: str
    before: Estimate | None = None
    """The baseline's own value, at this gate's confidence; None where it has none."""
    known: bool = False
    """Whether the baseline has the same question."""
    state: GateState | None = None
    """As its own audit decided it; None where that audit had another limit, or no such gate."""
    worse: Estimate | None = None
    """How much worse this model is on the same pictures, in the metric's unit, below zero where it is better; one-sided
    bounds at the gate's confidence. None for metrics that are not kept picture by picture."""


class Altered(Stage):
    """A part of the model that differs from the baseline's."""

    aspect: str
    before: str
    after: str
    allowed: bool | None = None
    """By the change plan: True may change, False must be equal, None: it says nothing of it."""


class BaselineFinding(Stage):
    """One baseline."""

    name: str
    audit_id: str = ""
    headline: str = ""
    """Of its own verdict."""
    model_sha256: str | None = None
    record_sha256: str = ""
    """Of its record.json; empty where there is none."""
    again: str = ""
    """Why its model was run again by this spec; empty where its own numbers are used."""
    why_not: str = ""
    """Why nothing is compared with it; empty where it is."""
    gates: tuple[BaselineGate, ...] = ()
    """In the order of the plan."""
    gone: tuple[str, ...] = ()
    """Gates that it had and this plan has no longer."""
    altered: tuple[Altered, ...] = ()
    """For the first baseline."""

    def gate(self, name: str) -> BaselineGate | None:
        """Find a gate by its id."""
        return next((row for row in self.gates if row.id == name), None)
