"""Gates against baselines: one for every baseline that a gate names, and one for everything a change must not touch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from auditlens.spec.model import AuditSpec, Gate
from auditlens.stages.plan import PlannedGate
from auditlens.stages.states import Severity

CHANGE: Final = "change"
"""Metric and name of the gates of a change plan: 0 where nothing differs, 1 where it does."""


def each_baseline(planned: PlannedGate, gate: Gate) -> tuple[PlannedGate, ...]:
    """The gate against every baseline that it names; the id says which where there are several."""
    if gate.against is None:
        return (planned,)
    if isinstance(gate.against, str):
        return (planned.model_copy(update={"against": gate.against}),)
    return tuple(
        planned.model_copy(update={"against": name, "id": f"{planned.id}[against={name}]"})
        for name in dict.fromkeys(gate.against)
    )


def change_gates(
    spec: AuditSpec, class_name: str, locate: Callable[[str], str | None] = lambda name: None
) -> tuple[PlannedGate, ...]:
    """One gate for every part of the model that must equal the first baseline's."""
    if spec.change is None:
        return ()
    return tuple(
        PlannedGate(
            id=f"{CHANGE}[{aspect}]",
            name=CHANGE,
            metric=CHANGE,
            class_name=class_name,
            relation="<=",
            bound=0.0,
            severity=Severity.ERROR,
            confidence=0.95,
            rationale=f"change plan {spec.change.plan}: the {aspect} must equal the baseline's",
            location=locate(CHANGE),
        )
        for aspect in dict.fromkeys(spec.change.must_equal)
    )
