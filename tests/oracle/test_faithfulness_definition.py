"""Faithfulness of labels (paper, D.4) from the images on: a plain pass over single images against a pass in shards."""

import numpy as np
import pytest

from auditlens.examine.collect import collect_shard, merge
from auditlens.examine.faithfulness import faithfulness, label_means
from tests.oracle.networks import load, pixels_of, write_images
from tests.oracle.test_concept_examples import pooled_by_loops

NAMES = ("melanoma", "naevus", "ruler")


@pytest.mark.parametrize(("layer", "pooling"), [("relu2", "mean"), ("conv2", "max")])
def test_phi_is_that_of_the_definition(tmp_path, layer, pooling):
    subject, index = load("two_convolutions", [layer]), write_images(tmp_path, 9)
    members = (np.random.default_rng(0).random((9, 3)) < 0.5).astype(float)
    parts = [np.array([8, 0, 3]), np.array([1, 2, 4, 5]), np.array([6, 7])]
    first, second, third = (
        collect_shard(subject, index, rows, [layer], 2, pooling, batch_size=2, members=members) for rows in parts
    )
    sums = merge(third, merge(first, second)).sums[layer]
    found = faithfulness(label_means(sums, members, NAMES))

    activations = pooled_by_loops(subject, pixels_of(index), layer, pooling)
    for component in range(subject.layer(layer).n_components):
        means = []
        for label in range(3):
            carrying = [activations[row][component] for row in range(9) if members[row, label]]
            means.append(sum(carrying) / len(carrying))
        for label, name in enumerate(NAMES):
            expected = (means[label] - min(means)) / (max(means) - min(means))
            assert found[name][component] == pytest.approx(expected, abs=1e-5)
