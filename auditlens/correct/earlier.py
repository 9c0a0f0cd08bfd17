"""An earlier run with the spec that it was made from, checked to be still the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditlens.api import load_record
from auditlens.errors import InputError, IntegrityError
from auditlens.spec.load import LoadedSpec, load_spec
from auditlens.stages.record import AuditRecord
from auditlens.store.folders import file_sha256


@dataclass(frozen=True, slots=True)
class EarlierRun:
    """A run folder, read.

    Attributes
    ----------
    folder : Path
    record : AuditRecord
    record_sha256 : str
        Of the bytes of `record.json`.
    loaded : LoadedSpec
        The spec as it is now.
    variables : mapping of str to str
        Values of `${var:NAME}`.
    warnings : tuple of str
        How the spec differs from that of the run, where the caller asked for it all the same.
    """

    folder: Path
    record: AuditRecord
    record_sha256: str
    loaded: LoadedSpec
    variables: Mapping[str, str]
    warnings: tuple[str, ...] = ()


def read_run(folder: Path, spec: Path | None = None, variables: Mapping[str, str] | None = None) -> EarlierRun:
    """Read a run folder and the spec behind it.

    Parameters
    ----------
    folder : Path
    spec : Path, optional
        Instead of the one that `run.json` names; it may have changed, which becomes a warning.
    variables : mapping, optional
        Values of `${var:NAME}` besides those of the run.

    Raises
    ------
    InputError
        No record, or no spec to be found.
    IntegrityError
        The spec has changed since the run, and was not named.
    SpecError
        It is wrong.
    """
    if not folder.is_dir():
        raise InputError(f"there is no run folder {str(folder)!r}")
    record = load_record(folder)
    told = _told(folder)
    path = spec if spec is not None else _spec_path(folder, told)
    values = {**told.get("variables", {}), **(variables or {})}
    loaded = load_spec(path, values, data=record.plan.data.sets.audited)
    warnings = _changes(loaded, record, named=spec is not None)
    return EarlierRun(folder, record, file_sha256(folder / "record.json"), loaded, values, warnings)


def _told(folder: Path) -> dict[str, Any]:
    """What `run.json` says; nothing where it is missing or no JSON, since `--spec` may stand in for it."""
    try:
        told = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _spec_path(folder: Path, told: Mapping[str, Any]) -> Path:
    named = told.get("spec")
    if not isinstance(named, str):
        raise InputError(
            f"{folder / 'run.json'} does not say which spec the run was made from", hint="name it with --spec"
        )
    if not Path(named).is_file():
        raise InputError(f"the spec of the run, {named}, is not there any more", hint="name it with --spec")
    return Path(named)


def _changes(loaded: LoadedSpec, record: AuditRecord, *, named: bool) -> tuple[str, ...]:
    then, now = record.plan.spec_sha256, loaded.sha256
    if then == now:
        return ()
    said = f"the spec {loaded.path} is not that of the run: its SHA-256 is {now}, the record has {then}"
    if not named:
        raise IntegrityError(
            said,
            hint="it was changed, or another version of auditlens reads it; name it with --spec to use it all the same",
        )
    return (f"{said}; differences between the two audits may come from that.",)
