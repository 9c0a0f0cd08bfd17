import numpy as np
import pytest

from auditlens.findings.statistics.clusters import (
    clusters_of,
    effective_units,
    scope_note,
    spread_of_sum,
    tail_of,
)


def test_labels_of_any_sortable_type_are_coded():
    clusters = clusters_of(np.array(["b", "a", "b"]), [7, 7, 9], 3)
    assert clusters.units.tolist() == [1, 0, 1]
    assert (clusters.n_units, clusters.n_instances) == (2, 2)


def test_wrong_number_of_labels_is_refused():
    with pytest.raises(ValueError, match="units must have shape"):
        clusters_of([1, 2], None, 3)
    with pytest.raises(ValueError, match="instances must have shape"):
        clusters_of([1, 2, 3], [1], 3)


@pytest.mark.parametrize("confidence", [0.5, 1.0, 95.0, 0.05])
def test_confidence_outside_its_range_is_refused(confidence):
    with pytest.raises(ValueError, match="confidence"):
        tail_of(confidence, "two")


def test_sided():
    assert tail_of(0.95, "one") == pytest.approx(0.05)
    assert tail_of(0.95, "two") == pytest.approx(0.025)
    with pytest.raises(ValueError, match="sided"):
        tail_of(0.95, "both")


def test_kish_number_of_units():
    assert effective_units(clusters_of(np.repeat(np.arange(41), 3), None, 123)) == pytest.approx(41)
    assert effective_units(clusters_of([0, 0, 0, 1], None, 4)) == pytest.approx(16 / 10)


def test_single_units_have_the_ordinary_variance_of_a_mean():
    values = np.random.default_rng(0).exponential(size=30)
    influence = ((values - values.mean()) / 30)[:, None]
    spread = spread_of_sum(influence, clusters_of(np.arange(30), None, 30))
    assert spread.variance[0] == pytest.approx(values.var(ddof=1) / 30)
    assert spread.df[0] == 29


def test_instances_alone_dominating_have_their_own_degrees_of_freedom():
    instances = np.repeat(np.arange(5), 40)
    values = np.array([0.0, 1.0, 2.0, 3.0, 4.0])[instances] + 1e-3 * np.random.default_rng(0).standard_normal(200)
    influence = ((values - values.mean()) / 200)[:, None]
    spread = spread_of_sum(influence, clusters_of(np.arange(200), instances, 200))
    means = np.array([values[instances == i].mean() for i in range(5)])
    assert spread.variance[0] == pytest.approx(means.var(ddof=1) / 5, rel=1e-3)
    assert spread.df[0] == pytest.approx(4, rel=0.05)


def test_one_unit_has_no_finite_variance():
    assert np.isinf(spread_of_sum(np.array([[0.5], [-0.5]]), clusters_of([1, 1], None, 2)).variance[0])


@pytest.mark.parametrize(
    ("n", "instances", "note"),
    [
        (9, None, "few units"),
        (10, None, ""),
        (10, np.zeros(10), "for this one instance"),
        (12, np.arange(12) % 4, "for these cut-outs"),
        (10, np.arange(10) % 5, ""),
    ],
)
def test_notes(n, instances, note):
    assert scope_note(clusters_of(np.arange(n), instances, n)) == note
