"""Specs of older versions are rewritten, with their comments, anchors and order."""

import re
from pathlib import Path

import pytest
import yaml

from auditlens.errors import SpecError
from auditlens.spec.include import LIBRARY
from auditlens.spec.load import load_spec
from auditlens.spec.migrate import migrate
from auditlens.spec.migrations import MIGRATIONS
from auditlens.spec.round_trip import comments_of
from auditlens.spec.versions import CURRENT

ROOT = Path(__file__).parents[3]
WRITTEN = [*sorted((ROOT / "specs").glob("*.yaml")), *sorted(LIBRARY.glob("*/*.yaml"))]

DRAFT = """\
# yaml-language-server: $schema=./auditlens-1.schema.json
# The audit of our melanoma model.
auditlens: 0   # the draft

audit: {id: MEL-AUD-007, version: "3.0", owner: 'j.weiss'}   # as the QMS numbers it

model:
  # what ships
  released:
    file: derm.onnx
    input_name: pixels     # as exported
  # its eager twin
  examined:                # trained in spring
    architecture: "timm:convnext_tiny"
    # the same weights
    weights: derm.safetensors
    layers: auto           # the last one
  equivalence: {max_probability_gap: 0.0001, same_decisions: true}   # DHF-12
  classes: [benign, melanoma]

decision: {class: melanoma, threshold: 0.31}
data:
  manifest: test.csv
  strata: [site, device]   # five sites

concepts:
  veil: [blue-white veil, veil]   # words of dr. ito
  ruler:
    texts:
      - ruler
      - "ruler # marks"

artifacts:
  ruler: {kind: ruler}
  red_skin: &red
    kind: tint
    color: [231, 128, 151]   # F.2.3
  redder:
    <<: *red
    strength: [0.5, 0.6]
  gone: null               # taken out

gates:
  # must work at all
  - id: works
    metric: sensitivity    # at the operating point
    min: 0.9
  # flips
  - {id: missed, metric: decision_flips, artifact: ruler, direction: melanoma_to_benign, max: 0.02}
# the end
seed: 3
"""
CHANGES = (
    "artifacts: is now artefacts",
    "artefacts.red_skin.color: is now colour",
    "gates[1].artifact: is now artefact",
    "model.examined: architecture, weights, layers are now fields of model",
    "model.equivalence.max_probability_gap: is now model.released.tolerance",
    "model.released.input_name: is gone; a released file has one input",
    "data.strata: the list is now data.strata.by",
    "concepts.veil: the words are now concepts.veil.texts",
    "gates: the list is now a mapping by id",
    "gates.works.min: is now limit",
    "gates.missed.max: is now limit",
)


@pytest.fixture(scope="module")
def done():
    return migrate(DRAFT, "draft.yaml")


def as_draft(text):
    """A spec of today under the number of the draft, or a library that gets one."""
    return (
        re.sub(r"^auditlens: 1", "auditlens: 0", text, flags=re.M)
        if "\nauditlens: 1" in text
        else "auditlens: 0\n" + text
    )


def test_every_change_is_told(done):
    assert done.version == 0
    assert sorted(done.changes) == sorted(CHANGES)


def test_the_result_is_valid(done, tmp_path):
    for name in ("derm.onnx", "derm.safetensors", "test.csv"):
        (tmp_path / name).touch()
    (tmp_path / "audit.yaml").write_text(done.text.replace("  gone: null               # taken out\n", ""))
    spec = load_spec(tmp_path / "audit.yaml").spec
    assert spec.model.architecture == "timm:convnext_tiny"
    assert spec.model.released.tolerance == 0.0001
    assert spec.data.strata.by == ("site", "device")
    assert spec.concepts["veil"].texts == ("blue-white veil", "veil")
    assert spec.artefacts["redder"].colour == (231, 128, 151)
    assert {name: gate.limit for name, gate in spec.gates.items()} == {"works": ">= 0.9", "missed": "<= 0.02"}
    assert spec.gates["missed"].artefact == "ruler"


def test_every_comment_is_kept(done):
    before, after = ([text for _, text in comments_of(written)] for written in (DRAFT, done.text))
    assert sorted(before) == sorted(after)
    assert len(before) == 19


def test_anchors_merges_quotes_nulls_and_the_order_of_the_keys_are_kept(done):
    for written in ("red_skin: &red", "<<: *red", "'j.weiss'", '"3.0"', '- "ruler # marks"', "gone: null"):
        assert written in done.text
    document = yaml.safe_load(done.text)
    top = ["auditlens", "audit", "model", "decision", "data", "concepts", "artefacts", "gates", "seed"]
    assert list(document) == top
    assert list(document["model"]) == ["released", "architecture", "weights", "layers", "classes"]
    assert list(document["gates"]) == ["works", "missed"]


def test_a_comment_stays_with_what_it_speaks_of(done):
    for written in (
        "auditlens: 1   # the draft",
        "  # its eager twin\n",
        "  # must work at all\n  works:\n    metric: sensitivity    # at the operating point\n",
        "  # flips\n  missed: {",
        "colour: [231, 128, 151]  # F.2.3",
        "# the end\nseed: 3\n",
    ):
        assert written in done.text


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_what_needs_no_change_keeps_every_line_but_the_version(path):
    text = as_draft(path.read_text(encoding="utf-8"))
    written = migrate(text, path.name)
    assert written.changes == ()
    assert yaml.safe_load(written.text) == yaml.safe_load(text) | {"auditlens": CURRENT}
    comments = [sorted(comment for _, comment in comments_of(part)) for part in (text, written.text)]
    assert comments[0] == comments[1]
    lines = [set(part.replace("auditlens: 0", "auditlens: 1", 1).splitlines()) for part in (text, written.text)]
    folded = ("{", "[", "}", "]")  # what stands in braces over several lines comes back in one
    assert [line for line in lines[1] - lines[0] if not any(sign in line for sign in folded)] == []


def test_a_spec_of_today_comes_back_as_it_is():
    text = "auditlens:   1 # x\n"
    assert migrate(text, "a.yaml").text == text


def test_every_older_version_has_its_steps():
    assert list(MIGRATIONS) == list(range(CURRENT))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("audit: {id: x}\n", "a.yaml:1:1: there is no version to start from; write 'auditlens: 0' for a draft"),
        ("auditlens: 2\n", "a.yaml:1:12: auditlens: version 2 is newer than 1"),
        ("auditlens: -1\n", "there is no version -1"),
        ("auditlens: zero\n", "there is no version to start from"),
        ("auditlens: 0\na: 1\na: 2\n", "a.yaml:3:1: a: the key 'a' stands here twice"),
        ("auditlens: 0\na: [\n", "not valid YAML"),
    ],
)
def test_what_cannot_be_migrated_is_told_with_its_place(text, said):
    with pytest.raises(SpecError) as caught:
        migrate(text, "a.yaml")
    assert said in str(caught.value)


def test_a_comment_that_cannot_be_kept_stops_the_migration(monkeypatch):
    monkeypatch.setattr("auditlens.spec.migrate.write_tree", lambda tree, text: "auditlens: 1\n")
    with pytest.raises(SpecError, match=r"a.yaml:1: the comment '# mine' cannot be kept here"):
        migrate("auditlens: 0 # mine\n", "a.yaml")


def test_names_of_somebody_elses_function_are_left_alone():
    text = "auditlens: 0\nmodel: {arguments: {color: red}}\ndata: {generate: {arguments: {artifact: x}}}\n"
    assert migrate(text, "a.yaml").changes == ()


@pytest.mark.parametrize(
    ("body", "gone"),
    [
        ("gates: [{metric: auroc}]", ()),
        ("model: {equivalence: {same_decisions: true}}", ("model.equivalence: is gone",)),
        ("model: 3\ndata: []\nconcepts: null\ngates: {a: 1}", ()),
    ],
)
def test_what_does_not_fit_a_step_is_left_to_the_checks(body, gone):
    changes = migrate(f"auditlens: 0\n{body}\n", "a.yaml").changes
    assert len(changes) == len(gone)
    assert all(change.startswith(start) for change, start in zip(changes, gone, strict=True))


@pytest.mark.parametrize(
    ("number", "said"), [(0, "rewrite it with: auditlens migrate "), (2, "a newer auditlens is needed")]
)
def test_another_version_is_refused_before_anything_else_is_said(bench, number, said):
    problem = bench.problem(f"auditlens: {number}\nsede: 1\n")
    assert problem.startswith("spec.yaml:1:12: auditlens: version ")
    assert said in problem


def test_an_included_file_of_another_version_is_told_in_that_file(bench):
    bench.write("auditlens: 0\nseed: 1\n", "old.yaml")
    problem = bench.problem(include=["old.yaml"])
    assert problem.startswith("old.yaml:1:12: auditlens: version 0 is older")
    assert "auditlens migrate " in problem
