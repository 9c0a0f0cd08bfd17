"""What `--select`, `--exclude` and tiers leave of a spec."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditlens.plan.gates import expand_gates
from auditlens.plan.selection import Selection, SelectionError, in_tier, selected
from auditlens.spec.model import AuditSpec
from tests.unit.plan.test_gates import BASE, CLASSES, FLIPS, SEEN, WORKS

GATES = {
    "works": WORKS | {"required_by": "all"},
    "missed": FLIPS | {"each": {"artefact": "all"}, "tags": ["fast"]},
    "alarm": FLIPS | {"direction": "benign_to_melanoma", "artefact": "ink", "class": "benign"},
    "seen": SEEN | {"each": {"concept": "valid"}, "tags": ["fast", "inside"]},
}


def spec_with(**changes):
    document = BASE | {"foundation": {"model": "ViT-B-32"}, "gates": GATES} | changes
    return AuditSpec.model_validate_json(json.dumps(document))


def ids(spec):
    return [gate.id for gate in expand_gates(spec, CLASSES, "melanoma")]


def left(select=(), exclude=(), **changes):
    return selected(spec_with(**changes), Selection.parse(select, exclude), CLASSES)


@pytest.mark.parametrize(
    ("select", "exclude", "expected"),
    [
        (["gate=missed"], [], ["works", "missed[ruler]", "missed[ink]"]),
        (["gate=missed[ink]"], [], ["works", "missed[ink]"]),
        (["artefact=ink"], [], ["works", "missed[ink]", "alarm"]),
        (["artefact=ink,ruler"], ["gate=alarm"], ["works", "missed[ruler]", "missed[ink]"]),
        (["artefact=ink", "class=benign"], [], ["works", "alarm"]),
        (["gate=alarm", "gate=seen[border]"], [], ["works", "alarm", "seen[border]"]),
        (["tag=fast"], ["tag=inside"], ["works", "missed[ruler]", "missed[ink]"]),
        ([], ["artefact=ink", "tag=inside"], ["works", "missed[ruler]"]),
        ([], ["gate=works"], ["works", "missed[ruler]", "missed[ink]", "alarm", "seen[border]", "seen[colour]"]),
        (["gate=works"], [], ["works"]),
    ],
)
def test_the_same_key_is_or_different_keys_are_and(select, exclude, expected):
    assert ids(left(select, exclude)) == expected


def test_no_selection_changes_nothing():
    spec = spec_with()
    assert selected(spec, Selection.parse()) is spec


def test_only_what_is_needed_runs():
    spec = left(["artefact=ink"], challenge={"erased_images": 50, "mediation_images": 50})
    assert list(spec.artefacts) == ["ink"]
    assert list(spec.classes) == ["melanoma"]
    assert (spec.challenge.erased_images, spec.challenge.mediation_images, spec.examine.ablation_images) == (0, 0, 0)


def test_artefacts_that_show_a_selected_concept_go_in_too():
    concepts = BASE["concepts"] | {"border": {"texts": ["b"], "group": "ABC", "artefact": "ruler"}}
    assert list(left(["gate=seen"], concepts=concepts).artefacts) == ["ruler"]
    spec = left(["gate=seen"], ["artefact=ruler"], concepts=concepts)
    assert not spec.artefacts
    assert spec.concepts["border"].artefact is None


def test_the_class_of_a_gate_stays_though_fewer_classes_are_examined():
    classes = {"benign": {}, "melanoma": {"valid": ["border"]}}
    spec = left(["gate=works"], classes=classes)
    assert spec.gates["works"].class_ == "benign"
    assert list(spec.classes) == ["benign"]


def test_a_precondition_of_a_precondition_comes_along():
    gates = GATES | {"base": WORKS | {"required_by": ["works"]}}
    assert ids(left(["gate=alarm"], gates=gates)) == ["works", "alarm", "base"]


def test_waivers_of_what_does_not_run_are_left_aside():
    waiver = {
        "gate": "alarm", "bound": "<= 0.1", "model_sha256": "a" * 64, "owner": "a", "approved_by": "b", "reason": "c",
        "expires": "2027-01-01",
    }  # fmt: skip
    assert left(["gate=alarm"], waivers=[waiver]).waivers
    assert not left(["gate=missed"], waivers=[waiver]).waivers


@pytest.mark.parametrize(
    ("select", "exclude", "words"),
    [
        (["gate"], [], "--select gate: write KEY=VALUE"),
        (["gate="], [], "write KEY=VALUE"),
        (["gates=missed"], [], "there is no key 'gates'; valid are class, artefact, gate, tag; did you mean 'gate'"),
        ([], ["gate=mised"], "--exclude gate=mised: there is no gate 'mised'; .*did you mean 'missed'"),
        (["class=melanomma"], [], "there is no class 'melanomma'; valid are benign, melanoma; did you mean"),
        (["artefact=rule"], [], "there is no artefact 'rule'; valid are ruler, ink; did you mean 'ruler'"),
        (["tag=slow"], [], "there is no tag 'slow'; valid are fast, inside"),
        (["gate=seen", "artefact=ink"], [], "no gate fits --select gate=seen --select artefact=ink; nothing is run"),
    ],
)
def test_what_cannot_be_meant_is_refused(select, exclude, words):
    with pytest.raises(SelectionError, match=words.replace("[", r"\[")):
        left(select, exclude)


def test_a_tier_has_its_sample_and_its_gates():
    tiers = {"pr": {"sample": 60, "gates": ["alarm", "inside"]}, "release": {}}
    spec = in_tier(spec_with(tiers=tiers), "pr", CLASSES)
    assert spec.data.sample == 60
    assert ids(spec) == ["works", "alarm", "seen[border]", "seen[colour]"]
    whole = spec_with(tiers=tiers)
    assert in_tier(whole, "release") == whole
    with pytest.raises(SelectionError, match=r"no such tier; valid are pr, release; did you mean 'release'"):
        in_tier(whole, "relaese")


TARGETS = ("missed[ruler]", "missed[ink]", "alarm", "seen[border]", "seen[colour]")


@given(st.sets(st.sampled_from(TARGETS), min_size=1), st.sets(st.sampled_from(TARGETS)))
def test_exactly_the_named_gates_and_their_precondition_run(wanted, refused):
    kept = [name for name in TARGETS if name in wanted - refused]
    select = [f"gate={name}" for name in sorted(wanted)]
    exclude = [f"gate={name}" for name in sorted(refused)]
    if not kept:
        with pytest.raises(SelectionError):
            left(select, exclude)
    else:
        assert ids(left(select, exclude)) == ["works", *kept]
