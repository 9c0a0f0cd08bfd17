"""`auditlens migrate`."""

import pytest

from auditlens.cli.main import main

OLD = "# mine\nauditlens: 0\ndata: {strata: [site]}   # five\n"
NEW = "# mine\nauditlens: 1\ndata: {strata: {by: [site]}} # five\n"


@pytest.fixture
def old(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "old.yaml"
    path.write_text(OLD)
    return path


def test_the_new_text_goes_to_standard_output_and_the_changes_to_standard_error(old, capsys):
    assert main(["migrate", "old.yaml"]) == 0
    said = capsys.readouterr()
    assert said.out == NEW
    assert said.err == "old.yaml: version 0 rewritten as version 1\n  data.strata: the list is now data.strata.by\n"
    assert old.read_text() == OLD


@pytest.mark.parametrize(("options", "name"), [(["--out", "new.yaml"], "new.yaml"), (["--in-place"], "old.yaml")])
def test_or_into_a_file(old, capsys, options, name):
    assert main(["migrate", "old.yaml", *options]) == 0
    assert (old.parent / name).read_text() == NEW
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{name}: written; next: auditlens validate {name}" in said.err


def test_nothing_to_do_writes_nothing(old, capsys):
    old.write_text(NEW)
    assert main(["migrate", "old.yaml", "--out", "new.yaml"]) == 0
    assert "old.yaml: version 1 already, nothing to do" in capsys.readouterr().err
    assert not (old.parent / "new.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["old.yaml", "--out", "old.yaml"], "'old.yaml' exists"),
        (["old.yaml", "--out", "x.yaml", "--in-place"], "not both"),
        (["nowhere.yaml"], "no such file"),
        (["old.yaml", "--out", "no/x.yaml"], "cannot write"),
    ],
)
def test_a_wrong_call_is_one_line(old, capsys, arguments, said):
    assert main(["migrate", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert old.read_text() == OLD


def test_a_spec_of_today_goes_through_as_it_is(old, capsys):
    old.write_text(NEW)
    assert main(["migrate", "old.yaml"]) == 0
    assert capsys.readouterr().out == NEW


def test_line_ends_of_windows_stay(old):
    old.write_bytes(OLD.replace("\n", "\r\n").encode())
    assert main(["migrate", "old.yaml", "--in-place"]) == 0
    assert old.read_bytes() == NEW.replace("\n", "\r\n").encode()
