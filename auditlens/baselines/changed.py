"""What changed between a baseline's spec, data and foundation model and those of this run."""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic import ValidationError

from auditlens.spec.load import merged_document
from auditlens.spec.model import AuditSpec
from auditlens.spec.paths import PATH_FIELDS
from auditlens.stages.plan import AuditPlan
from auditlens.stages.record import AuditRecord
from auditlens.version import __version__

FREE: Final = frozenset(
    {
        "auditlens",
        "audit",
        "include",
        "model",
        "decision",
        "gates",
        "waivers",
        "baselines",
        "change",
        "report",
        "review",
        "seed",
        "protocol",
        "tiers",
    }
)
"""Sections of a spec that do not change what is measured, or that are the model's own, or that the plan compares."""

FORBIDDEN: Final = "forbidden_overlap"


def what_changed(spec: AuditSpec, plan: AuditPlan, record: AuditRecord) -> tuple[str, ...]:
    """Name what makes the numbers of an earlier audit no match for this one's; empty where they are."""
    then = record.plan
    rows: tuple[tuple[Any, ...], ...] = (
        ("the data", then.data.sha256, plan.data.sha256),
        ("the set for observability", *(one.data.sets.digest("observability") for one in (then, plan))),
        ("the set of concept examples", *(one.data.sets.digest("concept examples") for one in (then, plan))),
        ("the foundation model", _foundation(then), _foundation(plan)),
        ("the seed", then.seed, plan.seed),
    )
    changed: list[str] = [what for what, before, after in rows if before != after]
    return (*changed, *_tool(record.environment.auditlens), *_sections(spec, record))


def _tool(then: str) -> tuple[str, ...]:
    """Say that the record is of another version, which may draw artefacts, or define a metric, otherwise."""
    if then == __version__:
        return ()
    return (f"the version of AuditLens ({then} then, {__version__} now: pictures and metrics may differ)",)


def _foundation(plan: AuditPlan) -> Any:
    return (
        None if plan.foundation is None else plan.foundation.model_dump(exclude={"training_overlap", "training_note"})
    )


def _sections(spec: AuditSpec, record: AuditRecord) -> tuple[str, ...]:
    """Name the sections of the spec that differ, without paths: files are compared by what is in them."""
    try:
        then = merged_document(AuditSpec.model_validate_json(json.dumps(_unsalted(record.spec))))
    except ValidationError:
        return ("the format of the spec",)
    before, after = (_measuring(document) for document in (then, merged_document(spec)))
    names = [name for name in dict.fromkeys((*before, *after)) if name not in FREE]
    return tuple(f"the spec's {name}" for name in names if before.get(name) != after.get(name))


def _unsalted(document: dict[str, Any]) -> dict[str, Any]:
    """A spec without its list of forbidden ids, whose salt a record hides."""
    data = {name: value for name, value in document["data"].items() if name != FORBIDDEN}
    return {**document, "data": data}


def _measuring(document: dict[str, Any]) -> dict[str, Any]:
    """A spec without what does not change any number: paths, and what the training data is checked for."""
    return _without_paths(_unsalted(document))


def _without_paths(document: dict[str, Any]) -> dict[str, Any]:
    for pattern in PATH_FIELDS:
        document = _cleared(document, pattern)
    return document


def _cleared(value: Any, pattern: tuple[str, ...]) -> Any:
    if not pattern:
        return None if isinstance(value, str) else value
    head, rest = pattern[0], pattern[1:]
    if isinstance(value, dict):
        return {key: _cleared(below, rest) if head in ("*", key) else below for key, below in value.items()}
    if isinstance(value, list) and head == "*":
        return [_cleared(below, rest) for below in value]
    return value
