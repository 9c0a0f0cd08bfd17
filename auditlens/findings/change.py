"""How the model differs from the first baseline's, and whether the change plan allows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from auditlens.findings.against import Against, missing
from auditlens.findings.decision import OperatingPoint
from auditlens.spec.baselines import Aspect
from auditlens.spec.model import AuditSpec
from auditlens.stages.baselines import Altered
from auditlens.stages.findings import Estimate
from auditlens.stages.plan import AuditPlan, PlannedGate, PlannedModel

NOTHING: Final = "none"


def _weights(model: PlannedModel) -> str:
    return (model.identity_sha256 if model.released is not None else model.weights_sha256) or NOTHING


def _architecture(model: PlannedModel) -> str:
    return f"{model.architecture}, {model.n_parameters:,} parameters"


def _preprocessing(model: PlannedModel) -> str:
    released = model.released.preprocessing if model.released is not None else ""
    return "; ".join(filter(None, dict.fromkeys((model.preprocessing, released))))


def _released(model: PlannedModel) -> str:
    found = model.released
    if found is None:
        return NOTHING
    return f"{found.format}, run by {found.runtime}, takes {found.takes}, gives {found.output}"


PARTS: Final[Mapping[Aspect, Callable[[PlannedModel], str]]] = {
    "weights": _weights,
    "architecture": _architecture,
    "preprocessing": _preprocessing,
    "classes": lambda model: ", ".join(model.classes),
    "output": lambda model: model.output,
    "decision": lambda model: OperatingPoint.of(model).sentence,
    "silenced": lambda model: ", ".join(model.silenced) or NOTHING,
    "released": _released,
}
"""How each part of a model reads in its record; equal texts are equal parts."""


def altered(spec: AuditSpec, plan: AuditPlan, against: Against) -> tuple[Altered, ...] | None:
    """List what differs from the first baseline that has a record; None without one."""
    first = next((row.original for row in against.comparands if row.original is not None), None)
    if first is None:
        return None
    found = []
    for aspect, read in PARTS.items():
        before, after = read(first.plan.model), read(plan.model)
        if before != after:
            found.append(Altered(aspect=aspect, before=before, after=after, allowed=_allowed(spec, aspect)))
    return tuple(found)


def _allowed(spec: AuditSpec, aspect: Aspect) -> bool | None:
    if spec.change is None:
        return None
    return True if aspect in spec.change.may_change else False if aspect in spec.change.must_equal else None


def kept_equal(gate: PlannedGate, found: tuple[Altered, ...] | None, against: Against) -> Estimate:
    """Estimate for a gate of the change plan: 0 where the part is the baseline's, 1 where it is not."""
    if found is None:
        why = next((row.why_not for row in against.comparands if row.why_not), "")
        return missing(gate, f"there is no baseline to compare with{': ' + why if why else ''}")
    aspect = gate.id.partition("[")[2].removesuffix("]")
    differing = next((row for row in found if row.aspect == aspect), None)
    value = 0.0 if differing is None else 1.0
    note = "" if differing is None else f"it was {differing.before!r} and is {differing.after!r}"
    return Estimate(value=value, low=value, high=value, confidence=gate.confidence, sided="one", note=note)
