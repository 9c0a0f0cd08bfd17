import numpy as np
import pytest

from auditlens.findings.decision import OperatingPoint
from auditlens.findings.performance import clean_metric, performance
from auditlens.stages.evidence import Predictions, Samples

CLASSES = ("cyst", "tumour", "scar")
LABELS = np.array([0, 0, 1, 1, 2, 2])
PROBABILITIES = np.array(
    [[0.9, 0.8, 0.1], [0.4, 0.1, 0.1], [0.9, 0.7, 0.1], [0.1, 0.2, 0.1], [0.1, 0.3, 0.9], [0.6, 0.1, 0.6]]
)


def described(output, threshold=0.6):
    samples = Samples(tuple("abcdef"), LABELS, np.arange(6), {}, LABELS)
    point = OperatingPoint(1, threshold, CLASSES, output)
    return samples, Predictions(np.log(PROBABILITIES), PROBABILITIES), point


def test_with_several_labels_accuracy_is_the_decision_class_against_the_rest():
    found = performance(*described("multi_label"))
    assert found.accuracy.value == pytest.approx(4 / 6)  # one cyst is called a tumour, one tumour is missed
    assert found.confusion == {"tumour": {"tumour": 1, "other": 1}, "other": {"tumour": 1, "other": 3}}
    assert found.sensitivity.value == 0.5
    assert found.specificity.value == 0.75


def test_with_several_labels_another_class_is_called_at_even_odds():
    samples, predictions, point = described("multi_label")
    assert clean_metric("sensitivity", samples, predictions, point, 0).value == 0.5
    assert clean_metric("specificity", samples, predictions, point, 0).value == 0.5  # a tumour and a scar are called
    assert clean_metric("specificity", samples, predictions, point, 2).value == 1.0


def test_with_one_label_accuracy_is_over_all_classes():
    found = performance(*described("logits"))
    assert found.accuracy.value == pytest.approx(3 / 6)  # right: one cyst, one tumour, one scar
    assert found.confusion["scar"] == {"cyst": 1, "tumour": 0, "scar": 1}
    assert found.decision == "tumour at P >= 0.6"
