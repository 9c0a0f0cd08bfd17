"""`auditlens validate`."""

from auditlens.cli.main import main


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
