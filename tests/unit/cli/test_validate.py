"""`auditlens validate`: what it prints in each form, and its exit code."""

import json

import pytest

from auditlens.cli.faults import as_annotations
from auditlens.cli.main import main
from auditlens.errors import Fault, Location


def test_a_valid_spec_is_counted_and_its_hash_told(spec, capsys):
    assert main(["validate", str(spec)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"{spec}: valid: 0 concepts, 0 class rules, 0 artefacts, 1 gate, 0 waivers"
    assert len(second.removeprefix("sha256: ")) == 64


def test_all_problems_come_at_once(spec, capsys):
    spec.write_text(spec.read_text().replace("0.5", "5").replace("sensitivity", "x"))
    assert main(["validate", str(spec)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_variables_are_taken(spec, capsys):
    spec.write_text(spec.read_text().replace("CLI-1", "${var:ID}").replace("{id: ", "\n  id: ").replace("ID}}", "ID}"))
    assert main(["validate", str(spec), "--var", "ID=A-1"]) == 0
    assert main(["validate", str(spec)]) == 2
    assert "give --var ID=VALUE" in capsys.readouterr().err


def test_what_is_doubtful_is_told_and_no_error(spec, capsys):
    assert main(["validate", str(spec)]) == 0
    told = capsys.readouterr().err.splitlines()
    assert f"{spec}:3:1: warning: model.weights: no weights are named, so an untrained network is audited" in told


def test_strict_makes_errors_of_it(spec, capsys):
    assert main(["validate", str(spec), "--strict"]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and ": warning: " not in captured.err
    assert f"{spec}:3:1: model.weights: no weights" in captured.err


def test_faults_of_all_files_come_with_those_of_the_spec(spec, capsys):
    """A typo in a gate does not hide a column that is not there."""
    (spec.parent / "test.csv").write_text("image,label\nimages/benign/a.png,benign\nimages/melanoma/a.png,melanoma\n")
    text = spec.read_text().replace("{folder: images}", "{manifest: test.csv, unit: patient}")
    spec.write_text(text.replace("limit:", "limt:"))
    assert main(["validate", str(spec)]) == 2
    told = [line.removeprefix(f"{spec}:") for line in capsys.readouterr().err.splitlines()]
    assert [line.partition(" ")[0] for line in told] == ["4:34:", "7:3:", "7:32:"]
    assert "data.unit: test.csv has no column 'patient'" in told[0]
    assert "did you mean 'limit'?" in told[2]


def test_json(spec, capsys):
    assert main(["validate", str(spec), "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["severity"] for row in rows} == {"warning"}
    spec.write_text(spec.read_text().replace("sensitivity", "sensitivty"))
    assert main(["validate", str(spec), "--format", "json"]) == 2
    captured = capsys.readouterr()
    (row,) = json.loads(captured.out)
    assert row.pop("message").endswith("did you mean 'sensitivity'?")
    assert row == {"file": str(spec), "line": 7, "column": 19, "path": "gates.works.metric", "severity": "error"}
    assert captured.err == ""
    assert main(["validate", str(spec.parent / "none.yaml"), "--format", "json"]) == 2
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["line"], row["column"], row["path"]) == (None, None, "")


def test_json_has_all_faults_and_text_the_first_fifty(spec, capsys):
    gates = "".join(f"  g{n}: {{metric: x, limit: '<= 0.1'}}\n" for n in range(70))
    spec.write_text(spec.read_text() + gates)
    assert main(["validate", str(spec), "--format", "json"]) == 2
    assert len(json.loads(capsys.readouterr().out)) == 70
    assert main(["validate", str(spec)]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 51 and told[-1] == "... and 20 more"


def test_annotations(spec, capsys):
    spec.write_text(spec.read_text().replace("sensitivity", "sensitivty"))
    assert main(["validate", str(spec), "--format", "github"]) == 2
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"::error file={spec},line=7,col=19,title=auditlens::gates.works.metric: must be ")


def test_annotations_are_escaped_and_few():
    place = Location("a:b,c%d.yaml", 3, 4)
    faults = [Fault(place, "gates", f"100 % {n}\r\nx", "warning" if n < 3 else "error") for n in range(14)]
    lines = as_annotations(faults, "auditlens validate s.yaml")
    assert lines[0] == "::error file=a%3Ab%2Cc%25d.yaml,line=3,col=4,title=auditlens::gates: 100 %25 3%0D%0Ax"
    assert len(lines) == 11 and lines[-1] == "and 4 more; `auditlens validate s.yaml` shows all"
    assert all(line.startswith("::error ") for line in lines[:10])
    assert as_annotations([Fault(Location("s.yaml"), "", "gone")], "") == ["::error file=s.yaml,title=auditlens::gone"]


def test_code_that_would_run_is_named(spec, capsys):
    spec.write_text(spec.read_text().replace("torchvision:resnet18", "python:derm.nets:build"))
    assert main(["validate", str(spec)]) == 0
    assert "code: derm.nets:build, allowed by --allow-module derm.nets or --allow-code\n" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["text", "json", "github"])
def test_no_torch_is_loaded(spec, form):
    import subprocess
    import sys

    code = f"import sys; from auditlens.cli.main import main; main(['validate', {str(spec)!r}, '--format', {form!r}]); "
    heavy = "('torch', 'pandas', 'pyarrow', 'scipy', 'sklearn')"
    done = subprocess.run(
        [sys.executable, "-c", code + f"sys.exit(any(m in sys.modules for m in {heavy}))"], check=False
    )
    assert done.returncode == 0
