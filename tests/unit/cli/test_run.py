"""`auditlens run` with a stand-in for the engine: options, exit codes, what is printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditlens.cli.main import main
from auditlens.errors import ImageError, InputError
from auditlens.stages.states import GateState, Severity
from auditlens.stages.verdict import Policy
from tests.unit.cli.conftest import make_verdict

HOLDS, FAILS, INCONCLUSIVE, NOT_EVALUATED = GateState


@pytest.mark.parametrize(
    ("states", "severity", "options", "code"),
    [
        ([HOLDS], "error", [], 0),
        ([HOLDS, FAILS], "error", [], 1),
        ([FAILS, INCONCLUSIVE], "error", [], 1),
        ([HOLDS, INCONCLUSIVE], "error", [], 3),
        ([NOT_EVALUATED], "error", [], 3),
        ([INCONCLUSIVE], "error", ["--allow-inconclusive"], 0),
        ([FAILS], "error", ["--allow-inconclusive"], 1),
        ([FAILS], "warn", [], 0),
        ([FAILS], "warn", ["--fail-on", "warn"], 1),
        ([INCONCLUSIVE], "warn", ["--fail-on", "warn"], 3),
    ],
)
def test_the_exit_code_follows_from_the_verdict(api, spec, capsys, states, severity, options, code):
    api.verdict = make_verdict(*states, severity=Severity(severity))
    assert main(["run", str(spec), "--quiet", *options]) == code
    assert f"exit code {code}:" in capsys.readouterr().out


def test_the_options_reach_the_engine(api, spec, tmp_path, capsys):
    options = ["--out", str(tmp_path / "o"), "--device", "cpu", "--store", str(tmp_path / "s"), "--var", "A=1"]
    allowed = ["--allow-module", "derm.pipeline", "--allow-module", "other", "--baseline", "v1.2"]
    allowed += ["--baseline", "authorised=v1.0"]
    assert main(["run", str(spec), *options, "--var", "B=2=3", "--batch-size", "4", "--threads", "2", *allowed]) == 0
    assert main(["run", str(spec), "--select", "gate=works"]) == 0
    assert api.calls.pop()["select"] == ("gate=works",)
    (call,) = api.calls
    del call["progress"]
    assert call == {
        "spec": spec,
        "out": tmp_path / "o",
        "device": "cpu",
        "store": tmp_path / "s",
        "variables": {"A": "1", "B": "2=3"},
        "data": None,
        "batch_size": 4,
        "threads": 2,
        "allow_code": False,
        "allow_modules": ("derm.pipeline", "other"),
        "baselines": {"baseline": "v1.2", "authorised": "v1.0"},
        "select": (),
        "exclude": (),
        "tier": None,
        "policy": Policy(),
    }


def test_the_default_folder_is_named_after_the_audit(api, spec, capsys):
    main(["run", str(spec)])
    assert api.calls[0]["out"].parts[:1] == ("reports",)
    assert api.calls[0]["out"].name.startswith("CLI-1-")
    assert f"run folder: {api.calls[0]['out']}" in capsys.readouterr().out


def test_the_verdict_goes_to_stdout_and_the_progress_to_stderr(api, spec, tmp_path, capsys):
    for name in ("report.html", "report.pdf"):
        (tmp_path / name).touch()
    main(["run", str(spec), "--out", str(tmp_path)])
    captured = capsys.readouterr()
    assert captured.out.startswith("THE HEADLINE\n\n")
    assert f"report: {tmp_path / 'report.html'}\nreport: {tmp_path / 'report.pdf'}\n" in captured.out
    assert captured.err.startswith("examine: 2 in ")
    assert "\x1b" not in captured.out + captured.err


def test_quiet_is_quiet_but_for_the_verdict(api, spec, capsys):
    main(["run", str(spec), "--quiet"])
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "THE HEADLINE" in captured.out


def test_an_error_of_the_engine_is_one_line(api, spec, capsys):
    api.error = ImageError("a.png cannot be decoded")
    assert main(["run", str(spec), "--quiet"]) == 2
    assert capsys.readouterr().err == "error: a.png cannot be decoded\n"


def test_an_interrupted_run_is_130(api, spec, capsys):
    api.error = KeyboardInterrupt()
    assert main(["run", str(spec), "--quiet"]) == 130


def test_a_file_in_the_place_of_the_folder_is_told_before_anything_runs(api, spec, capsys):
    assert main(["run", str(spec), "--out", str(spec)]) == 2
    assert "is a file; name a folder" in capsys.readouterr().err
    assert not api.calls


def test_a_wrong_spec_never_reaches_the_engine(api, tmp_path, capsys):
    assert main(["run", str(Path(tmp_path / "none.yaml"))]) == 2
    assert not api.calls


def test_github_gets_annotations_a_summary_and_outputs(api, spec, capsys, tmp_path, monkeypatch):
    api.verdict = make_verdict(HOLDS, FAILS)
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        monkeypatch.setenv(name, str(tmp_path / name))
    assert main(["run", str(spec), "--quiet", "--format", "github", "--out", str(tmp_path / "o")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("::stop-commands::")
    assert [line for line in lines if line.startswith("::error")] == ["::error title=gate1%3A FAILS::Sentence 1."]
    assert lines.index("THE HEADLINE") < lines.index(f"::{lines[0].rpartition('::')[2]}::") < len(lines) - 1
    assert "THE HEADLINE" in (tmp_path / "GITHUB_STEP_SUMMARY").read_text()
    assert "exit-code=1\n" in (tmp_path / "GITHUB_OUTPUT").read_text()


def test_text_writes_no_command(api, spec, capsys, tmp_path, monkeypatch):
    api.verdict = make_verdict(FAILS)
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    assert main(["run", str(spec), "--quiet"]) == 1
    assert "::" not in capsys.readouterr().out
    assert not (tmp_path / "output").exists()


def test_github_is_told_where_a_spec_is_wrong(api, spec, capsys):
    spec.write_text(spec.read_text().replace("audit:", "adit:"))
    assert main(["run", str(spec), "--quiet", "--format", "github"]) == 2
    said = capsys.readouterr()
    found = [line for line in said.out.splitlines() if line.startswith(f"::error file={spec},line=")]
    assert any("did you mean 'audit'?" in line for line in found), said.out
    assert f"{spec}:" in said.err


def test_github_is_told_of_an_error_without_a_place(api, spec, capsys):
    api.error = InputError("100 % of it\nis missing")
    assert main(["run", str(spec), "--quiet", "--format", "github"]) == 2
    assert capsys.readouterr().out == "::error title=auditlens::100 %25 of it%0Ais missing\n"
    assert main(["run", str(spec), "--quiet"]) == 2
    assert capsys.readouterr().out == ""
