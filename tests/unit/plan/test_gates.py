"""Expansion of gates: one per target, defaults filled in, preconditions by id."""

import json

import pytest

from auditlens.errors import Location, SpecError
from auditlens.plan.gates import demand_layers, expand_gates
from auditlens.spec.model import AuditSpec

CLASSES = ("benign", "melanoma")
BASE = {
    "auditlens": 1,
    "audit": {"id": "P-1"},
    "model": {"architecture": "torchvision:resnet18", "classes": list(CLASSES)},
    "data": {"folder": "images"},
    "artefacts": {name: {"kind": "tint", "colour": [1, 2, 3]} for name in ("ruler", "ink")},
    "concepts": {name: {"texts": [name], "group": "ABC"} for name in ("border", "colour")} | {"mark": {"texts": ["m"]}},
    "classes": {"melanoma": {"valid": ["group:ABC"], "spurious": ["mark"]}},
}


def expanded(gates, **changes):
    spec = AuditSpec.model_validate_json(json.dumps(BASE | changes | {"gates": gates}))
    found = expand_gates(spec, CLASSES, "melanoma", lambda name: f"s.yaml:{name}")
    assert len(found) == len({gate.id for gate in found})
    return {gate.id: gate for gate in found}


WORKS = {"metric": "sensitivity", "limit": ">= 0.85"}
FLIPS = {"metric": "decision_flips", "direction": "melanoma_to_benign", "limit": "<= 0.02"}
SEEN = {"metric": "observability", "limit": ">= 0.8"}


def test_a_gate_for_every_artefact():
    gates = expanded({"missed": FLIPS | {"each": {"artefact": "all"}}})
    assert list(gates) == ["missed[ruler]", "missed[ink]"]
    gate = gates["missed[ink]"]
    assert (gate.artefact, gate.from_class, gate.to_class) == ("ink", "melanoma", "benign")
    assert (gate.class_name, gate.relation, gate.bound, gate.location) == ("melanoma", "<=", 0.02, "s.yaml:missed")


@pytest.mark.parametrize(
    ("chosen", "ids"),
    [
        ("valid", ["seen[border]", "seen[colour]"]),
        ("spurious", ["seen[mark]"]),
        (["group:ABC", "border"], ["seen[border]", "seen[colour]"]),
    ],
)
def test_a_gate_for_every_concept(chosen, ids):
    assert list(expanded({"seen": SEEN | {"each": {"concept": chosen}}})) == ids


def test_a_single_target_needs_no_suffix():
    assert list(expanded({"missed": FLIPS | {"artefact": "ink"}})) == ["missed"]


def test_a_repeated_target_is_one_gate():
    assert list(expanded({"missed": FLIPS | {"each": {"artefact": ["ink", "ink"]}}})) == ["missed[ink]"]


def test_preconditions_are_ids():
    gates = expanded({"works": WORKS | {"required_by": "all"}, "missed": FLIPS | {"each": {"artefact": "all"}}})
    assert gates["works"].requires == ()
    assert gates["missed[ruler]"].requires == ("works",)


def test_preconditions_do_not_require_each_other():
    both = {"works": WORKS | {"required_by": "all"}, "spares": WORKS | {"required_by": "all"}}
    gates = expanded(both | {"missed": FLIPS | {"artefact": "ink"}})
    assert gates["works"].requires == gates["spares"].requires == ()
    assert gates["missed"].requires == ("works", "spares")


def test_a_precondition_that_is_repeated_stands_for_all_its_gates():
    gates = expanded(
        {
            "seen": SEEN | {"each": {"concept": "valid"}, "required_by": ["missed"]},
            "missed": FLIPS | {"artefact": "ink"},
        }
    )
    assert gates["missed"].requires == ("seen[border]", "seen[colour]")


@pytest.mark.parametrize("direction", [None, "benign", "benign_to_naevus", "melanomatobenign"])
def test_a_direction_names_two_classes(direction):
    with pytest.raises(
        SpecError, match=r"gates\.missed\.direction: .*write A_to_B with A and B among benign, melanoma"
    ):
        expanded({"missed": FLIPS | {"artefact": "ink", "direction": direction}})


def test_other_stands_for_all_classes_but_one():
    gate = expanded({"missed": FLIPS | {"artefact": "ink", "direction": "melanoma_to_other"}})["missed"]
    assert (gate.from_class, gate.to_class) == ("melanoma", "other")


@pytest.mark.parametrize("gates", [{}, {"missed": FLIPS | {"each": {"artefact": "all"}}}])
def test_no_gate_at_all_is_an_error(gates):
    with pytest.raises(SpecError, match="an audit without gates cannot hold"):
        expanded(gates, artefacts={})


def test_with_several_labels_a_direction_names_one_class():
    model = BASE["model"] | {"output": "multi_label"}
    with pytest.raises(SpecError, match="do not exclude each other; write melanoma_to_other or other_to_benign"):
        expanded({"missed": FLIPS | {"artefact": "ink"}}, model=model)
    gates = expanded({"missed": FLIPS | {"artefact": "ink", "direction": "melanoma_to_other"}}, model=model)
    assert gates["missed"].to_class == "other"


def test_a_layer_that_is_not_examined_is_told_at_its_place():
    gate = {"metric": "spurious_relevance_share", "limit": "<= 0.1", "layer": "layer3"}
    spec = AuditSpec.model_validate_json(json.dumps(BASE | {"gates": {"inside": gate}}))
    places = []

    def locate(path):
        places.append(path)
        return Location("s.yaml", 3, 4)

    with pytest.raises(
        SpecError, match=r"s\.yaml:3:4: gates\.inside\.layer: the layer 'layer3' is not examined; .*'layer4'"
    ):
        demand_layers(spec, ("layer2", "layer4"), locate)
    assert places == [("gates", "inside", "layer")]
    demand_layers(spec, (), locate)
    demand_layers(spec, ("layer3",), locate)
    (planned,) = expand_gates(spec, CLASSES, "melanoma")
    assert planned.layer == "layer3"


def test_clause_and_tags_are_in_the_plan():
    gates = expanded({"works": WORKS | {"clause": "AI Act 15(3)", "tags": ["fast"]}})
    assert (gates["works"].clause, gates["works"].tags) == ("AI Act 15(3)", ("fast",))
