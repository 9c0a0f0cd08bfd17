"""Randomised weights must lose the planted concept's labels, its relevance and its effect; shuffled labels all labels.

What is not lost, and not claimed: random filters respond to what is plainly visible, so a random network too has
components that see hair or dark corners, and shares of its relevance, small as that is, lie on them. A gate on such
shares may fail for it; it never holds, since the operating point is demanded first.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy import stats

from auditlens import api, testbed
from auditlens.findings.alignment import alignments
from auditlens.stages.states import ComponentState, ConceptState, GateState
from auditlens.testbed.models import small_cnn
from tests.planted.conftest import write_small_spec
from tests.unit.findings.conftest import make_world

PLANTED = Path(testbed.__file__).parent / "weights" / "ruler_planted.safetensors"
CHANCE = 0.001
"""Of each statement, where the network or the labels were random."""


def moved_about(seed):
    """The trained values, each tensor's in random places: the same scales, nothing learnt."""
    generator = torch.Generator().manual_seed(seed)

    def shuffle(values):
        return values.flatten()[torch.randperm(values.numel(), generator=generator)].reshape(values.shape).contiguous()

    return {name: shuffle(values) if values.ndim else values for name, values in load_file(PLANTED).items()}


def never_trained(seed):
    """As the factory initialises it."""
    torch.manual_seed(seed)
    return {name: values.contiguous() for name, values in small_cnn().state_dict().items()}


RANDOM = {f"{make.__name__} {seed}": (make, seed) for make in (moved_about, never_trained) for seed in (0, 1)}


def audited(folder, store, **changes):
    folder.mkdir()
    spec = write_small_spec(folder, "planted", **changes)
    return api.audit(spec, out=folder / "run", store=store, threads=1, reports=False, allow_modules=["tests.planted"])


@pytest.fixture(scope="module")
def randomised(tmp_path_factory, store):
    """Records of audits that differ from the planted model's in the weights alone."""
    folder, found = tmp_path_factory.mktemp("randomised"), {}
    for number, (name, (make, seed)) in enumerate(RANDOM.items()):
        weights = folder / f"{number}.safetensors"
        save_file(make(seed), weights)
        model = {"weights": str(weights), "reference_predictions": []}
        found[name] = audited(folder / str(number), store, model=model)
    return found


@pytest.fixture(scope="module")
def shuffled(tmp_path_factory, store):
    """The planted model, with the images' concept columns shuffled."""
    generate = {"factory": "tests.planted.shuffled:write_shuffled", "arguments": {"n": 160, "seed": 7, "shuffle": 0}}
    folder = tmp_path_factory.mktemp("shuffled")
    return audited(folder / "run", store, data={"generate": generate}, model={"reference_predictions": []})


def effect_of_the_ruler(record):
    return next(row for row in record.findings.artefacts if row.artefact == "ruler").effects[0].beyond


@pytest.mark.long
def test_the_planted_concept_labels_more_components_than_chance_leaves_in_a_random_network(runs, randomised):
    """Fisher's exact test of the two counts of components."""
    planted = runs["planted"][0].findings.classes[0]
    n, labelled = planted.n_components, planted.components_by_concept["ruler"]
    for name, record in randomised.items():
        there = record.findings.classes[0].components_by_concept.get("ruler", 0)
        counts = [[labelled, n - labelled], [there, n - there]]
        assert stats.fisher_exact(counts, alternative="greater").pvalue < CHANCE, (name, there)


@pytest.mark.long
def test_the_relevance_on_the_planted_concept_is_lost(runs, randomised):
    """The intervals over patients do not meet."""
    planted = runs["planted"][0].findings.classes[0].share_by_concept["ruler"]
    for name, record in randomised.items():
        share = record.findings.classes[0].share_by_concept.get("ruler")
        assert share is None or share.high < planted.low, name


@pytest.mark.long
def test_the_effect_of_the_artefact_is_lost(runs, randomised):
    planted = effect_of_the_ruler(runs["planted"][0])
    for name, record in randomised.items():
        effect = effect_of_the_ruler(record)
        assert max(abs(effect.low), abs(effect.high)) < planted.low, name


@pytest.mark.long
def test_nothing_holds_and_no_artefact_is_judged_where_a_network_cannot_tell_the_classes(randomised):
    for name, record in randomised.items():
        gates = {result.gate.id: result.state for result in record.verdict.gates}
        assert GateState.FAILS in (gates["detects"], gates["spares"]), name
        judged = [gate for gate, state in gates.items() if "[" in gate and state is not GateState.NOT_EVALUATED]
        assert not judged, name
        assert gates["inside"] is not GateState.HOLDS, name


@pytest.mark.long
def test_shuffled_columns_lose_every_label_that_counts_and_leave_the_behaviour(shuffled):
    """A column without a link shows nothing to be seen, and what is not shown to be seen labels nothing that counts."""
    flagged = [row for row in shuffled.findings.concepts if row.concept in ("ruler", "hair", "red_skin", "dark_corner")]
    assert len(flagged) == 4 and not any(row.state is ConceptState.OBSERVABLE for row in flagged)
    counted = (ComponentState.VALID, ComponentState.SPURIOUS, ComponentState.BOTH)
    assert not set(shuffled.findings.classes[0].share_by_state) & set(counted)
    gates = {result.gate.id: result.state for result in shuffled.verdict.gates}
    assert gates["inside"] is GateState.NOT_EVALUATED
    assert gates["false_alarm[ruler]"] is GateState.FAILS


def test_shuffled_flags_veto_all_labels_but_those_that_chance_lets_through():
    """Of components that a concept labels, flags in random places let through what the binomial of the veto does."""
    m, n_components, world = 20, 30, make_world({"ruler": 0.5}, n=2400)
    rows = np.flatnonzero(world.flags["ruler"])[: m * n_components].reshape(n_components, m)
    flags = world.flags["ruler"].astype(float)
    labelled = {}
    for name, column in (("true", flags), ("shuffled", np.random.default_rng(0).permutation(flags))):
        world.samples.columns["ruler"] = column
        table = alignments(
            world.examples(rows), world.space, world.samples, {"ruler": "ruler"}, seed=1, threshold=3.0, n_resampled=0
        )
        labelled[name] = int((table.family_z(["ruler"]) > 3).sum())
    base = flags.mean()
    through = stats.binom.sf(np.ceil(m * (base + np.sqrt(base * (1 - base) / m))) - 1, m, base)
    most_by_chance = stats.binom.isf(CHANCE, n_components, through)
    assert labelled["shuffled"] <= most_by_chance < labelled["true"]
