"""A run folder in a local store of MLflow."""

from __future__ import annotations

import builtins
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditlens.cli.main import main
from auditlens.errors import AuditLensError, InputError
from auditlens.export.mlflow_run import log_run, metrics_of, tags_of
from auditlens.report.write import write_all
from auditlens.stages.record import AuditRecord
from tests.unit.report.synthetic_record import make_record

mlflow = pytest.importorskip("mlflow", reason="MLflow is an optional extra")


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    write_all(folder, make_record(folder), ["record.json", "summary.md", "junit.xml"])
    return folder


@pytest.fixture(scope="module")
def record(run_dir: Path) -> AuditRecord:
    return AuditRecord.model_validate_json((run_dir / "record.json").read_bytes())


@pytest.fixture
def uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A file store; nothing is written beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    yield (tmp_path / "store").as_uri()
    assert "MLFLOW_ALLOW_FILE_STORE" not in os.environ
    assert sorted(path.name for path in tmp_path.iterdir()) in (["store"], [])


def client_of(uri: str) -> Any:
    """A client that reads what was logged."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        client = mlflow.MlflowClient(tracking_uri=uri)
        client.search_experiments()
        return client


def test_what_is_logged_is_read_back(run_dir: Path, record: AuditRecord, uri: str) -> None:
    run_id = log_run(run_dir, uri=uri)
    client = client_of(uri)
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "MEL-AUD-007 3.0"
    assert run.data.metrics == metrics_of(record)
    assert run.data.metrics["gates/missed.patch.value"] == pytest.approx(38 / 364)
    assert (run.data.metrics["verdict/n_fail"], run.data.metrics["verdict/exit_code"]) == (2, 1)
    assert "gates/seen.value" not in run.data.metrics, "what was not evaluated has no number"
    assert {name: run.data.tags[name] for name in tags_of(record)} == tags_of(record)
    assert run.data.tags["gate.false_alarms.ink"] == "fails, accepted"
    assert run.data.tags["auditlens.spec_sha256"] == record.plan.spec_sha256
    assert run.data.params["n_images"] == "1500"
    listed = {Path(file.path).name for file in client.list_artifacts(run_id, "auditlens")}
    assert listed == {"record.json", "summary.md", "junit.xml", "MANIFEST.sha256"}
    kept = client.download_artifacts(run_id, "auditlens/record.json")
    assert Path(kept).read_bytes() == (run_dir / "record.json").read_bytes()


def test_two_runs_go_into_one_experiment(run_dir: Path, uri: str) -> None:
    runs = {log_run(run_dir, uri=uri, experiment="skin", run_name=f"run {n}") for n in range(2)}
    client = client_of(uri)
    found = client.search_runs([client.get_experiment_by_name("skin").experiment_id])
    assert {run.info.run_id for run in found} == runs


def test_a_folder_may_be_a_plain_path_or_the_setting_of_mlflow(run_dir: Path, uri: str, monkeypatch) -> None:
    named = log_run(run_dir, uri=str(Path(uri.removeprefix("file://"))))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert named != log_run(run_dir)


def test_a_folder_that_the_user_forbids_stays_forbidden(run_dir: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "false")
    with pytest.raises(AuditLensError, match="MLflow refused"):
        log_run(run_dir, uri=(tmp_path / "store").as_uri())


def test_the_command(run_dir: Path, uri: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log", str(run_dir), "--uri", uri, "--experiment", "skin"]) == 0
    said = capsys.readouterr().out
    run_id = said.strip().removeprefix("mlflow run: ")
    assert client_of(uri).get_run(run_id).info.status == "FINISHED"


def test_without_mlflow_the_extra_is_named(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *given: Any, **options: Any) -> Any:
        if name.startswith("mlflow"):
            raise ImportError(name)
        return real(name, *given, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(InputError, match=r"auditlens\[mlflow\]"):
        log_run(run_dir)


def test_a_folder_without_a_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AuditLensError, match=r"record\.json"):
        log_run(tmp_path)


def test_a_refusal_is_told(run_dir: Path, uri: str) -> None:
    with pytest.raises(AuditLensError, match="MLflow refused"):
        log_run(run_dir, uri=uri, experiment="")
