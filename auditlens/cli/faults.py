"""Faults of a spec as text, as JSON, and as annotations of GitHub Actions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import click

from auditlens.errors import AuditLensError, Fault, SpecError

MOST_ANNOTATIONS: Final = 10
"""GitHub shows about so many of one step, and drops the others without a word."""


def as_json(faults: Iterable[Fault]) -> str:
    """Write a list of objects with file, line, column, path, message and severity; unknown places are null."""
    rows = [
        {
            "file": fault.location.file,
            "line": fault.location.line,
            "column": fault.location.column,
            "path": fault.path,
            "message": fault.message,
            "severity": fault.severity,
        }
        for fault in faults
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False)


def as_annotations(faults: Sequence[Fault], command: str) -> list[str]:
    """Write workflow commands, errors first, at most ten, and then how many more there are and what shows them."""
    ordered = sorted(faults, key=lambda fault: fault.severity != "error")
    lines = [_annotation(fault) for fault in ordered[:MOST_ANNOTATIONS]]
    n_more = len(ordered) - MOST_ANNOTATIONS
    return [*lines, f"and {n_more} more; `{command}` shows all"] if n_more > 0 else lines


@contextmanager
def told_to(form: str, command: str) -> Iterator[None]:
    """Annotate what ends a command, where its `--format` is `github`, before it goes on to standard error."""
    try:
        yield
    except AuditLensError as error:
        if form == "github":
            for line in _annotations_of(error, command):
                click.echo(line)
        raise


def _annotations_of(error: AuditLensError, command: str) -> list[str]:
    if isinstance(error, SpecError) and error.faults:
        return as_annotations(error.faults, command)
    if error.location is not None:
        return [_annotation(Fault(error.location, "", error.message))]
    return [f"::error title=auditlens::{_data(str(error))}"]


def _annotation(fault: Fault) -> str:
    at = fault.location
    place = {"file": at.file, "line": at.line, "col": at.column, "title": "auditlens"}
    given = ",".join(f"{key}={_property(str(value))}" for key, value in place.items() if value is not None)
    said = f"{fault.path}: {fault.message}" if fault.path else fault.message
    return f"::{fault.severity} {given}::{_data(said)}"


def _data(text: str) -> str:
    """Escape what ends a workflow command (actions/toolkit, `escapeData`)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape what ends a property of one (actions/toolkit, `escapeProperty`)."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
