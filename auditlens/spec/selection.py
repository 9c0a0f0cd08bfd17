"""Which concepts a list of the spec means: names, or `group:NAME` for a whole group."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from auditlens.spec.model import AuditSpec

Role = Literal["valid", "spurious", "contested"]


def concepts_of(spec: AuditSpec, entries: Iterable[str]) -> tuple[str, ...]:
    """Resolve names and `group:` entries, in the order of the list, each concept once."""
    found: dict[str, None] = {}
    for entry in entries:
        for name in _resolve(spec, entry):
            found.setdefault(name)
    return tuple(found)


def _resolve(spec: AuditSpec, entry: str) -> tuple[str, ...]:
    if not entry.startswith("group:"):
        return (entry,)
    group = entry.removeprefix("group:")
    return tuple(
        name
        for name, concept in spec.concepts.items()
        if concept.group is not None and (concept.group == group or concept.group.startswith(group + "/"))
    )


def roles_of(spec: AuditSpec, class_name: str) -> dict[str, Role]:
    """Concept -> role for one class; a concept named in no list has no entry."""
    rule = spec.classes.get(class_name)
    if rule is None:
        return {}
    roles: dict[str, Role] = {}
    for role in ("contested", "valid", "spurious"):
        for name in concepts_of(spec, getattr(rule, role)):
            roles[name] = role
    return roles
