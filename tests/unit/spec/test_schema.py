"""The JSON Schema says the same as the types."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from auditlens.spec.schema import SCHEMA_ID, json_schema, main, with_tables

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def validator():
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_schema_names_its_draft_and_version(validator):
    assert validator.schema["$schema"].endswith("draft/2020-12/schema")
    assert validator.schema["$id"] == SCHEMA_ID
    assert "-1.schema.json" in SCHEMA_ID


def test_it_accepts_what_the_loader_accepts(validator, bench):
    validator.validate(bench.document())
    for example in validator.schema["examples"]:
        validator.validate(example)
    validator.validate(yaml.safe_load((ROOT / "specs" / "demo_dermoscopy.yaml").read_text(encoding="utf-8")) | {
        "artefacts": {}  # completed by the library that it includes
    })  # fmt: skip


@pytest.mark.parametrize(
    "changes", [{"audit": {}}, {"sede": 1}, {"gates__works__metric": "x"}, {"decision__threshold": 2}, {"seed": "a"}]
)
def test_it_refuses_what_the_loader_refuses(validator, bench, changes):
    assert bench.problems(**changes)
    assert list(validator.iter_errors(bench.document(**changes)))


def test_every_property_has_a_description(validator):
    for name, part in validator.schema["$defs"].items():
        for field, about in part.get("properties", {}).items():
            assert "description" in about or field == "kind", f"{name}.{field}"


def test_generated_files_are_written(tmp_path, capsys):
    document = tmp_path / "spec.md"
    document.write_text("a\n<!-- fields -->\nof yore\n<!-- /fields -->\n<!-- metrics -->\n<!-- /metrics -->\nz\n")
    assert main(["--docs", str(document)]) == 0
    text = document.read_text()
    assert "of yore" not in text
    assert text.startswith("a\n")
    assert text.endswith("\nz\n")
    assert with_tables(text) == text
    assert main(["--json", str(tmp_path / "s.json")]) == 0
    assert json.loads((tmp_path / "s.json").read_text())["$id"] == SCHEMA_ID
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err
