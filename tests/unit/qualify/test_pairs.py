"""Pairs are audited with equal specs but for the weights; nothing is trained here."""

import dataclasses
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml

from auditlens import api
from auditlens.qualify import pairs
from auditlens.spec.load import load_spec
from auditlens.stages.progress import Silent
from auditlens.testbed import train
from auditlens.testbed.models import small_cnn
from auditlens.testbed.weights_io import Origin, save_classifier


@pytest.fixture
def trained(monkeypatch):
    """Stand in for the training: untrained weights with an origin."""
    calls = []

    def fake(seed, artefact, out, **options):
        calls.append({"seed": seed, "artefact": artefact, **options})
        out.mkdir(parents=True, exist_ok=True)
        origin = Origin(seed, artefact, 0.8, 0.1, options.get("n_train", train.N_TRAIN), 1, 0.25)
        found = SimpleNamespace(planted=out / "planted.safetensors", clean=out / "clean.safetensors")
        save_classifier(small_cnn(), origin, found.planted)
        save_classifier(small_cnn(), dataclasses.replace(origin, threshold=0.5), found.clean)
        return found

    monkeypatch.setattr(train, "train_pair", fake)
    return calls


@pytest.fixture
def audited(monkeypatch):
    """Stand in for the audits: remember what was asked for."""
    calls = []

    def fake(spec, **options):
        calls.append({"spec": spec, **options})
        return f"record of {spec.name}"

    monkeypatch.setattr(api, "audit", fake)
    return calls


def test_a_fresh_pair_gets_two_valid_specs(trained, tmp_path):
    planted, clean = (load_spec(path).spec for path in pairs.fresh_pair(tmp_path / "models", 7, "red_skin", Silent()))
    assert trained == [{"seed": 7, "artefact": "red_skin"}]
    assert (planted.audit.id, clean.audit.id) == ("PAIR-7-red_skin-planted", "PAIR-7-red_skin-clean")
    assert (planted.operating_point.threshold, clean.operating_point.threshold) == (0.25, 0.5)
    assert (planted.model.weights, clean.model.weights) == ("planted.safetensors", "clean.safetensors")
    different = ("audit", "model", "decision")
    assert planted.model_dump(exclude=set(different)) == clean.model_dump(exclude=set(different))


def test_the_audited_images_are_none_of_the_training_seed(trained, tmp_path):
    spec = load_spec(pairs.fresh_pair(tmp_path / "models", 7, "ink", Silent())[0]).spec
    assert spec.data.generate.arguments["seed"] == pairs.FIRST_AUDIT_SEED + 7


def test_changes_go_on_top(trained, tmp_path):
    changes = {"challenge": {"max_images_per_class": 5}}
    path = pairs.fresh_pair(tmp_path / "models", 1, "ink", Silent(), changes=changes)[0]
    assert load_spec(path).spec.challenge.max_images_per_class == 5
    assert yaml.safe_load(path.read_text())["challenge"] == changes["challenge"]


def test_the_shipped_pair_is_not_trained(trained, audited, tmp_path):
    found = pairs.audit_pair(tmp_path)
    assert trained == []
    assert [call["spec"].name for call in audited] == ["demo_dermoscopy.yaml", "demo_dermoscopy_clean.yaml"]
    assert [call["out"] for call in audited] == [tmp_path / "planted", tmp_path / "clean"]
    assert {call["threads"] for call in audited} == {1}
    assert (found.planted, found.artefact) == ("record of demo_dermoscopy.yaml", pairs.SHIPPED_ARTEFACT)


@pytest.mark.parametrize(
    ("given", "seed", "artefact"),
    [
        ({"seed": 3}, 3, pairs.SHIPPED_ARTEFACT),
        ({"artefact": "ink"}, pairs.SHIPPED_SEED, "ink"),
        ({"seed": 0}, 0, None),
    ],
)
def test_a_seed_or_an_artefact_asks_for_a_fresh_pair(trained, audited, tmp_path, given, seed, artefact):
    found = pairs.audit_pair(tmp_path, **given)
    assert [(call["seed"], call["artefact"]) for call in trained] == [(seed, artefact or pairs.SHIPPED_ARTEFACT)]
    assert (found.seed, found.planted) == (seed, "record of planted.yaml")


def test_a_smaller_training_is_evaluated_on_fewer_images(trained, audited, tmp_path):
    pairs.audit_pair(tmp_path, seed=1, n_train=50, reports=False)
    assert trained[0]["n_train"] == 50
    assert trained[0]["n_evaluated"] == pairs.N_EVALUATED_SMALL
    assert {call["reports"] for call in audited} == {False}


def test_a_trained_pair_is_used_again_but_for_no_other_training(trained, audited, tmp_path):
    for given in ({"seed": 3}, {"seed": 3}, {"seed": 4}, {"seed": 4, "n_train": 50}, {"seed": 4, "artefact": "ink"}):
        pairs.audit_pair(tmp_path, **given)
    assert [(call["seed"], call["artefact"], call.get("n_train")) for call in trained] == [
        (3, "ruler", None),
        (4, "ruler", None),
        (4, "ruler", 50),
        (4, "ink", None),
    ]


def test_both_processes_import_what_is_heavy_at_the_same_time():
    code = "import sys, auditlens.qualify.pairs; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
