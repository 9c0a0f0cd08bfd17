"""`auditlens report RUN_DIR`: write the reports of a run again, from its record and files alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditlens.cli.options import need_folder

if TYPE_CHECKING:
    from auditlens.stages.record import AuditRecord


@click.command()
@click.argument("run_dir", type=click.Path(path_type=Path))
def report(run_dir: Path) -> None:
    """Write the reports in RUN_DIR again from its record.json, without the model."""
    need_folder(run_dir)
    record = read_record(run_dir / "record.json")
    from auditlens.report import write_all

    for path in write_all(run_dir, record).values():
        click.echo(path)


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
