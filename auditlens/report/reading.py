"""Records read back from run folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditlens.stages.record import AuditRecord


def read_record(path: Path) -> AuditRecord:
    """Read a record.

    Raises
    ------
    InputError
        Where it is missing, unreadable, or of another schema version.
    """
    from auditlens.errors import InputError

    try:
        text = path.read_text(encoding="utf-8")
        version = json.loads(text).get("schema_version")
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror}; name a run folder") from error
    except (ValueError, AttributeError) as error:
        raise InputError(f"{str(path)!r} is no record of an audit") from error
    return _validated(path, text, version)


def _validated(path: Path, text: str, version: object) -> AuditRecord:
    from pydantic import ValidationError

    from auditlens.errors import InputError
    from auditlens.stages.record import SCHEMA_VERSION, AuditRecord

    if version != SCHEMA_VERSION:
        raise InputError(f"{str(path)!r} has schema version {version}; this tool reads {SCHEMA_VERSION}")
    try:
        return AuditRecord.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise InputError(f"{str(path)!r} is no whole record: {where}: {first['msg']}") from error
