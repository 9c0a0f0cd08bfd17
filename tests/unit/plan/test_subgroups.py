"""Gates within subgroups: ids, values, preconditions."""

import json

import pytest

from auditlens.errors import SpecError
from auditlens.plan.gates import expand_gates
from auditlens.plan.subgroups import chosen_strata
from auditlens.spec.model import AuditSpec
from auditlens.stages.subgroups import PlannedStrata, PlannedStratum, Stratum

from .test_gates import BASE, CLASSES, FLIPS, WORKS

COUNTS = {"n_images": 9, "n_units": 9, "class_counts": {}}
VALUES = {"site": ("north", "south"), "skin": ("I-II", "V-VI")}
STRATA = PlannedStrata(
    by=("site", "skin"),
    min_units=30,
    strata=(
        *(
            PlannedStratum(stratum=Stratum(within={column: value}), **COUNTS)
            for column, values in VALUES.items()
            for value in values
        ),
        PlannedStratum(stratum=Stratum(within={"skin": "V-VI"}, true_class="melanoma"), **COUNTS),
    ),
)


def expanded(gates, strata=STRATA):
    spec = AuditSpec.model_validate_json(json.dumps(BASE | {"gates": gates}))
    found = expand_gates(spec, CLASSES, "melanoma", lambda name: f"s.yaml:{name}", strata)
    assert len(found) == len({gate.id for gate in found})
    return {gate.id: gate for gate in found}


def test_a_gate_for_every_artefact_and_value():
    gates = expanded({"missed": FLIPS | {"each": {"artefact": "all", "subgroup": "skin"}}})
    assert list(gates) == [
        "missed[ruler][skin=I-II]",
        "missed[ruler][skin=V-VI]",
        "missed[ink][skin=I-II]",
        "missed[ink][skin=V-VI]",
    ]
    gate = gates["missed[ink][skin=V-VI]"]
    assert (gate.artefact, gate.within, gate.min_units) == ("ink", {"skin": "V-VI"}, 30)


def test_one_artefact_in_every_value():
    assert list(expanded({"missed": FLIPS | {"artefact": "ink", "each": {"subgroup": "site"}}})) == [
        "missed[site=north]",
        "missed[site=south]",
    ]


def test_a_named_value_needs_no_suffix_and_is_kept_while_repeating():
    gates = expanded({"missed": FLIPS | {"artefact": "ink", "within": {"skin": "V-VI"}}})
    assert gates["missed"].within == {"skin": "V-VI"}
    both = expanded({"missed": FLIPS | {"artefact": "ink", "within": {"skin": "V-VI"}, "each": {"subgroup": "site"}}})
    assert both["missed[site=south]"].within == {"skin": "V-VI", "site": "south"}


def test_gates_over_all_images_ask_for_no_number_of_units():
    gate = expanded({"missed": FLIPS | {"artefact": "ink"}})["missed"]
    assert (gate.within, gate.min_units) == ({}, 0)


def test_a_precondition_holds_in_its_own_subgroup():
    gates = expanded(
        {
            "works": WORKS | {"each": {"subgroup": "site"}, "required_by": "all"},
            "missed": FLIPS | {"artefact": "ink", "each": {"subgroup": "site"}},
            "dark": FLIPS | {"artefact": "ink", "within": {"skin": "V-VI"}},
        }
    )
    assert gates["missed[site=north]"].requires == ("works[site=north]",)
    assert gates["dark"].requires == ("works[site=north]", "works[site=south]")


@pytest.mark.parametrize(
    ("within", "strata", "said"),
    [
        ({"skin": "V-IV"}, STRATA, r"no image has the value 'V-IV' in 'skin'; found are I-II, V-VI; did you mean"),
        ({"skn": "V-VI"}, STRATA, "'skn' is no column of data.strata.by"),
        ({"skin": "V-VI"}, None, "'skin' is no column of data.strata.by"),
    ],
)
def test_a_subgroup_that_is_not_there_is_located(within, strata, said):
    with pytest.raises(SpecError, match=said) as error:
        expanded({"missed": FLIPS | {"artefact": "ink", "within": within}}, strata)
    assert str(error.value).startswith("s.yaml:missed: gates.missed.within: ")


def test_the_choice_stands_in_the_plan():
    (row,) = chosen_strata(STRATA)
    assert row.value == "site, skin: 5 subgroups, from 30 units on a gate can hold"
    assert chosen_strata(None) == ()


def test_the_worst_subgroup_is_one_gate_that_needs_enough_units():
    gates = expanded({"missed": FLIPS | {"each": {"artefact": "all"}, "worst_subgroup": "skin"}})
    assert list(gates) == ["missed[ruler]", "missed[ink]"]
    gate = gates["missed[ink]"]
    assert (gate.worst_subgroup, gate.within, gate.min_units) == ("skin", {}, 30)
    with pytest.raises(SpecError, match="'age' is no column"):
        expanded({"missed": FLIPS | {"artefact": "ink", "worst_subgroup": "age"}})
