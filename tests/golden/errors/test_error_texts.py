"""Broken specs and the exact text that a user gets.

After a wanted change: AUDITLENS_GOLDEN=write pytest tests/golden/errors
"""

import os
from pathlib import Path

import pytest

from auditlens.errors import SpecError
from auditlens.spec.load import load_spec

HERE = Path(__file__).parent
SPECS = sorted(HERE.glob("*.yaml"))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_error_text_is_the_agreed_one(path, monkeypatch):
    monkeypatch.chdir(HERE)
    monkeypatch.delenv("AUDITLENS_GOLDEN_UNSET", raising=False)
    with pytest.raises(SpecError) as caught:
        load_spec(Path(path.name))
    text = str(caught.value).replace(str(HERE), "<folder>") + "\n"
    golden = path.with_suffix(".txt")
    if os.environ.get("AUDITLENS_GOLDEN") == "write":
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_no_golden_text_is_left_over():
    assert {path.stem for path in HERE.glob("*.txt")} == {path.stem for path in SPECS}
