"""`specs/validation_dermoscopy.yaml`: valid to the last column, and run from the lock to a verdict."""

import pytest

from auditlens.spec.load import load_spec
from auditlens.spec.model import AuditSpec
from tests.e2e.project import entry_call
from tests.e2e.validation_case import SALT, write_case

LEFT_OUT = {"vocabulary", "decision"}
"""Parts of a spec that the example does without: no gate reads the first, and the second stands in `model`."""


@pytest.fixture
def salt(monkeypatch):
    monkeypatch.setenv("AUDIT_SALT", SALT)


def test_it_is_valid_with_its_files_and_nothing_about_it_is_doubtful(tmp_path, salt):
    spec = write_case(tmp_path / "case", n=24)
    for options in ((), ("--tier", "pr"), ("--tier", "release"), ("--data", "dev")):
        done = entry_call("validate", str(spec), "--strict", *options)
        assert done.returncode == 0, done.stderr
    loaded = load_spec(spec)
    given = {name for name in AuditSpec.model_fields if name in loaded.root.entries}
    assert set(AuditSpec.model_fields) - given == LEFT_OUT
    assert {one.role for one in loaded.spec.data.sets.values()} == {"sealed", "concept_examples", "observability"}
