import numpy as np
import pytest

from auditlens.findings.statistics import bound_with_zero_events, n_for_zero_events, rate


def test_figures_of_the_method():
    assert bound_with_zero_events(41) == pytest.approx(0.070, abs=5e-4)
    assert n_for_zero_events(0.02) == 149


@pytest.mark.parametrize("n", [1, 41, 149, 300])
def test_the_bound_is_that_of_the_rate(n):
    assert bound_with_zero_events(n) == pytest.approx(rate(np.zeros(n), np.arange(n), sided="one").high)


@pytest.mark.parametrize("limit", [0.5, 0.1, 0.05, 0.02, 0.01, 0.001])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_the_number_is_the_smallest_that_does(limit, confidence):
    n = n_for_zero_events(limit, confidence)
    assert bound_with_zero_events(n, confidence) <= limit < bound_with_zero_events(n - 1, confidence)


def test_no_units_allow_everything():
    assert bound_with_zero_events(0) == 1.0


@pytest.mark.parametrize("call", [lambda: n_for_zero_events(0), lambda: bound_with_zero_events(5, 1.0)])
def test_limits_outside_their_range_are_refused(call):
    with pytest.raises(ValueError, match="must lie in"):
        call()


def test_negative_units_are_refused():
    with pytest.raises(ValueError, match="negative"):
        bound_with_zero_events(-1)
