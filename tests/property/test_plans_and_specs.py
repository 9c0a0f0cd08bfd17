"""Every gate of a plan has an id of its own; including a file twice is including it once."""

import json

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from auditlens.plan.gates import expand_gates
from auditlens.spec.include import overlaid
from auditlens.spec.load import load_spec
from auditlens.spec.model import AuditSpec
from auditlens.spec.nodes import Problems, plain
from auditlens.spec.reading import parse

CLASSES = ("benign", "melanoma")
ARTEFACTS = ("ruler", "ink", "hair")
CONCEPTS = ("border", "colour", "ruler_marks")
BASE = {
    "auditlens": 1,
    "audit": {"id": "P-1"},
    "model": {"architecture": "torchvision:resnet18", "classes": list(CLASSES)},
    "data": {"folder": "images"},
    "decision": {"class": "melanoma", "threshold": 0.5},
    "artefacts": {name: {"kind": "tint", "colour": [1, 2, 3]} for name in ARTEFACTS},
    "concepts": {name: {"texts": [name], "group": "G/H"} for name in CONCEPTS},
    "classes": {"melanoma": {"valid": ["group:G"], "spurious": []}},
}
flip_gates = st.fixed_dictionaries(
    {
        "metric": st.sampled_from(["decision_flips", "decision_flips_beyond_sham"]),
        "direction": st.sampled_from(["melanoma_to_benign", "benign_to_melanoma"]),
        "each": st.fixed_dictionaries(
            {"artefact": st.one_of(st.just("all"), st.lists(st.sampled_from(ARTEFACTS), min_size=1, max_size=4))}
        ),
        "limit": st.just("<= 0.1"),
    }
)
seen_gates = st.fixed_dictionaries(
    {
        "metric": st.just("observability"),
        "each": st.fixed_dictionaries(
            {
                "concept": st.one_of(
                    st.just("valid"), st.lists(st.sampled_from([*CONCEPTS, "group:G"]), min_size=1, max_size=4)
                )
            }
        ),
        "limit": st.just(">= 0.7"),
    }
)
clean_gates = st.just({"metric": "sensitivity", "limit": ">= 0.5", "required_by": "all"})
gates = st.dictionaries(
    st.from_regex(r"[a-c][a-z0-9_.-]{0,3}", fullmatch=True),
    st.one_of(flip_gates, seen_gates, clean_gates),
    min_size=1,
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@given(gates)
def test_every_planned_gate_has_an_id_of_its_own(found):
    spec = AuditSpec.model_validate_json(json.dumps({**BASE, "gates": found}))
    planned = expand_gates(spec, CLASSES, "melanoma")
    ids = [gate.id for gate in planned]
    assert len(ids) == len(set(ids))
    for gate in planned:
        assert gate.id not in gate.requires
        assert set(gate.requires) <= set(ids)


texts = st.text("abcxyz", min_size=1, max_size=4)
trees = st.recursive(
    st.one_of(st.integers(-5, 5), texts, st.lists(st.integers(0, 3), max_size=3)),
    lambda below: st.dictionaries(texts, below, max_size=4),
    max_leaves=12,
)
documents = st.dictionaries(texts, trees, max_size=4)


def read(document):
    return parse(yaml.safe_dump(document), "x.yaml", Problems())


@given(documents)
def test_laying_a_document_over_itself_changes_nothing(document):
    assert plain(overlaid(read(document), read(document))) == document
    assert plain(overlaid(read({}), read(document))) == document
    assert plain(overlaid(read(document), read({}))) == document


@given(documents, documents)
def test_laying_the_same_over_twice_is_once(below, above):
    once = overlaid(read(below), read(above))
    assert plain(overlaid(once, read(above))) == plain(once)


def test_including_a_file_twice_is_including_it_once(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(BASE))
    hashes = set()
    for times in (1, 2, 3):
        path = tmp_path / f"spec{times}.yaml"
        document = {"auditlens": 1, "include": ["base.yaml"] * times}
        path.write_text(yaml.safe_dump(document | {"gates": {"works": {"metric": "sensitivity", "limit": ">= 0.5"}}}))
        hashes.add(load_spec(path).sha256)
    assert len(hashes) == 1
