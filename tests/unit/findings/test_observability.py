from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from auditlens.findings.alignment import alignments
from auditlens.findings.controls import controls
from auditlens.findings.observability import concept_findings, image_scores, observe, seen_columns
from auditlens.semantics.columns import column_probe
from auditlens.spec.model import AuditSpec
from auditlens.stages.states import ConceptState
from tests.unit.findings.conftest import make_world

PLAN = SimpleNamespace(audited_classes=("bad",), foundation=None, model=SimpleNamespace(classes=("good", "bad")))


def spec_of(**concepts):
    return AuditSpec.model_validate(
        {
            "auditlens": 1,
            "audit": {"id": "A"},
            "model": {"architecture": "timm:x", "classes": ("good", "bad")},
            "data": {"folder": "x"},
            "concepts": concepts,
            "classes": {"bad": {"spurious": tuple(concepts)}},
        }
    )


def by_column(world, name, kind="cav", seed=0):
    """The world with the concept's probe made from its column alone."""
    probe, why = column_probe(name, world.space.image_embeddings, world.samples, name, kind, seed)
    assert why == ""
    return replace(world.space, probes={**world.space.probes, name: probe})


def judged(world, space, **concepts):
    found = concept_findings(spec_of(**concepts), PLAN, world.samples, space)
    return {row.concept: row for row in found}


@pytest.mark.parametrize("kind", ["mean", "cav"])
def test_a_concept_given_by_a_column_alone_is_seen_out_of_fold_and_labels_components(kind):
    world = make_world({"ruler": 0.4, "ink": 0.1})
    space = by_column(world, "ruler", kind)
    spec = spec_of(ruler={"column": "ruler", "probe": kind}, ink={"texts": ("ink",), "column": "ink"})
    found = {row.concept: row for row in concept_findings(spec, PLAN, world.samples, space)}
    assert found["ruler"].state is ConceptState.OBSERVABLE
    assert (found["ruler"].source, found["ruler"].probe) == ("column", kind)
    columns = seen_columns(spec, world.samples, found, space)
    rows = [np.flatnonzero(world.flags["ruler"])[:20], np.flatnonzero(~world.flags["ruler"])[:20]]
    table = alignments(world.examples(rows), space, world.samples, columns, seed=1, threshold=3.0)
    column = table.concepts.index("ruler")
    assert table.eligible_z()[0, column] > 3
    assert np.isneginf(table.eligible_z()[1, column])


def test_a_random_column_is_not_observable_although_its_own_images_fit_it():
    world = make_world({"ruler": 0.04}, n=600)
    flags = (np.random.default_rng(1).random(600) < 0.04).astype(float)
    samples = replace(world.samples, columns={"ruler": flags})
    world.samples = samples
    space = by_column(world, "ruler")
    own = space.probes["ruler"].scores(space.image_embeddings, space.null)
    assert np.mean(own[flags == 1][:, None] > own[flags == 0][None]) > 0.65
    assert judged(world, space, ruler={"column": "ruler"})["ruler"].state is not ConceptState.OBSERVABLE
    assert image_scores(space.probes["ruler"], space) is space.probes["ruler"].out_of_fold


def test_a_value_of_a_text_column_is_its_own_flag():
    world = make_world({"ruler": 0.4})
    flags = world.samples.columns["ruler"]
    world.samples = replace(world.samples, columns={"site=B": flags})
    probe, _ = column_probe("b", world.space.image_embeddings, world.samples, "site=B", "cav", 0)
    space = replace(world.space, probes={"b": probe})
    found = judged(world, space, b={"column": "site", "value": "B"})["b"]
    assert found.state is ConceptState.OBSERVABLE
    assert found.prevalence["bad"].value == pytest.approx(flags[world.samples.labels == 1].mean())


def test_a_column_within_which_is_measured_is_contrasted_in_the_strata_without_it():
    world = make_world({"ruler": 0.4})
    flags = world.samples.columns["ruler"]
    strata = (2 * flags + world.samples.labels).astype(int)
    shut = replace(world.samples, strata=strata)
    open_ = replace(shut, strata_of={"ruler": world.samples.labels})
    concept = spec_of(ruler={"texts": ("ruler",), "column": "ruler"}).concepts["ruler"]
    values = [
        observe("ruler", concept, samples, world.space, confidence=0.95, sided="one")[0].value
        for samples in (shut, open_)
    ]
    assert values[0] is None
    assert values[1] > 0.8


def test_a_concept_without_a_probe_says_why(world):
    probes = {name: probe for name, probe in world.space.probes.items() if name != "ink"}
    space = replace(world.space, probes=probes, without_probe={"ink": "dino reads no text"})
    found = judged(world, space, ink={"texts": ("ink",)})["ink"]
    assert (found.state, found.reason) == (ConceptState.UNVERIFIED, "dino reads no text")
    assert "example images" in found.would_verify


def test_images_whose_fold_had_no_probe_are_left_out_of_the_measurement(world):
    space = by_column(world, "ruler")
    probe = space.probes["ruler"]
    scores = probe.out_of_fold.copy()
    scores[:100] = np.nan
    holed = replace(space, probes={"ruler": replace(probe, out_of_fold=scores)})
    concept = spec_of(ruler={"column": "ruler"}).concepts["ruler"]
    estimate, _ = observe("ruler", concept, world.samples, holed, confidence=0.95, sided="one")
    assert estimate.n == 500


def test_without_unrelated_words_there_is_no_control_of_them(world):
    silent = replace(world.space, unrelated={})
    examples = world.examples([np.arange(20)])
    table = alignments(examples, silent, world.samples, {}, seed=1, threshold=3.0, n_resampled=0)
    plan = SimpleNamespace(model=SimpleNamespace(reference_gap=None, n_references=0, released=None))
    names = [control.name for control in controls(plan, {"layer": table}, ())]
    assert "random image sets, layer" in names
    assert not any("unrelated" in name for name in names)


def test_an_interval_that_labels_leave_too_wide_asks_for_more_of_them():
    """It is the rarer side that decides; another source is not what is missing."""
    world = make_world({"ruler": 0.02}, n=200, noise=1.5)
    found = judged(world, world.space, ruler={"texts": ("ruler",), "column": "ruler"})["ruler"]
    assert found.state is ConceptState.UNVERIFIED
    assert "crosses" in found.reason
    flagged = world.samples.columns["ruler"] == 1
    n_with, n_without = (len(set(world.samples.units[side])) for side in (flagged, ~flagged))
    assert f"now {n_with} units with it and {n_without} without" in found.would_verify
    assert "column" not in found.would_verify


def test_another_concept_moves_no_interval_of_a_concept():
    """Each concept is decided at its own level: with more of them none is harder to verify."""
    world = make_world({"ruler": 0.1, "ink": 0.1, "hair": 0.3}, n=200)
    every = {name: {"texts": (name,), "column": name} for name in ("ruler", "ink", "hair")}
    alone = judged(world, world.space, ruler=every["ruler"])["ruler"]
    assert judged(world, world.space, **every)["ruler"].auroc == alone.auroc
