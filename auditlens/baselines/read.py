"""Baselines that the spec and the caller name: found, read and checked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from auditlens.errors import InputError, IntegrityError
from auditlens.findings.relevance_rows import SHARES
from auditlens.findings.statistics import auroc
from auditlens.report.answers import read_answers
from auditlens.report.reading import read_record
from auditlens.spec.baseline_rules import record_file
from auditlens.spec.load import LoadedSpec
from auditlens.spec.paths import resolve
from auditlens.stages.answers import Answers
from auditlens.stages.erasure import ErasureFinding
from auditlens.stages.findings import ClassFinding
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import ComponentState
from auditlens.store.folders import file_sha256

NAME: Final = re.compile(r"[A-Za-z_][\w.-]*")
ROUNDING: Final = 1e-6
"""Largest gap between a number of the record and the same from its tables."""


@dataclass(frozen=True, slots=True)
class Given:
    """A baseline as it was named.

    Attributes
    ----------
    name : str
    path : Path or None
        Run folder or record.json; None where the spec leaves it to the caller, who gave none.
    sha256 : str or None
        Of record.json, by the spec.
    """

    name: str
    path: Path | None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Earlier:
    """A baseline, read.

    Attributes
    ----------
    record : AuditRecord
    sha256 : str
        Of record.json.
    answers : Answers or None
        None where only the record is there.
    base : Path or None
        Folder that the paths of its spec start from; None where nothing says so.
    """

    record: AuditRecord
    sha256: str
    answers: Answers | None
    base: Path | None


def given_baselines(loaded: LoadedSpec, named: Mapping[str, str | Path]) -> tuple[Given, ...]:
    """List the baselines: those of the spec in its order, then those of the caller, whose paths go before the spec's.

    Raises
    ------
    InputError
        For a name that cannot be one.
    """
    wrong = next((name for name in named if not NAME.fullmatch(name)), None)
    if wrong is not None:
        raise InputError(f"{wrong!r} is no name of a baseline; letters, digits, '_', '.' and '-' make one")
    found = {
        name: Given(name, resolve(entry.record, loaded.base) if entry.record else None, entry.sha256)
        for name, entry in loaded.spec.baselines.items()
    }
    for name, path in named.items():
        pinned = found[name].sha256 if name in found else None
        found[name] = Given(name, Path(path), pinned)
    return tuple(found.values())


def read_earlier(path: Path, sha256: str | None = None) -> Earlier:
    """Read a run folder, or its record alone.

    Raises
    ------
    InputError
        There is no record, or it is none of this version.
    IntegrityError
        The record is not the one that was meant, or its tables are not those of the record.
    """
    file = record_file(path)
    record = read_record(file)
    found = file_sha256(file)
    if sha256 is not None and found != sha256:
        raise IntegrityError(f"{file} has SHA-256 {found}, and the spec means the record with {sha256}")
    answers = read_answers(file.parent)
    if answers is not None and not fits(record, answers):
        raise IntegrityError(f"the tables in {file.parent / 'tables'} are not those of its record.json")
    return Earlier(record, found, answers, _base(file.parent))


def _base(folder: Path) -> Path | None:
    """Folder of the spec of a run, as its run.json says."""
    try:
        spec = json.loads((folder / "run.json").read_text(encoding="utf-8")).get("spec")
    except (OSError, ValueError, AttributeError):
        return None
    return Path(spec).parent if isinstance(spec, str) else None


def fits(record: AuditRecord, answers: Answers) -> bool:
    """Whether the answers give the numbers of the record: a table that was exchanged does not."""
    return (
        _clean_fits(record, answers)
        and all(_effects_fit(answers, row) for row in _effects(record))
        and all(_relevance_fits(answers, row) for row in (*record.findings.classes, *record.findings.classes_by_layer))
        and all(_erased_fits(answers, row) for row in record.findings.erasures)
    )


def _relevance_fits(answers: Answers, row: ClassFinding) -> bool:
    if answers.relevance is None:
        return True
    found = answers.relevance.get((row.layer, row.class_name))
    return found is not None and all(
        abs(float(found.shares[metric].mean()) - _recorded(row, SHARES[metric])) <= ROUNDING for metric in found.shares
    )


def _recorded(row: ClassFinding, states: Iterable[ComponentState]) -> float:
    shares = (row.share_by_state.get(state) for state in states)
    return sum(share.value or 0.0 for share in shares if share is not None)


def _erased_fits(answers: Answers, row: ErasureFinding) -> bool:
    if answers.erased is None or row.erased.value is None:
        return True
    found = answers.erased.get(row.class_name)
    if found is None:
        return False
    again = auroc(found.probability, found.labels == found.class_name, found.units)
    return again.value is not None and abs(again.value - row.erased.value) <= ROUNDING


def _clean_fits(record: AuditRecord, answers: Answers) -> bool:
    performance = record.findings.performance
    clean = answers.clean.get(record.plan.model.decision_class)
    if performance is None or clean is None or performance.sensitivity.value is None:
        return True
    called = clean.said.decided[clean.labels == clean.class_name] == clean.class_name
    return bool(abs(float(called.mean()) - performance.sensitivity.value) <= ROUNDING)


def _effects(record: AuditRecord) -> Iterable[tuple[str, str, float]]:
    for finding in record.findings.artefacts:
        for effect in finding.effects:
            if effect.scale == "probability" and effect.true_class is None and effect.raw.value is not None:
                yield finding.artefact, finding.class_name, effect.raw.value


def _effects_fit(answers: Answers, row: tuple[str, str, float]) -> bool:
    artefact, class_name, value = row
    trials = answers.trials.get((artefact, class_name))
    if trials is None:
        return False
    found = float(np.mean(trials.inserted.probability - trials.clean.probability))
    return abs(found - value) <= ROUNDING
