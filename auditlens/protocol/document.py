"""What a lock fixes of a spec, and how two such documents differ."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Final

from auditlens.spec.load import merged_document
from auditlens.spec.model import AuditSpec
from auditlens.stages.base import canonical_json
from auditlens.stages.protocol import FieldChange

NOT_LOCKED: Final = ("protocol", "waivers", "report")
"""Parts that may change after the lock: where it lies itself, failures that two people accept once they are known (they
never turn a verdict into one that holds, and stand in every report), and the looks of the report."""
_ABSENT: Final = object()


def locked_document(spec: AuditSpec) -> dict[str, Any]:
    """Return what a lock fixes: everything that decides a verdict, includes merged and defaults filled in."""
    return {name: part for name, part in merged_document(spec).items() if name not in NOT_LOCKED}


def document_sha256(document: dict[str, Any]) -> str:
    """SHA-256 of the canonical JSON."""
    return hashlib.sha256(canonical_json(document).encode()).hexdigest()


def changes_since(locked: dict[str, Any], spec: AuditSpec) -> tuple[FieldChange, ...]:
    """Say field by field how a spec differs from what was locked.

    A field that this version of the tool knows, and the one that locked did not, counts where it is not at its default.
    """
    current = locked_document(spec)
    written = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    found = _differences(locked, current, ())
    return tuple(change for path, change in found if change.old is not None or _holds(written, path))


def _differences(old: Any, new: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], FieldChange]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            yield from _differences(old.get(name, _ABSENT), new.get(name, _ABSENT), (*path, str(name)))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for place, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _differences(before, after, (*path, str(place)))
    elif old is _ABSENT or new is _ABSENT or canonical_json(old) != canonical_json(new):
        yield path, FieldChange(field=".".join(path), old=_text(old), new=_text(new))


def _text(value: Any) -> str | None:
    return None if value is _ABSENT else canonical_json(value)


def _holds(document: Any, path: tuple[str, ...]) -> bool:
    for name in path:
        if isinstance(document, list) and name.isdigit() and int(name) < len(document):
            document = document[int(name)]
        elif isinstance(document, dict) and name in document:
            document = document[name]
        else:
            return False
    return True
