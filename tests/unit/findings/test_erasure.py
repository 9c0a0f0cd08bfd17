"""What is left of a class once the lesion is gone."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from auditlens.findings.erasure import NO_MASK, erased_auroc, erasure_findings
from auditlens.findings.gates import METRICS
from auditlens.stages.erasure import Erasures
from auditlens.stages.evidence import Evidence, Predictions, Samples

CLASSES = ("benign", "melanoma")
PLAN = SimpleNamespace(audited_classes=("melanoma",), model=SimpleNamespace(classes=CLASSES))


def two(p):
    return np.stack([1 - p, p], axis=1)


def evidence_of(n=200, left=0.0, rows=None, seed=0):
    """Clean scores that tell the class; erased ones that keep a share `left` of it."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    clean = 1 / (1 + np.exp(-(2.5 * (labels - 0.5) + rng.normal(size=n))))
    rows = np.arange(n) if rows is None else rows
    after = 1 / (1 + np.exp(-(left * 2.5 * (labels[rows] - 0.5) + rng.normal(size=len(rows)))))
    erased = Erasures(rows, two(after), np.full(len(rows), 0.2), 3, 1)
    samples = Samples(tuple(map(str, range(n))), labels, np.arange(n), {}, labels)
    return Evidence(samples, Predictions(np.log(two(clean)), two(clean)), {}, {}, {}, None, {}, (), erasures=erased)


def brute_force(scores, labels):
    return (
        stats.mannwhitneyu(scores[labels == 1], scores[labels == 0]).statistic
        / (labels == 1).sum()
        / (labels == 0).sum()
    )


def test_the_auroc_is_that_of_the_erased_images():
    evidence = evidence_of(rows=np.arange(20, 180))
    found = erased_auroc(evidence, evidence.erasures, 1)
    assert found.value == pytest.approx(
        brute_force(evidence.erasures.probabilities[:, 1], evidence.samples.labels[20:180])
    )
    assert found.low < 0.5 < found.high
    assert found.n == 160


def test_the_drop_is_paired_on_the_same_images():
    evidence = evidence_of(rows=np.arange(20, 180))
    (found,) = erasure_findings(PLAN, evidence)
    labels, clean = evidence.samples.labels[20:180], evidence.predictions.probabilities[20:180, 1]
    assert found.clean.value == pytest.approx(brute_force(clean, labels))
    assert found.drop.value == pytest.approx(found.clean.value - found.erased.value)
    assert found.drop.low > 0.2
    assert (found.n_images, found.n_without_mask, found.n_unfit, found.area) == (160, 3, 1, 0.2)


def test_a_model_that_never_needed_the_lesion_stays_where_it_was():
    (found,) = erasure_findings(PLAN, evidence_of(left=1.0))
    assert found.erased.low > 0.8
    assert found.drop.low < 0 < found.drop.high


def gate(**fields):
    return SimpleNamespace(
        **{"metric": "lesion_erased_auroc", "class_name": "melanoma", "confidence": 0.95, "within": {}} | fields
    )


def test_a_gate_reads_it_at_its_own_confidence_on_one_side():
    evidence = evidence_of()
    inputs = SimpleNamespace(evidence=evidence, point=SimpleNamespace(classes=CLASSES))
    narrow, wide = (METRICS["lesion_erased_auroc"](gate(confidence=c), inputs) for c in (0.9, 0.99))
    assert narrow.sided == wide.sided == "one"
    assert narrow.value == wide.value
    assert narrow.high < wide.high


@pytest.mark.parametrize("rows", [None, np.arange(0)])
def test_without_masks_a_gate_is_not_evaluated(rows):
    evidence = evidence_of(rows=rows)
    if rows is None:
        evidence = Evidence(evidence.samples, evidence.predictions, {}, {}, {}, None, {}, ())
    inputs = SimpleNamespace(evidence=evidence, point=SimpleNamespace(classes=CLASSES))
    found = METRICS["lesion_erased_auroc"](gate(), inputs)
    assert found.value is None
    assert found.note == NO_MASK
    assert erasure_findings(PLAN, evidence) == ()


def test_images_of_one_class_alone_cannot_say():
    evidence = evidence_of(rows=np.arange(0, 200, 2))
    (found,) = erasure_findings(PLAN, evidence)
    assert found.erased.value is None
    assert found.erased.note
