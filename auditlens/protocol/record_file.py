"""Records on disk, read without torch."""

from __future__ import annotations

from pathlib import Path

from auditlens.errors import InputError
from auditlens.stages.record import AuditRecord
from auditlens.store.run_folder import RECORD


def record_path(path: Path) -> Path:
    """The record of a run folder, or the file itself."""
    return path / RECORD if path.is_dir() else path


def read_record(path: Path) -> AuditRecord:
    """Read a record from `record.json` or from its run folder.

    Raises
    ------
    InputError
        There is none, or it is not a record of this version.
    """
    place = record_path(path)
    try:
        return AuditRecord.model_validate_json(place.read_bytes())
    except FileNotFoundError as error:
        raise InputError(f"{place} does not exist; name a run folder or its record.json") from error
    except OSError as error:
        raise InputError(f"cannot read {place}: {error.strerror or error}") from error
    except ValueError as error:
        raise InputError(f"{place} is not a record of this version: {str(error).splitlines()[0]}") from error
