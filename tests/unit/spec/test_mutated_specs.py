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
WRITTEN = """# A spec as people write it.
auditlens: 1
include: [auditlens/concepts/abcde]
audit:
  id: T-${var:X}
  title: "Größe and colour"
model:
  architecture: "torchvision:resnet18"
  classes: [benign, melanoma]
data:
  folder: images
foundation: {model: ViT-B-32}
concepts:
  ruler: {texts: [ruler, scale], artefact: ruler}
classes:
  melanoma:
    valid: ["group:ABCDE"]
    spurious: [ruler]
decision: {class: melanoma, threshold: 0.5}
artefacts:
  ruler: &drawn
    kind: ruler
    n_instances: 12
  second: {<<: *drawn, n_instances: 3}
  tint: {kind: tint, colour: [231, 128, 151]}
gates:
  works: {metric: sensitivity, limit: ">= 0.9", required_by: all}
  missed:
    metric: decision_flips
    direction: melanoma_to_benign
    each: {artefact: [ruler, tint]}
    limit: "<= 0.02"
    rationale: |
      Clinical evaluation report, 4.2
"""
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


def edited(text: str, kind: str, at: int, other: int, sign: str) -> str:
    """One accident at the keyboard: a line gone, twice or elsewhere, letters swapped, the end cut off, a sign too many."""
    lines = text.splitlines(keepends=True)
    row, second, place = at % len(lines), other % len(lines), at % len(text)
    match kind:
        case "delete a line":
            return "".join(lines[:row] + lines[row + 1 :])
        case "double a line":
            return "".join([*lines[: row + 1], *lines[row:]])
        case "swap lines":
            lines[row], lines[second] = lines[second], lines[row]
            return "".join(lines)
        case "indent a line":
            return "".join([*lines[:row], " " * (other % 4 + 1), *lines[row:]])
        case "swap letters":
            return text[:place] + text[place + 1 : place + 2] + text[place : place + 1] + text[place + 2 :]
        case "cut":
            return text[:place]
        case "put a sign in":
            return text[:place] + sign + text[place:]
        case _:
            return text[:place] + text[place + other % 9 :]


KINDS = (
    "delete a line",
    "double a line",
    "swap lines",
    "indent a line",
    "swap letters",
    "cut",
    "put a sign in",
    "cut out",
)
EDIT = st.tuples(
    st.sampled_from(KINDS),
    st.integers(0, 10_000),
    st.integers(0, 10_000),
    st.one_of(st.characters(), st.sampled_from([*list("\t:-[]{}&*!|>'\"%@`#,?\r\n~"), "<<: ", "${", "- ", "*x"])),
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(edits=st.lists(EDIT, min_size=1, max_size=4), raw=st.binary(max_size=6), at=st.integers(0, 10_000))
def test_accidents_at_the_keyboard(folder, edits, raw, at):
    """Block style, with comments and anchors, as people write; then perhaps some bytes of something else."""
    text = WRITTEN
    for edit in edits:
        text = edited(text, *edit) or WRITTEN
    data = text.encode("utf-8", errors="surrogatepass")
    place = at % (len(data) + 1)
    check(folder, data[:place] + raw + data[place:] if at % 3 == 0 else data)


def test_the_text_that_is_mutated_is_valid(folder):
    (folder / "spec.yaml").write_text(WRITTEN)
    load_spec(folder / "spec.yaml", {"X": "1"})
