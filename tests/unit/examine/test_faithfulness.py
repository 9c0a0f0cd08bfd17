"""Faithfulness of labels against its definition, one component and label at a time."""

import numpy as np
import pytest

from auditlens.examine.faithfulness import faithfulness, label_means, label_members
from auditlens.stages.evidence import Samples


@pytest.fixture
def samples():
    labels = np.array([0, 0, 1, 1, 1, 1])
    columns = {
        "ruler": np.array([1.0, 0.0, np.nan, 1.0, 0.0, 0.0]),
        "age": np.array([30.0, 40.0, 50.0, 60.0, 70.0, 80.0]),
        "never": np.zeros(6),
    }
    return Samples(tuple("abcdef"), labels, np.arange(6), columns, labels)


def test_labels_are_classes_with_images_and_columns_with_flags(samples):
    names, members = label_members(samples, ("benign", "melanoma", "naevus"))
    assert names == ("benign", "melanoma", "ruler")
    assert members.T.tolist() == [[1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 1, 1], [1, 0, 0, 1, 0, 0]]


def test_phi_is_the_paper_s(samples):
    rng = np.random.default_rng(0)
    activations = rng.normal(size=(6, 4))
    names, members = label_members(samples, ("benign", "melanoma"))
    found = faithfulness(label_means(members.T @ activations, members, names))
    for component in range(4):
        mean = {
            name: np.mean([activations[image, component] for image in range(6) if members[image, place]])
            for place, name in enumerate(names)
        }
        low, high = min(mean.values()), max(mean.values())
        for name in names:
            assert found[name][component] == pytest.approx((mean[name] - low) / (high - low))


def test_the_strongest_label_has_one_and_the_weakest_zero():
    found = faithfulness({"a": np.array([1.0, -5.0]), "b": np.array([3.0, -6.0]), "c": np.array([2.0, -5.5])})
    assert [found[name].tolist() for name in "abc"] == [[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]]


def test_where_labels_do_not_differ_there_is_no_score():
    found = faithfulness({"a": np.array([1.0]), "b": np.array([1.0])})
    assert np.isnan(found["a"]).all()
    assert np.isnan(faithfulness({"a": np.array([1.0])})["a"]).all()
    assert faithfulness({}) == {}
