import hashlib
import hmac
import os
import subprocess
import sys
from pathlib import Path

import pytest

from auditlens.data.salted import column_ids, list_text, read_list, salted
from auditlens.errors import InputError, IntegrityError
from tests.unit.data.conftest import write_csv

SALT = "0123456789abcdef"
DOC = Path(__file__).parents[3] / "docs" / "data.md"


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "train.salted"
        path.write_text(text)
        return path

    return write


def test_an_id_is_salted_by_hmac_sha256():
    assert salted(" p-7 ", SALT) == hmac.new(SALT.encode(), b"p-7", hashlib.sha256).hexdigest()
    assert salted("p-7", SALT) != salted("p-7", SALT + "x")


def test_a_list_is_read_back_without_its_order_or_repetitions(written):
    path = written(list_text(["b", "a", "b"], SALT))
    assert read_list(path, SALT).hashes == {salted("a", SALT), salted("b", SALT)}
    lines = path.read_text().splitlines()[1:]
    assert lines == sorted(lines)
    assert read_list(path, SALT).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_another_salt_is_told_since_it_would_never_find_anything(written):
    with pytest.raises(IntegrityError, match="made with another salt"):
        read_list(written(list_text(["a"], SALT)), "another salt of length")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (salted("a", SALT) + "\n", "no line that begins with '# check:'"),
        (list_text([], SALT), "is empty"),
        (list_text(["a"], SALT) + "patient-7\n", r"train.salted:3: not the 64 digits of a salted id"),
        ("", "no line that begins with"),
    ],
)
def test_a_list_that_checks_nothing_is_an_error(written, text, why):
    with pytest.raises(InputError, match=why) as caught:
        read_list(written(text), SALT)
    assert "patient-7" not in str(caught.value)


def test_a_list_that_is_no_text_or_not_there(tmp_path):
    (tmp_path / "a").write_bytes(b"\xff\xfe\x00")
    for name in ("a", "b"):
        with pytest.raises(InputError, match="cannot be read as text"):
            read_list(tmp_path / name, SALT)


def test_ids_are_the_cells_as_they_are_written(tmp_path):
    path = write_csv(tmp_path / "m.csv", [["patient", "x"], ["007", 1], [" 8 ", 2], ["", 3], ["007", 4]])
    assert column_ids(path, "patient") == ({"007", "8"}, 1)
    with pytest.raises(InputError, match=r"no column 'patients'.*did you mean 'patient'"):
        column_ids(path, "patients")


def test_the_lines_in_the_documentation_write_the_same_file():
    code = DOC.read_text().partition("python -c '")[2].partition("' < ids.txt")[0]
    done = subprocess.run(
        [sys.executable, "-c", code],
        input="b\n a \n\nb\n",
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "AUDIT_SALT": SALT},
    )
    assert done.stdout == list_text(["a", "b"], SALT)
