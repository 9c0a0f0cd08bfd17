"""A run folder as a run of MLflow: estimates as metrics, outcomes and hashes as tags, the files as artifacts."""

from __future__ import annotations

import math
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from auditlens.errors import AuditLensError, InputError
from auditlens.report.beside import exit_text, weights
from auditlens.report.reading import read_record
from auditlens.report.wording import outcome_word
from auditlens.stages.plan import PlannedGate
from auditlens.stages.record import AuditRecord
from auditlens.stages.verdict import GateResult
from auditlens.verdict import Weight

ALLOW: Final = "MLFLOW_ALLOW_FILE_STORE"
EXPERIMENT: Final = "auditlens"
FILES: Final = (
    "record.json",
    "run.json",
    "report.html",
    "report.pdf",
    "summary.md",
    "junit.xml",
    "results.sarif",
    "MANIFEST.sha256",
)
"""Kept as artifacts where they are there; pictures and tables stay in the run folder."""
FOLDER: Final = "auditlens"
NAME_ONE: Final = "name a server or a folder: --uri, or MLFLOW_TRACKING_URI; a database needs `pip install mlflow`"
ILLEGAL: Final = re.compile(r"[^\w\-./ ]", re.ASCII)
LONGEST_NAME, LONGEST_VALUE = 250, 5000
MOST_TAGS: Final = 100
"""MLflow's limits of a key and of a tag's value, and how many tags it takes at once."""


def log_run(
    run_dir: str | Path, *, uri: str | None = None, experiment: str = EXPERIMENT, run_name: str | None = None
) -> str:
    """Log a finished run to MLflow.

    Per gate the metrics `gates/<id>.value`, `.low`, `.high` and `.bound`, and its outcome as the tag `gate.<id>`;
    counts of gates and the exit code below `verdict/`; the hashes of spec, model and data as tags.

    Parameters
    ----------
    run_dir : path
        The run folder, or its `record.json`.
    uri : str, optional
        Tracking server or folder; MLflow's own setting by default (`MLFLOW_TRACKING_URI`).
    experiment : str
        Made where it is not there.
    run_name : str, optional
        The audit's id and version by default.

    Returns
    -------
    str
        Id of the MLflow run.

    Raises
    ------
    InputError
        MLflow is not installed, or the folder holds no record.
    AuditLensError
        MLflow refused; nothing of the run folder is changed.
    """
    place = Path(run_dir)
    folder = place if place.is_dir() else place.parent
    record = read_record(folder / "record.json" if place.is_dir() else place)
    with _client(uri) as client:
        found = client.get_experiment_by_name(experiment)
        owner = found.experiment_id if found is not None else client.create_experiment(experiment)
        name = run_name or _name(record)
        run_id = str(client.create_run(owner, run_name=name).info.run_id)
        _send(client, run_id, record, folder)
        return run_id


@contextmanager
def _client(uri: str | None) -> Iterator[Any]:
    """MLflow's client, with its errors told as ours."""
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ImportError as error:
        raise InputError("MLflow is not installed", hint="pip install 'auditlens[mlflow]'") from error
    try:
        with warnings.catch_warnings(), _folder_allowed(uri):
            warnings.simplefilter("ignore")
            yield MlflowClient(tracking_uri=uri)
    except MlflowException as error:
        raise AuditLensError(f"MLflow refused: {str(error).splitlines()[0]}", hint=NAME_ONE) from error


@contextmanager
def _folder_allowed(uri: str | None) -> Iterator[None]:
    """Let MLflow write into a folder where the user named one; newer versions want to be told so, by a variable."""
    named = uri or os.environ.get("MLFLOW_TRACKING_URI", "")
    if not named or urlsplit(named).scheme not in ("", "file") or ALLOW in os.environ:
        yield
        return
    os.environ[ALLOW] = "true"
    try:
        yield
    finally:
        os.environ.pop(ALLOW, None)


def _name(record: AuditRecord) -> str:
    audit = record.spec.get("audit", {})
    return " ".join(str(audit[part]) for part in ("id", "version") if audit.get(part)) or "audit"


def _send(client: Any, run_id: str, record: AuditRecord, folder: Path) -> None:
    from mlflow.entities import Metric, Param, RunTag

    metrics = [Metric(name, value, 0, 0) for name, value in metrics_of(record).items()]
    params = [Param(name, value[:LONGEST_VALUE]) for name, value in params_of(record).items()]
    tags = [RunTag(name, value[:LONGEST_VALUE]) for name, value in tags_of(record).items()]
    for start in range(0, max(len(metrics), 1), MOST_TAGS):
        client.log_batch(run_id, metrics=metrics[start : start + MOST_TAGS], params=params if start == 0 else ())
    for start in range(0, len(tags), MOST_TAGS):
        client.log_batch(run_id, tags=tags[start : start + MOST_TAGS])
    for name in FILES:
        if (folder / name).is_file():
            client.log_artifact(run_id, str(folder / name), FOLDER)
    client.set_terminated(run_id, "FINISHED")


def metrics_of(record: AuditRecord) -> dict[str, float]:
    """Numbers: estimate, interval and bound of each gate, counts, the exit code; what is not a number is left out."""
    verdict = record.verdict
    found: dict[str, float | None] = {}
    for result in verdict.gates:
        found |= _numbers(result)
    counts = weights(verdict)
    found |= {
        "verdict/n_gates": len(verdict.gates),
        "verdict/n_hold": counts[Weight.OK],
        "verdict/n_fail": counts[Weight.FAILURE],
        "verdict/n_undecided": counts[Weight.UNDECIDED],
        "verdict/n_accepted": verdict.n_waived,
        "verdict/exit_code": int(verdict.exit_code),
    }
    return {name: float(value) for name, value in found.items() if value is not None and math.isfinite(value)}


def _numbers(result: GateResult) -> dict[str, float | None]:
    estimate, name = result.estimate, f"gates/{_key(result.gate)}"
    told: dict[str, float | None] = {f"{name}.bound": result.gate.bound}
    if estimate is not None:
        told |= {f"{name}.value": estimate.value, f"{name}.low": estimate.low, f"{name}.high": estimate.high}
    return told


def params_of(record: AuditRecord) -> dict[str, str]:
    """What was audited, on what."""
    plan = record.plan
    return {
        "audit": _name(record),
        "architecture": plan.model.architecture,
        "foundation": plan.foundation.model if plan.foundation else "none",
        "n_images": str(plan.data.n_images),
        "n_units": str(plan.data.n_units),
        "seed": str(plan.seed),
    }


def tags_of(record: AuditRecord) -> Mapping[str, str]:
    """Outcome of each gate, the verdict in words, and the hashes."""
    verdict, plan = record.verdict, record.plan
    told = {
        "auditlens.headline": verdict.headline,
        "auditlens.verdict": exit_text(verdict),
        "auditlens.may_release": str(verdict.may_release).lower(),
        "auditlens.exploratory": str(verdict.exploratory).lower(),
        "auditlens.version": record.environment.auditlens,
        "auditlens.spec_sha256": plan.spec_sha256,
        "auditlens.model_sha256": plan.model.identity_sha256 or "none",
        "auditlens.data_sha256": plan.data.sha256,
        "auditlens.fail_on": verdict.policy.fail_on.value,
        "auditlens.allow_inconclusive": str(verdict.policy.allow_inconclusive).lower(),
    }
    return told | {f"gate.{_key(result.gate)}": outcome_word(result) for result in verdict.gates}


def _key(gate: PlannedGate) -> str:
    """A gate's id with the characters that MLflow takes: `missed[ruler]` becomes `missed.ruler`."""
    opened = gate.id.replace("[", ".").replace("]", "")
    return ILLEGAL.sub("_", opened)[:LONGEST_NAME]
