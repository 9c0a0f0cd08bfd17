"""`auditlens report RUN_DIR`."""

import json

import pytest

import auditlens.report
from auditlens.cli.main import main
from auditlens.stages.states import GateState
from tests.unit.cli.conftest import make_record, make_verdict


@pytest.fixture
def run_dir(tmp_path):
    record = make_record(make_verdict(GateState.HOLDS))
    (tmp_path / "record.json").write_text(record.to_json(), encoding="utf-8")
    return tmp_path


def test_the_reports_are_written_again_from_the_record(run_dir, monkeypatch, capsys):
    seen = []

    def write_all(folder, record):
        seen.append((folder, record.verdict.headline))
        return {"report.html": folder / "report.html"}

    monkeypatch.setattr(auditlens.report, "write_all", write_all)
    assert main(["report", str(run_dir)]) == 0
    assert seen == [(run_dir, "THE HEADLINE")]
    assert capsys.readouterr().out == f"{run_dir / 'report.html'}\n"


def test_a_folder_that_is_none_is_told(run_dir, capsys):
    assert main(["report", str(run_dir / "x")]) == 2
    assert "there is no folder" in capsys.readouterr().err


def test_a_folder_without_a_record_is_told(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    assert "record.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda record: "{", "is no record of an audit"),
        (lambda record: "[1]", "is no record of an audit"),
        (lambda record: "\udcff", "is no record of an audit"),
        (lambda record: json.dumps({**record, "schema_version": 99}), "has schema version 99; this tool reads 1"),
        (lambda record: json.dumps({**record, "plan": {}}), "is no whole record: plan."),
        (lambda record: json.dumps({**record, "surprise": 1}), "is no whole record: surprise"),
    ],
)
def test_a_broken_record_is_one_clear_error(run_dir, capsys, change, said):
    path = run_dir / "record.json"
    text = change(json.loads(path.read_text(encoding="utf-8")))
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert main(["report", str(run_dir)]) == 2
    assert said in capsys.readouterr().err
