"""The JSON Schema says the same as the types."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

from auditlens.errors import SpecError
from auditlens.spec import nodes
from auditlens.spec.include import LIBRARY, library_names
from auditlens.spec.reading import parse
from auditlens.spec.schema import SCHEMA_ID, SCHEMA_LINE, json_schema, main, with_tables
from auditlens.spec.schema_examples import EXAMPLES as TABLE

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "specs").glob("*.yaml"))
GOLDEN = ROOT / "tests" / "golden" / "errors"


@pytest.fixture(scope="module")
def validator():
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker(["date"]))


def read(path):
    """The document as the loader reads it: 2027-03-31 is text."""
    try:
        return nodes.plain(parse(path.read_text(encoding="utf-8"), path.name, nodes.Problems()))
    except SpecError:
        return None


def steps(place):
    """`waivers[0].gate` as keys and indices."""
    return tuple(int(part[1:-1]) if part.startswith("[") else part for part in re.findall(r"\[\d+\]|[^.\[]+", place))


def fields_of_parts():
    schema = json_schema()
    for part, definition in [("", schema), *schema["$defs"].items()]:
        yield from ((part, field) for field in definition.get("properties", {}))


def test_the_schema_names_its_draft_and_version(validator):
    assert validator.schema["$schema"].endswith("draft/2020-12/schema")
    assert validator.schema["$id"] == SCHEMA_ID == "urn:auditlens:spec:1"


def test_it_accepts_what_the_loader_accepts(validator, bench):
    validator.validate(bench.document())
    for example in validator.schema["examples"]:
        validator.validate(example)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_spec_is_accepted_as_written_and_names_the_schema(validator, path):
    text = path.read_text(encoding="utf-8")
    validator.validate(read(path))
    assert text.startswith(SCHEMA_LINE + "\n")


@pytest.mark.parametrize("name", library_names())
def test_every_library_is_accepted_in_a_spec(validator, bench, name):
    library = read(LIBRARY / (name.removeprefix("auditlens/") + ".yaml"))
    validator.validate(bench.document(concepts={}, artefacts={}, classes={}) | library)
    validator.validate(bench.document(include=[name]))


MATTERS_OF_SHAPE = (
    "there is no such field", "must be ", "this field is required", "an artefact needs a kind", "the list is too short",
)  # fmt: skip


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_error_of_shape_that_has_an_agreed_text_is_refused_at_its_place(validator, path):
    lines = [line.split(": ", 2) for line in path.with_suffix(".txt").read_text(encoding="utf-8").splitlines()]
    shapes = [line[1] for line in lines if len(line) == 3 and line[2].startswith(MATTERS_OF_SHAPE)]
    shapes += [line[1] for line in lines if len(line) == 3 and re.search("is no kind of|is no valid name", line[2])]
    includes = path.stem == "circle"  # what an included file brings is nothing that a schema can know
    if not shapes or includes:
        return
    refused = {nodes.dotted(tuple(error.absolute_path)) for error in validator.iter_errors(read(path))}
    for place in shapes:
        parents = {nodes.dotted(steps(place)[:n]) for n in range(len(steps(place)) + 1)}
        assert parents & refused, f"{path.stem}: {place} is not refused"


def test_a_list_is_refused(validator):
    assert list(validator.iter_errors([{"auditlens": 1}]))


@pytest.mark.parametrize(
    ("changes", "valid"),
    [
        ({"artefacts": {"ruler": {"column": "ruler"}}}, False),
        ({"artefacts": {"ruler": {"column": "ruler"}}, "include": ["auditlens/artefacts/dermoscopy"]}, True),
        ({"artefacts": {"defaults": {"avoid": "lesion_mask"}, "ruler": {"kind": "ruler"}}}, True),
        ({"artefacts": {"defaults": {"kind": "ruler"}}}, False),
        ({"gates": {"works": {"limit": ">= 0.9"}}}, False),
        ({"gates": {"works": {"limit": ">= 0.9"}}, "include": ["gates.yaml"]}, True),
        ({"gates": {"defaults": {"severity": "warn"}}}, True),
        ({"gates": {"defaults": {"metric": "auroc", "limit": ">= 0.9"}}}, False),
        ({"gates": {"works": {"metric": "auroc", "limit": ">= 1"}, "b": {"extends": "works", "tags": None}}}, True),
        ({"gates": {"works": {"extends": "other", "confidence": None, "severity": None}}}, True),
        ({"concepts": {"evolution": None}, "include": ["auditlens/concepts/abcde"]}, True),
        ({"decision": {"class": "melanoma", "threshold": "${var:T}"}}, True),
        ({"decision": {"class": "melanoma", "threshold": "high"}}, False),
        ({"data": {"manifest": "${env:DATA}/test.csv"}}, True),
        ({"model": {"architecture": "${var:ARCHITECTURE}", "classes": ["a", "b"]}}, True),
        ({"opinions": [{"pretrained": "x"}], "include": ["auditlens/concepts/abcde"]}, False),
    ],
)
def test_what_an_include_may_bring_is_asked_for_only_without_one(validator, bench, changes, valid):
    assert validator.is_valid(bench.document(**changes)) is valid


@pytest.mark.parametrize(
    "changes", [{"audit": {}}, {"sede": 1}, {"gates__works__metric": "x"}, {"decision__threshold": 2}, {"seed": "a"}]
)
def test_it_refuses_what_the_loader_refuses(validator, bench, changes):
    assert bench.problems(**changes)
    assert list(validator.iter_errors(bench.document(**changes)))


def properties(schema):
    for name, part in [("", schema), *schema["$defs"].items()]:
        yield from ((f"{name}.{field}", about) for field, about in part.get("properties", {}).items())


def test_every_property_has_a_description(validator):
    parts = validator.schema["$defs"]
    bare = [
        name
        for name, about in properties(validator.schema)
        if "description" not in about | parts.get(about.get("$ref", "").rpartition("/")[2], {})
    ]
    assert bare == []


def test_every_property_has_an_example_or_is_a_part_with_some(validator):
    """Add `examples=[...]` to the field, or an entry to `auditlens.spec.schema_examples.EXAMPLES`."""
    bare = [
        name
        for name, about in properties(validator.schema)
        if "examples" not in about and "$ref" not in json.dumps(about) and "default" not in about
    ]
    assert bare == []


def test_the_examples_of_every_property_are_valid(validator):
    for name, about in properties(validator.schema):
        for example in about.get("examples", ()):
            part = {key: value for key, value in about.items() if key != "$id"}
            found = validator.evolve(schema=part | {"$defs": validator.schema["$defs"]})
            assert found.is_valid(example), f"{name}: {example!r}"


def test_no_entry_of_the_table_of_examples_is_left_over():
    known = {f"{part}.{field}" for part, field in fields_of_parts()} | {
        field for part, field in fields_of_parts() if part
    }
    assert set(TABLE) <= known


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
