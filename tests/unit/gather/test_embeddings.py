"""The embeddings that a run keeps: written, read back, and compared between two runs without their models."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from auditlens.errors import InputError
from auditlens.examine.similarity import set_similarity
from auditlens.gather.embeddings import FILE, embeddings_bytes, keep_embeddings, read_embeddings, runs_similarity
from auditlens.spec.model import Examine
from auditlens.stages.evidence import ComponentExamples, Evidence, LayerExamples, Samples, SemanticSpace
from auditlens.store.run_folder import RunFolder

EXAMINE = Examine(n_examples=3)
MODEL = SimpleNamespace(component_id=lambda layer, index: f"{layer}:{index}")


def evidence(seed, n_images=12, n_components=5, dim=4):
    rng = np.random.default_rng(seed)
    images = rng.normal(size=(n_images, dim))
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    tops = np.argsort(rng.random((n_components, n_images)), axis=1)[:, :9]
    chosen = np.array([1, 3])
    rows = tops[chosen][:, :3]
    crops = ComponentExamples("late", chosen, rows, np.zeros((2, 3, 4), int), images[rows] * 0.9, images, tops[0])
    labels = np.zeros(n_images, int)
    samples = Samples(tuple(map(str, range(n_images))), labels, labels, {}, labels)
    space = SemanticSpace(images, {}, images[0], {}, {})
    examples = {"late": LayerExamples("late", tops, np.ones(tops.shape))}
    return Evidence(samples, None, examples, {}, {"late": crops}, space, {}, ())


def record(foundation="f" * 64, data="d" * 64, name="A-1"):
    plan = SimpleNamespace(
        foundation=SimpleNamespace(sha256=foundation) if foundation else None,
        data=SimpleNamespace(sha256=data),
        model=SimpleNamespace(layers=("early", "late")),
        seed=0,
    )
    return SimpleNamespace(plan=plan, spec={"audit": {"id": name}})


def keep(folder, found):
    keep_embeddings(RunFolder(folder), found, MODEL, EXAMINE)
    return folder


def test_thetas_come_back_by_crops_and_by_whole_images(tmp_path):
    found = evidence(0)
    run = keep(tmp_path / "run", found)
    crops = found.components["late"].embeddings.mean(axis=1)
    np.testing.assert_allclose(read_embeddings(run, "late", "crops"), crops, atol=1e-7)
    images, tops = found.space.image_embeddings, found.examples["late"].image_indices
    whole = np.stack([images[rows[:3]].mean(axis=0) for rows in tops])
    np.testing.assert_allclose(read_embeddings(run, "late", "whole images"), whole, atol=1e-7)


def test_equal_evidence_gives_equal_bytes_and_none_gives_no_file(tmp_path):
    assert embeddings_bytes(evidence(1), MODEL, EXAMINE) == embeddings_bytes(evidence(1), MODEL, EXAMINE)
    bare = evidence(1).components["late"]
    nothing = replace(evidence(1), components={"late": replace(bare, embeddings=np.empty((2, 3, 0)))}, space=None)
    keep(tmp_path / "run", nothing)
    assert not (tmp_path / "run" / FILE).exists()
    with pytest.raises(InputError, match="keeps no embeddings"):
        read_embeddings(tmp_path / "run", "late", "crops")


def test_two_runs_are_compared_by_their_folders_alone(tmp_path):
    first, second = keep(tmp_path / "a", evidence(0)), keep(tmp_path / "b", evidence(5))
    found = runs_similarity((first, record()), (second, record(name="B-2")), (None, None), "whole images")
    thetas = [read_embeddings(run, "late", "whole images") for run in (first, second)]
    assert found.similarity.value == pytest.approx(set_similarity(*thetas))
    assert (found.source, found.target, found.n_source, found.n_target) == ("A-1 late", "B-2 late", 5, 5)
    assert "different images" not in found.similarity.note
    other = runs_similarity((first, record()), (second, record(data="e" * 64)), (None, "late"), "crops")
    assert "the two runs saw different images" in other.similarity.note


def test_a_run_without_an_inside_is_not_compared(tmp_path):
    run = keep(tmp_path / "run", evidence(0))
    alone = record()
    alone.plan.model.layers = ()
    with pytest.raises(InputError, match="has no inside to compare"):
        runs_similarity((run, record()), (run, alone), (None, None), "crops")


@pytest.mark.parametrize(("foundation", "said"), [("0" * 64, "different foundation models"), (None, "both runs need")])
def test_two_spaces_are_not_compared(tmp_path, foundation, said):
    run = keep(tmp_path / "a", evidence(0))
    with pytest.raises(InputError, match=said):
        runs_similarity((run, record()), (run, record(foundation)), (None, None), "crops")


@pytest.mark.parametrize(
    ("layer", "by", "said"),
    [("nowhere", "crops", "it has late"), ("late", "pixels", "valid are crops and whole")],
)
def test_what_is_not_there_is_named(tmp_path, layer, by, said):
    run = keep(tmp_path / "a", evidence(0))
    with pytest.raises(InputError, match=said):
        read_embeddings(run, layer, by)
