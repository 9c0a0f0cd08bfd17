"""What is legal and doubtful: every warning appears where it should, and a careful spec has none."""

from datetime import date

import pytest

from auditlens.spec.doubts import note_doubts
from auditlens.spec.nodes import Problems

TODAY = date(2027, 1, 1)
SHA = "0" * 64
SETS = {
    "sets": {
        "test": {"role": "sealed", "manifest": "test.csv", "unit": "patient"},
        "dev": {"role": "development", "manifest": "test.csv"},
    }
}
WAIVER = {
    "gate": "missed",
    "bound": "within 0.2",
    "model_sha256": SHA,
    "owner": "a",
    "approved_by": "b",
    "reason": "DEV-1",
}


def doubts(bench, text=None, **changes):
    problems = Problems()
    note_doubts(bench.load(text, **({} if text else careful(bench) | changes)), TODAY, problems)
    assert not problems.errors
    return {(fault.path, fault.message) for fault in problems.warnings}


def careful(bench):
    """Changes that make the bench's spec one about which nothing is doubtful."""
    (bench.folder / "net.safetensors").touch()
    (bench.folder / "test.csv").touch()
    why = {"rationale": "CER 4.2", "risk_id": "H-1"}
    return {
        "model__weights": "net.safetensors",
        "model__sha256": SHA,
        "data": {"manifest": "test.csv", "unit": "patient"},
        "foundation__sha256": SHA,
        "protocol": {"lock": "B.lock"},
        "gates": {
            "works": {"metric": "sensitivity", "limit": ">= 0.9", "required_by": "all", **why},
            "missed": {"metric": "artefact_effect", "limit": "within 0.1", "each": {"artefact": "all"}, **why},
        },
    }


def test_a_careful_spec_has_none(bench):
    assert doubts(bench) == set()


@pytest.mark.parametrize(
    ("changes", "path", "said"),
    [
        ({"decision": ...}, "decision", "the highest probability decides"),
        ({"model__weights": None, "model__sha256": None}, "model.weights", "an untrained network is audited"),
        ({"model__sha256": None}, "model.weights", "not pinned"),
        ({"foundation__sha256": None}, "foundation.model", "not pinned"),
        ({"opinions": [{"model": "ViT-B-16"}]}, "opinions[0].model", "not pinned"),
        ({"data__unit": ...}, "data.unit", "each image counts as a unit"),
        ({"protocol": None, "data": SETS}, "protocol.lock", "its verdict is exploratory"),
        ({"protocol": {"looks": "looks.jsonl"}}, "protocol.lock", "its verdict is exploratory"),
        ({"data": SETS}, "data.sets.dev.unit", "each image counts as a unit"),
        ({"classes__benign": {"valid": ["border"]}}, "classes.benign", "no gate is about this class"),
        ({"concepts__veil": {"texts": ["veil"]}}, "concepts.veil", "no class, gate or artefact speaks of"),
        ({"classes__melanoma": {"spurious": ["border"]}}, "concepts.border", "no `artefact` puts it in"),
        ({"gates__works__rationale": ...}, "gates.works", "the gate has no rationale"),
        ({"gates__works__risk_id": ...}, "gates.works", "the gate has no risk_id"),
        ({"gates__works__required_by": ...}, "gates", "a constant model holds every artefact gate"),
        ({"waivers": [WAIVER | {"expires": "2026-12-31"}]}, "waivers[0].expires", "has expired on 2026-12-31"),
        ({"waivers": [WAIVER | {"expires": "2027-01-31"}]}, "waivers[0].expires", "within 30 days"),
    ],
)
def test_each_is_told_at_its_place(bench, changes, path, said):
    found = doubts(bench, **changes)
    assert any(where == path and said in message for where, message in found), found


def test_an_artefact_without_a_gate(bench):
    gates = careful(bench)["gates"]
    gates["missed"] |= {"each": {"artefact": ["ruler"]}}
    assert doubts(bench, gates=gates) == {("artefacts.tint", "no gate limits what this artefact may do")}


def test_a_spurious_concept_that_nothing_looks_for(bench):
    found = doubts(bench, concepts__size={"not_assessable": "no scale"}, classes__melanoma={"spurious": ["size"]})
    assert ("concepts.size", "spurious, with neither a probe nor an `artefact`: nothing looks for it") in found


def test_a_waiver_that_runs_long_enough_is_fine(bench):
    assert doubts(bench, waivers=[WAIVER | {"expires": "2027-02-15"}]) == set()


def test_entries_of_a_library_are_not_all_asked_about(bench):
    found = doubts(bench, include=["auditlens/concepts/abcde", "auditlens/artefacts/dermoscopy"])
    assert not any(path.startswith("concepts.") for path, _ in found)


def test_a_gate_about_a_direction_is_about_its_classes(bench):
    gates = careful(bench)["gates"]
    gates["turned"] = {
        "metric": "decision_flips",
        "direction": "benign_to_melanoma",
        "artefact": "tint",
        "limit": "<= 0.1",
    }
    found = doubts(bench, gates=gates, classes__benign={"valid": ["border"]})
    assert not any(path == "classes.benign" for path, _ in found)
