"""`auditlens init`."""

from pathlib import Path

import pytest
from PIL import Image

from auditlens.cli.init import EXAMPLES
from auditlens.cli.main import main
from auditlens.spec.load import load_spec
from auditlens.spec.schema import SCHEMA_FILE, SCHEMA_LINE, schema_text


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def error(capsys, *arguments):
    """The one line of a refused call."""
    assert main(["init", *arguments]) == 2
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    return text


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_valid_as_written(name, folder, capsys):
    assert main(["init", "--example", name]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "audit.yaml: written",
        f"{SCHEMA_FILE}: written, for your editor",
        "next: auditlens validate audit.yaml",
        "      auditlens run audit.yaml",
    ]
    assert main(["validate", "audit.yaml", "--strict"]) == 0
    spec = load_spec("audit.yaml").spec
    assert spec.gates
    assert spec.data.generate is not None


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_says_what_to_change_and_names_the_schema(name):
    main(["init", "--example", name])
    text = Path("audit.yaml").read_text(encoding="utf-8")
    assert text.startswith(SCHEMA_LINE + "\n")
    assert text.count("# YOURS") >= 6
    assert all(len(line) < 140 for line in text.splitlines())


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_needs_no_leave_for_code(name):
    from auditlens.spec.user_code import NO_CODE, check_code

    main(["init", "--example", name])
    check_code(load_spec("audit.yaml"), NO_CODE)


def test_minimal_is_the_default_and_out_may_lie_in_a_new_folder(folder):
    assert main(["init", "--out", "new/a.yaml"]) == 0
    assert "smallest audit" in (folder / "new" / "a.yaml").read_text()
    assert (folder / "new" / SCHEMA_FILE).read_text(encoding="utf-8") == schema_text()


def test_nothing_is_written_over_without_force(folder, capsys):
    (folder / "audit.yaml").write_text("mine")
    assert "'audit.yaml' exists; give --force" in error(capsys)
    assert (folder / "audit.yaml").read_text() == "mine"
    assert not (folder / SCHEMA_FILE).exists()
    assert main(["init", "--force"]) == 0
    assert (folder / "audit.yaml").read_text() != "mine"


def test_another_schema_beside_it_is_left_without_force(folder, capsys):
    (folder / SCHEMA_FILE).write_text("{}")
    assert main(["init"]) == 0
    assert "left as it is" in capsys.readouterr().out
    assert (folder / SCHEMA_FILE).read_text() == "{}"
    assert main(["init", "--force"]) == 0
    assert (folder / SCHEMA_FILE).read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--example", "xray", "--from-data", "."], "not both"),
        (["--out", "."], "is a folder"),
        (["--from-data", "nowhere"], "there is no folder 'nowhere'"),
        (["--from-data", "."], "holds neither a table"),
        (["--out", "file/a.yaml"], "cannot write"),
    ],
)
def test_a_wrong_call_is_one_line(folder, capsys, arguments, said):
    (folder / "file").write_text("")
    assert said in error(capsys, *arguments)


def test_a_draft_says_what_was_found_and_which_lines_to_change(folder, capsys):
    for name in ("benign", "melanoma"):
        (folder / "data" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(folder / "data" / name / "1.png")
    assert main(["init", "--from-data", "data"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  data: 2 images" in lines
    assert "  classes: benign 1, melanoma 1" in lines
    assert "  not found: weights" in lines
    told = [line for line in lines if line.startswith("  audit.yaml:")]
    assert main(["validate", "audit.yaml"]) == 2
    problems = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1] for line in told] == [line.split(":")[1] for line in problems]
    assert len(told) == 3
