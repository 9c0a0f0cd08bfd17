"""Clarity and redundancy against semanticlens 0.2.1, where that is right: each of them as a number."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from auditlens.examine import interpretability as room

FOUND = importlib.util.find_spec("semanticlens")
pytestmark = pytest.mark.skipif(FOUND is None, reason="semanticlens is not installed; `pip install -e .[oracles]`")


@pytest.fixture(scope="module")
def scores():
    """Its scores alone: the package itself imports transformers, which takes seconds."""
    path = Path(FOUND.origin).with_name("scores.py")
    spec = importlib.util.spec_from_file_location("semanticlens_scores", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("shape", [(9, 20, 16), (4, 2, 5), (16, 7, 16)])
def test_clarity(scores, shape):
    examples = np.random.default_rng(0).normal(size=shape) + 0.7
    expected = scores.clarity_score(torch.from_numpy(examples)).numpy()
    np.testing.assert_allclose(room.clarity(examples), expected, atol=1e-10)


@pytest.mark.parametrize("shape", [(9, 16), (16, 16), (2, 3)])
def test_redundancy(scores, shape):
    thetas = np.random.default_rng(1).normal(size=shape) + 0.3
    assert room.redundancy(thetas) == pytest.approx(float(scores.redundancy_score(torch.from_numpy(thetas))), abs=1e-10)


def test_polysemanticity_where_both_clusters_have_two_examples_or_more(scores):
    """Separable clusters; with fewer than two examples in one, semanticlens computes something else on purpose."""
    rng = np.random.default_rng(2)
    centres = 5 * rng.normal(size=(6, 2, 8))
    examples = np.concatenate(
        [centres[:, side, None] + 0.2 * rng.normal(size=(6, n, 8)) for side, n in ((0, 5), (1, 9))], axis=1
    )
    expected = scores.polysemanticity_score(torch.from_numpy(examples)).numpy()
    np.testing.assert_allclose(room.polysemanticity(examples), expected, atol=1e-3)


def test_similarity_of_two_sets(scores):
    """Where the number of components differs from the width; where it does not, theirs is transposed."""
    thetas = np.random.default_rng(3).normal(size=(5, 8))
    expected = scores.similarity_score(torch.from_numpy(thetas), torch.from_numpy(thetas[:4])).numpy()
    np.testing.assert_allclose(room.similarity_matrix(thetas)[:, :4], expected, atol=1e-12)
