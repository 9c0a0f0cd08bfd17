# ruff: noqa: E501 - expected sentences stand on one line
"""Whatever is done to a spec, it loads or gives located one-line problems; nothing else ever comes out."""

from __future__ import annotations

import copy
import json
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditlens.errors import SpecError
from auditlens.spec.load import load_spec
from tests.unit.spec.conftest import DOCUMENT

LOCATED = re.compile(r"^\S+\.yaml(:\d+:\d+)?: .+")
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "images").mkdir()
        yield Path(name)


def check(folder: Path, raw: bytes) -> None:
    """Load, and accept success or a SpecError of located lines."""
    path = folder / "spec.yaml"
    path.write_bytes(raw)
    try:
        load_spec(path, {"X": "1"})
    except SpecError as error:
        assert error.problems
        for line in error.problems:
            assert LOCATED.match(line) or line.startswith("... and "), line
            assert len(line.splitlines()) == 1, line


def paths_of(value, path=()):
    """Every path in a document."""
    yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield from paths_of(inner, (*path, key))


LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=12),
    st.sampled_from(["ruler", "melanoma", "group:ABCDE", "all", "${var:X}", "${env:}", "<= 0.1", "a_to_b", "*", "../x"]),
)  # fmt: skip
KEYS = st.one_of(
    st.text(max_size=8), st.sampled_from(["kind", "class", "texts", "artefact", "each", "ruler", "include", "[key]"])
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)
PLACES = sorted(paths_of(DOCUMENT), key=str)
PLACES.remove(())


@QUICK
@given(st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(["set", "drop", "add"]), KEYS, VALUES), max_size=4))
def test_a_mutated_document_loads_or_gives_located_problems(folder, mutations):
    document = copy.deepcopy(DOCUMENT)
    for path, action, key, value in mutations:
        mutate(document, path, action, key, value)
    check(folder, json.dumps(document).encode())


def mutate(document, path, action, key, value):
    """Change the document at a path, where that path still exists."""
    target = document
    for step in path[:-1]:
        try:
            target = target[step]
        except (KeyError, IndexError, TypeError):
            return
    last = path[-1]
    fits = last in target if isinstance(target, dict) else isinstance(target, list) and last in range(len(target))
    if action == "set" and fits:
        target[last] = value
    elif action == "drop" and isinstance(target, dict):
        target.pop(last, None)
    elif action == "add" and isinstance(target, dict):
        target[key] = value


TEXT = json.dumps(DOCUMENT, indent=1)


@QUICK
@given(
    st.integers(0, len(TEXT)),
    st.integers(0, 30),
    st.text(max_size=6) | st.sampled_from(["&a ", "*a", "<<: ", "- ", ": ", "\t", "---\n", "!!x "]),
)
def test_mutated_text_loads_or_gives_located_problems(folder, start, length, inserted):
    check(folder, (TEXT[:start] + inserted + TEXT[start + length :]).encode("utf-8", "surrogatepass"))


@QUICK
@given(st.binary(max_size=80))
def test_bytes_load_or_give_located_problems(folder, raw):
    check(folder, raw)
