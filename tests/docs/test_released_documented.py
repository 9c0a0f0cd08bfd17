"""The specs of docs/released.md are valid, and every format and option stands there."""

import re
from pathlib import Path
from typing import get_args

import pytest

from auditlens.gather.equivalence import N_PROBES
from auditlens.spec.load import load_spec
from auditlens.spec.model import Released
from auditlens.subject.released.formats import FORMATS

TEXT = (Path(__file__).parents[2] / "docs" / "released.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize(("number", "twin"), [(0, True), (1, False)])
def test_both_examples_are_valid(tmp_path, number, twin):
    for name in ("derm-1.3.onnx", "derm-1.3.safetensors", "test.csv"):
        (tmp_path / name).touch()
    (tmp_path / "spec.yaml").write_text(EXAMPLES[number], encoding="utf-8")
    model = load_spec(tmp_path / "spec.yaml").spec.model
    assert model.released.file == "derm-1.3.onnx"
    assert (model.architecture is not None) is twin


def test_there_are_two_examples():
    assert len(EXAMPLES) == 2


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format(kind):
    assert f"\n| `{kind}` | " in TEXT
    assert kind in get_args(Released.model_fields["format"].annotation)


@pytest.mark.parametrize("field", sorted(set(Released.model_fields) - {"file", "preprocessing"}))
def test_every_option_is_spoken_of(field):
    assert f"`{field}" in TEXT


def test_numbers_are_those_of_the_code():
    assert f"both answer {N_PROBES} images" in TEXT
    assert f"({Released.model_fields['tolerance'].default} by\n   default)" in TEXT
