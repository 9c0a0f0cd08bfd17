"""The planted ruler's spurious components pruned: they are silent, they are named, and the audit runs again."""

import pytest
import torch

import auditlens as al
from auditlens.data.index import read_index
from auditlens.examine.audited import input_batches
from auditlens.spec.load import load_spec
from auditlens.stages.states import ComponentState
from auditlens.store import Store
from auditlens.subject import activations, load_subject
from tests.planted.conftest import write_small_spec

LIGHT = {
    "data": {"generate": {"arguments": {"n": 120}}},
    "examine": {"n_examples": 16, "max_components": 24, "ablation_images": 0},
    "challenge": {"max_images_per_class": 40, "n_draws": 1000, "response_images": 0, "erased_images": 0},
}


@pytest.fixture(scope="module")
def pruning(store, tmp_path_factory):
    """Enough components are cropped for some to be spurious: the small audits of the other tests crop six."""
    folder = tmp_path_factory.mktemp("pruned")
    spec = write_small_spec(folder, "planted", **LIGHT)
    al.audit(spec, out=folder / "run", store=store, threads=1, reports=False, device="cpu")
    return al.prune(folder / "run", spurious="melanoma", store=store, reports=False, device="cpu")


def test_what_the_record_calls_spurious_is_silenced_by_its_weights(pruning):
    spurious = {
        row.id for row in pruning.before.findings.components
        if (row.class_name, row.state) == ("melanoma", ComponentState.SPURIOUS)
    }  # fmt: skip
    assert {row.id for row in pruning.pruned.components} == spurious != set()
    assert all(row.by == "weights" for row in pruning.pruned.components)
    assert pruning.pruned.gap <= 1e-5
    assert pruning.pruned.file_gap <= 1e-5
    assert pruning.pruned.moved > 0.1


def test_they_put_out_zero_on_the_data_and_the_others_do_not(pruning, store):
    loaded = load_spec(pruning.spec)
    subject = load_subject(loaded.spec.model.model_copy(update={"silenced": ()}), loaded.base)
    index = read_index(loaded.spec.data, loaded.base, subject.classes, Store(store))
    (layer,) = subject.layers
    _, inputs = next(input_batches(subject, index, torch.arange(32).numpy(), 32))
    output = activations(subject, (layer.name,), inputs)[layer.name]
    silent = [row.index for row in pruning.pruned.components]
    assert not output[:, silent].any()
    assert output.any()


def test_the_new_record_names_them_and_examines_others(pruning):
    ids = {row.id for row in pruning.pruned.components}
    model, findings = pruning.after.plan.model, pruning.after.findings
    assert set(model.silenced) == ids
    assert model.weights_sha256 == pruning.pruned.weights_sha256 != pruning.before.plan.model.weights_sha256
    assert findings.components and not ids & {row.id for row in findings.components}
    assert not any(row.value is None for share in findings.classes for row in share.share_by_state.values())
    assert {gate.gate.id for gate in pruning.after.verdict.gates} == {
        gate.gate.id for gate in pruning.before.verdict.gates
    }


def test_without_what_responds_to_rulers_a_ruler_does_less(runs, store, tmp_path):
    """The labelled components that respond carry more than half of the effect; without them it must fall (4.3.3)."""
    record, folder, _ = runs["planted"]
    (response,) = [row for row in record.findings.responses if row.artefact == "ruler"]
    ids = [row.id for row in response.components if row.kind == "responds"]
    made = al.prune(folder, components=ids, out=tmp_path / "model", store=store, reports=False, device="cpu")
    before, after = margin_effect(made.before), margin_effect(made.after)
    assert 0 < after < 0.7 * before


def margin_effect(record):
    finding = next(row for row in record.findings.artefacts if row.artefact == "ruler")
    return next(row.beyond.value for row in finding.effects if row.scale == "margin" and row.true_class is None)
