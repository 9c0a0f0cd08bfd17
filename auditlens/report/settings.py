"""What the spec of a record says: its sections and settings."""

from __future__ import annotations

from typing import Any

from auditlens.stages.record import AuditRecord


def section(record: AuditRecord, name: str) -> dict[str, Any]:
    """Give a section of the spec; empty where the record has none."""
    found = record.spec.get(name)
    return found if isinstance(found, dict) else {}


def setting(record: AuditRecord, part: str, name: str, default: float) -> float:
    """Read a setting of the spec, whose defaults are filled in; `default` only where the record has no such section."""
    return float(section(record, part).get(name, default))
