"""The clean pass in a store that several specs share: each reads its own label sums, and scores are run once."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from auditlens.gather.behaviour import eager_pass
from auditlens.gather.released import outside_alone
from auditlens.store import Store


@pytest.fixture
def with_sites(project):
    """The project's pictures in a manifest with a column of text."""
    rows = [(f"images/{label}/{n:02d}.png", label, "ABC"[n % 3]) for label in ("benign", "melanoma") for n in range(15)]
    with (project.folder / "test.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "label", "site"), *rows])

    def naming(*values):
        concepts = {f"site_{value}": {"texts": ["x"], "column": "site", "value": value} for value in values}
        document = {"data": None, "concepts": None, "foundation": {"model": "ViT-B-32"}}
        project.change(document)
        project.change({"data": {"manifest": "test.csv"}, "concepts": concepts or None})

    return naming


@pytest.mark.parametrize("values", [("A",), ("C", "B"), ("B", "C"), ()])
def test_specs_with_other_flags_read_their_own_label_sums(tmp_path, with_sites, make_context, values):
    with_sites("A", "B")
    shared = make_context(store=Store(tmp_path / "shared"))
    eager_pass(shared)
    with_sites(*values)
    context = make_context()
    assert context.index.digest == shared.index.digest
    _, fresh = eager_pass(replace(context, store=Store(tmp_path / "fresh")))
    _, found = eager_pass(replace(context, store=shared.store))
    expected = fresh["1"].label_means
    assert list(found["1"].label_means) == list(expected) == ["benign", "melanoma", *(f"site={v}" for v in values)]
    for label, means in expected.items():
        assert np.array_equal(found["1"].label_means[label], means)


def test_the_scores_of_the_whole_run_serve_one_that_reads_no_inside(tmp_path, make_context):
    context = make_context(store=Store(tmp_path / "shared"))
    whole, _ = eager_pass(context)
    computed = context.store.misses
    scores, examples = eager_pass(outside_alone(context))
    assert context.store.misses == computed
    assert examples == {}
    cold, _ = eager_pass(outside_alone(make_context(store=Store(tmp_path / "cold"))))
    assert np.array_equal(scores.logits, cold.logits)
    assert np.array_equal(scores.logits, whole.logits)
