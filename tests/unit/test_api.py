"""Names of run folders."""

from types import SimpleNamespace

import pytest

from auditlens.api import default_out


@pytest.mark.parametrize(
    ("audit_id", "name"),
    [
        ("MEL-AUD-007", "MEL-AUD-007-01234567"),
        ("../../etc/x", "_.._etc_x-01234567"),
        (".hidden", "hidden-01234567"),
        ("a b:c*?\n", "a_b_c___-01234567"),
        ("é中", "é中-01234567"),
        ("..", "-01234567"),
        ("x" * 300, "x" * 100 + "-01234567"),
    ],
)
def test_a_run_folder_stands_in_reports_and_can_be_seen(audit_id, name):
    loaded = SimpleNamespace(spec=SimpleNamespace(audit=SimpleNamespace(id=audit_id)), sha256="0123456789" * 6)
    assert default_out(loaded).parts == ("reports", name)
