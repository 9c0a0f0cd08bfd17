"""The interval of set similarity, and the pairs of layers."""

from dataclasses import replace

import numpy as np
import pytest

from auditlens.examine.similarity import set_similarity
from auditlens.findings.similarity import layer_similarities, similarity_estimate
from auditlens.stages.evidence import Evidence, Predictions


def test_the_interval_surrounds_the_value_and_narrows_with_components():
    rng = np.random.default_rng(0)
    target = rng.normal(size=(30, 6))
    few, many = rng.normal(size=(10, 6)), rng.normal(size=(200, 6))
    narrow, wide = (similarity_estimate(rows, target, n_draws=2000) for rows in (many, few))
    for rows, found in ((many, narrow), (few, wide)):
        assert found.value == pytest.approx(set_similarity(rows, target))
        assert found.low < found.value < found.high
    assert narrow.high - narrow.low < wide.high - wide.low
    assert "over components" in narrow.method
    assert wide.note == "few components"


def test_nothing_to_compare_is_no_value():
    found = similarity_estimate(np.full((2, 3), np.nan), np.ones((2, 3)))
    assert (found.value, found.note) == (None, "no components to compare")


def test_every_ordered_pair_of_layers_is_compared_by_its_crops(world):
    early, late = world.examples([[0, 1], [2, 3], [4, 5]]), world.examples([[0, 1], [6, 7]])
    bare = world.examples([[0, 1]])
    components = {"early": early, "late": late, "bare": replace(bare, embeddings=np.empty((1, 2, 0)))}
    none = Predictions(np.empty((0, 2)), np.empty((0, 2)))
    evidence = Evidence(world.samples, none, {}, {}, components, world.space, {}, ())
    found = layer_similarities(evidence, n_draws=1000, seed=0)
    assert [(row.source, row.target, row.n_source, row.n_target) for row in found] == [
        ("early", "late", 3, 2),
        ("late", "early", 2, 3),
    ]
    theta = {name: components[name].embeddings.mean(axis=1) for name in ("early", "late")}
    assert found[0].similarity.value == pytest.approx(set_similarity(theta["early"], theta["late"]))
