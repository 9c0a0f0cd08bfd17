"""The spec by which a baseline's model is run again, and what makes that necessary."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from auditlens.baselines.again import Sets, spec_again
from auditlens.baselines.changed import what_changed
from auditlens.baselines.read import Earlier, given_baselines
from auditlens.errors import InputError
from auditlens.plan.selection import Selection, choose
from auditlens.spec.load import LoadedSpec, load_spec, merged_document
from auditlens.spec.sets import audited_name
from auditlens.stages.sets import PlannedSet, PlannedSets, SetRole
from auditlens.version import __version__
from tests.unit.verdict.test_decide import plan_for

DOCUMENT: dict[str, Any] = {
    "auditlens": 1,
    "audit": {"id": "NEW-1"},
    "model": {"architecture": "torchvision:resnet18", "weights": "new.safetensors", "classes": ["benign", "melanoma"]},
    "decision": {"class": "melanoma", "threshold": 0.4},
    "data": {"folder": "images"},
    "artefacts": {"ruler": {"kind": "ruler"}, "stamp": {"kind": "cutout", "images": "cutouts/*.png", "masks": "masks"}},
    "gates": {
        "works": {"metric": "sensitivity", "limit": ">= 0.9", "required_by": ["missed", "not_worse"]},
        "missed": {
            "metric": "decision_flips",
            "direction": "melanoma_to_benign",
            "artefact": "ruler",
            "limit": "<= 0.02",
            "rationale": "costs $${5}",
        },
        "not_worse": {"metric": "auroc", "against": "predecessor", "limit": "<= 0.01"},
    },
    "baselines": {"predecessor": {}},
    "change": {"plan": "P", "must_equal": ["classes"]},
    "protocol": {"looks": "looks.jsonl"},
    "waivers": [
        {
            "gate": "missed", "bound": "<= 0.1", "model_sha256": "0" * 64, "owner": "a", "approved_by": "b",
            "reason": "c", "expires": "2099-01-01",
        }
    ],
}  # fmt: skip


def load(folder: Path, **changes: Any) -> LoadedSpec:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "images").mkdir(exist_ok=True)
    (folder / "spec.yaml").write_text(yaml.safe_dump(DOCUMENT | changes, sort_keys=False))
    return load_spec(folder / "spec.yaml", check_paths=False)


def earlier(loaded: LoadedSpec) -> Earlier:
    plan = plan_for(loaded.spec)
    record: Any = SimpleNamespace(
        spec=merged_document(loaded.spec), plan=plan, environment=SimpleNamespace(auditlens=__version__)
    )
    return Earlier(record, "b" * 64, None, loaded.base)


@pytest.fixture
def old(tmp_path: Path) -> Earlier:
    """An older model, in another folder and with another threshold."""
    model = DOCUMENT["model"] | {"weights": "old.safetensors"}
    return earlier(load(tmp_path / "old", model=model, decision={"class": "melanoma", "threshold": 0.3}))


def again(tmp_path: Path, old: Earlier, **changes: Any) -> dict[str, Any]:
    place = tmp_path / "runs" / "baselines"
    place.mkdir(parents=True)
    text = spec_again(load(tmp_path / "new", **changes), old, "predecessor", place)
    (place / "predecessor.yaml").write_text(text)
    loaded = load_spec(place / "predecessor.yaml", check_paths=False)
    assert loaded.spec.gates["works"].limit == ">= 0.9"
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def test_the_old_model_is_asked_the_new_questions(tmp_path: Path, old: Earlier) -> None:
    found = again(tmp_path, old)
    assert found["model"]["weights"] == "../../old/old.safetensors"
    assert found["model"]["sha256"] == "a" * 64
    assert found["decision"]["threshold"] == 0.3
    assert found["data"]["folder"] == "../../new/images"
    assert found["artefacts"]["stamp"]["images"] == "../../new/cutouts/*.png"
    assert set(found["gates"]) == {"works", "missed"}
    assert found["gates"]["works"]["required_by"] == ["missed"]


def test_what_is_about_the_new_model_alone_is_left_out(tmp_path: Path, old: Earlier) -> None:
    assert not {"waivers", "baselines", "change", "protocol"} & set(again(tmp_path, old))


def test_the_old_model_sees_the_sets_that_serve_the_audited_one(tmp_path: Path, old: Earlier) -> None:
    sets = {
        "test": {"role": "sealed", "folder": "images"},
        "dev": {"role": "concept_examples", "manifest": "dev.csv", "unit": "patient"},
        "atlas": {"role": "observability", "manifest": "atlas.csv", "within": ["site"]},
        "more": {"role": "development", "folder": "more"},
    }
    written, place = choose(load(tmp_path / "new", data={"sets": sets}), Selection.parse((), ())), tmp_path / "runs"
    place.mkdir()
    (place / "again.yaml").write_text(spec_again(written.loaded, old, "predecessor", place, Sets.of(written)))
    found = load_spec(place / "again.yaml", check_paths=False).spec.data
    assert audited_name(found) == "test"
    assert {name: str(one.role) for name, one in found.sets.items()} == {
        "test": "sealed",
        "dev": "concept_examples",
        "atlas": "observability",
    }
    assert (found.sets["dev"].manifest, found.sets["dev"].unit) == ("../new/dev.csv", "patient")
    assert found.sets["atlas"].within == ("site",)


def test_a_set_for_examples_that_is_audited_itself_is_audited_again(tmp_path: Path, old: Earlier) -> None:
    sets = {
        "test": {"role": "sealed", "folder": "images"},
        "dev": {"role": "concept_examples", "folder": "images"},
        "atlas": {"role": "observability", "folder": "images"},
    }
    written = choose(load(tmp_path / "new", data={"sets": sets}), Selection.parse((), ()), data="dev")
    (tmp_path / "again.yaml").write_text(spec_again(written.loaded, old, "predecessor", tmp_path, Sets.of(written)))
    assert audited_name(load_spec(tmp_path / "again.yaml", check_paths=False).spec.data) == "dev"


def test_one_set_stays_one(tmp_path: Path) -> None:
    assert Sets.of(choose(load(tmp_path / "new"), Selection.parse((), ()))) is None


def test_text_that_looks_like_a_variable_stays_text(tmp_path: Path, old: Earlier) -> None:
    assert again(tmp_path, old)["gates"]["missed"]["rationale"] == "costs $${5}"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ()),
        ({"audit": {"id": "OTHER", "title": "Another title"}}, ()),
        ({"gates": {"works": {"metric": "auroc", "limit": ">= 0.5"}}, "waivers": []}, ()),
        ({"decision": {"class": "melanoma", "threshold": 0.9}}, ()),
        ({"data": {"folder": "elsewhere"}}, ()),
        ({"artefacts": {"ruler": {"kind": "ruler", "avoid": "nothing"}}}, ("the spec's artefacts",)),
        ({"examine": {"n_examples": 7}}, ("the spec's examine",)),
        ({"review": {"model_sha256": "c" * 64, "components": {}}}, ()),
        ({"challenge": {"max_images_per_class": 7}}, ("the spec's challenge",)),
    ],
)
def test_what_makes_the_numbers_of_a_record_no_match(tmp_path: Path, old: Earlier, changes: Any, said: Any) -> None:
    spec = load(tmp_path / "new", **changes).spec
    assert what_changed(spec, old.record.plan, old.record) == said


def test_a_spec_with_a_salt_is_compared_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIT_SALT", "a salt of 16 or more")
    overlap = {"with": ["train.salted"], "salt": "${env:AUDIT_SALT}"}
    before = earlier(load(tmp_path / "old", data={"folder": "images", "forbidden_overlap": overlap}))
    assert what_changed(load(tmp_path / "new").spec, before.record.plan, before.record) == ()


def test_gates_that_take_no_subgroup_can_be_asked_again(tmp_path: Path, old: Earlier) -> None:
    inside = {"metric": "spurious_relevance_share", "class": "melanoma", "limit": "<= 0.1"}
    seen = {"metric": "observability", "concept": "ruler", "limit": ">= 0.8"}
    added = {"gates": DOCUMENT["gates"] | {"inside": inside, "seen": seen}, "foundation": {"model": "ViT-B-32"}}
    found = again(tmp_path, old, **added, concepts={"ruler": {"texts": ["ruler"]}})
    assert {"inside", "seen"} <= set(found["gates"])


def test_other_data_another_seed_and_another_version_are_told(tmp_path: Path, old: Earlier) -> None:
    plan = old.record.plan
    moved = plan.model_copy(update={"seed": 9, "data": plan.data.model_copy(update={"sha256": "f" * 64})})
    spec = load(tmp_path / "new").spec
    assert what_changed(spec, moved, old.record) == ("the data", "the seed")
    old.record.environment.auditlens = "0.0.1"
    said = f"the version of AuditLens (0.0.1 then, {__version__} now: pictures and metrics may differ)"
    assert what_changed(spec, plan, old.record) == (said,)


@pytest.mark.parametrize(
    ("use", "said"),
    [("concept examples", ("the set of concept examples",)), ("observability", ("the set for observability",))],
)
def test_other_images_in_a_set_that_serves_the_audited_one_are_told(
    tmp_path: Path, old: Earlier, use: Any, said: Any
) -> None:
    row = PlannedSet(
        name="dev",
        role=SetRole.DEVELOPMENT,
        uses=(use,),
        source="dev.csv",
        sha256="e" * 64,
        n_images=3,
        n_units=3,
        unit_column=None,
    )
    data = old.record.plan.data.model_copy(update={"sets": PlannedSets(sets=(row,))})
    plan = old.record.plan.model_copy(update={"data": data})
    assert what_changed(load(tmp_path / "new").spec, plan, old.record) == said


def test_the_command_line_goes_before_the_spec_and_keeps_its_hash(tmp_path: Path) -> None:
    pinned = {"predecessor": {"record": "v1", "sha256": "e" * 64}, "authorised": {}}
    loaded = load(tmp_path / "new", baselines=pinned)
    first, second, third = given_baselines(loaded, {"predecessor": "elsewhere", "site": "s"})
    assert (first.path, first.sha256) == (Path("elsewhere"), "e" * 64)
    assert (second.name, second.path) == ("authorised", None)
    assert third.name == "site"
    with pytest.raises(InputError, match="no name of a baseline"):
        given_baselines(loaded, {"../up": "x"})
