"""Every image twice under the same patient is no further evidence: no interval changes, by any estimator."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditlens.findings import statistics
from auditlens.findings.statistics.many import mean_effects


def data(seed, n_units):
    """Observations of units of one to three images, and cut-outs that cross them."""
    rng = np.random.default_rng(seed)
    units = np.repeat(np.arange(n_units), rng.integers(1, 4, n_units))
    n = len(units)
    return {
        "units": units,
        "instances": rng.integers(0, 6, n),
        "cutouts": np.arange(n) % 16,
        "values": np.where(rng.random(n) < 0.4, 0.0, rng.exponential(size=n) + rng.standard_normal(n_units)[units]),
        "others": rng.standard_normal(n) + 2.0,
        "events": rng.random(n) < 0.3,
        "more": rng.random(n) < 0.2,
        "sides": rng.random(n) < 0.5,
        "strata": rng.integers(0, 2, n),
    }


ESTIMATORS = {
    "rate": lambda d: statistics.rate(d["events"], d["units"], instances=d["instances"]),
    "rate of no event": lambda d: statistics.rate(np.zeros(len(d["units"])), d["units"], instances=d["instances"]),
    "rate_difference": lambda d: statistics.rate_difference(
        d["events"], d["more"], d["units"], instances=d["instances"]
    ),
    "mean_effect, bootstrap": lambda d: statistics.mean_effect(d["values"], d["units"], n_draws=500, seed=1),
    "mean_effect, closed form": lambda d: statistics.mean_effect(d["values"], d["units"], d["instances"]),
    "mean_effect, crossed bootstrap": lambda d: statistics.mean_effect(
        d["values"], d["units"], d["cutouts"], n_draws=500, seed=1, bounds=(-9.0, 9.0)
    ),
    "mean_effects": lambda d: mean_effects(d["values"][:, None], d["units"], d["instances"]).estimates()[0],
    "mean_share": lambda d: statistics.mean_share(d["values"][:, None], d["units"], bounds=None)[0],
    "quantile": lambda d: statistics.quantile(d["values"], d["units"], 0.6),
    "auroc": lambda d: statistics.auroc(d["values"], d["sides"], d["units"]),
    "auroc, within strata": lambda d: statistics.auroc(d["values"], d["sides"], d["units"], strata=d["strata"]),
    "auroc_difference": lambda d: statistics.auroc_difference(d["values"], d["others"], d["sides"], d["units"]),
    "auroc_change_difference": lambda d: statistics.auroc_change_difference(
        (d["values"], d["others"]), (d["others"], d["values"] + d["others"]), d["sides"], d["units"]
    ),
    "overlapping_rate_difference": lambda d: statistics.overlapping_rate_difference(
        d["events"], d["more"], d["sides"] | d["events"], d["sides"] | d["more"], d["units"], instances=d["instances"]
    ),
    "difference_of_changes": lambda d: statistics.difference_of_changes(
        (d["events"], d["more"]), (d["more"], d["sides"]), d["sides"] | d["events"], d["sides"] | d["more"], d["units"]
    ),
    "independent_difference": lambda d: statistics.independent_difference(
        statistics.rate(d["events"], d["units"]), statistics.rate(d["more"], d["units"])
    ),
    "ratio_of_means": lambda d: statistics.ratio_of_means(d["values"], d["others"], d["units"], d["instances"]),
}
NOT_OF_DATA = {"bound_with_zero_events", "holm", "holm_confidences", "n_for_zero_events"}
SAME_CODE = {"quantiles": "quantile"}
FIELDS = ("value", "low", "high", "n_units", "n_instances", "too_few", "unseen", "note")


@pytest.mark.parametrize("name", ESTIMATORS)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), n_units=st.sampled_from([12, 40]), times=st.sampled_from([2, 3]))
def test_doubling_every_image_under_its_unit_changes_no_interval(name, seed, n_units, times):
    once = data(seed, n_units)
    doubled = {key: np.tile(array, times) for key, array in once.items()}
    first, second = (ESTIMATORS[name](observed) for observed in (once, doubled))
    for field in FIELDS:
        one, other = getattr(first, field), getattr(second, field)
        same = one == other or other == pytest.approx(one, abs=1e-6)
        assert same, f"{field}: {one} is {other} with every image {times} times"


def test_no_estimator_is_left_out():
    tried = {name.split(",")[0].split(" ")[0] for name in ESTIMATORS} | set(SAME_CODE)
    assert set(statistics.__all__) - NOT_OF_DATA <= tried


def test_more_patients_do_narrow_it():
    """The test above can fail: the same images as new patients are further evidence."""
    once = data(1, 40)
    more = {key: np.tile(array, 2) for key, array in once.items()}
    more["units"] = np.concatenate([once["units"], once["units"] + 40])
    for name in ("rate", "mean_effect, closed form", "auroc", "ratio_of_means"):
        first, second = (ESTIMATORS[name](observed) for observed in (once, more))
        assert second.high - second.low < first.high - first.low
