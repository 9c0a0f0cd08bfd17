import subprocess
import sys

import pytest

from auditlens.data.salted import list_text, read_list
from tests.e2e.project import entry_call

SALT = "0123456789abcdef"


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.setenv("AUDIT_SALT", SALT)
    (tmp_path / "train.csv").write_text("patient,x\np1,1\np2,2\np1,3\n,4\n")

    def calling(*further, column="patient", salt_env="AUDIT_SALT"):
        options = ("--column", column, "--salt-env", salt_env, "--out", str(tmp_path / "lists" / "train.salted"))
        return entry_call("salt-ids", str(tmp_path / "train.csv"), *options, *further)

    return calling


def test_it_writes_the_list_and_shows_no_id(call, tmp_path):
    done = call()
    path = tmp_path / "lists" / "train.salted"
    assert done.returncode == 0
    assert done.stdout == f"{path}: 2 distinct ids of patient, salted; 1 rows have none\n"
    assert path.read_text() == list_text(["p1", "p2"], SALT)
    assert len(read_list(path, SALT).hashes) == 2


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"column": "patiend"}, "did you mean 'patient'"),
        ({"salt_env": "AUDIT_SALT_NOT_SET"}, "the environment variable AUDIT_SALT_NOT_SET is not set"),
    ],
)
def test_a_wrong_call_is_one_clear_line(call, options, why):
    done = call(**options)
    assert done.returncode == 2
    assert why in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_short_salt_is_refused_and_not_shown(call, monkeypatch):
    monkeypatch.setenv("AUDIT_SALT", "short and bare")
    done = call()
    assert done.returncode == 2
    assert "shorter than 16" in done.stderr
    assert "short and bare" not in done.stderr


def test_it_loads_nothing_heavy(tmp_path):
    code = (
        "import sys; from auditlens.cli.main import main; code = main(['salt-ids', '--help']); "
        "import auditlens.data.salted; assert not {'torch', 'pandas', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
