import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditlens.findings.statistics import holm, holm_confidences

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=20)


def test_worked_example():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []


def test_refuses_what_is_no_p_value():
    with pytest.raises(ValueError, match="p-values"):
        holm([0.1, 1.2])
    with pytest.raises(ValueError, match="p-values"):
        holm([np.nan])


@given(P_VALUES)
def test_adjusted_values_keep_order_and_lie_between_raw_and_bonferroni(p):
    adjusted = holm(p)
    assert (adjusted >= np.array(p)).all()
    assert (adjusted <= np.minimum(np.array(p) * len(p), 1) + 1e-12).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()


@given(P_VALUES)
def test_the_level_of_each_member_agrees_with_the_adjustment(p):
    rejected = holm(p) <= 1 - 0.95
    assert ((np.array(p) <= (1 - holm_confidences(p)) * (1 + 1e-12)) >= rejected).all()
    assert not (np.array(p)[~rejected] < (1 - holm_confidences(p))[~rejected] * (1 - 1e-9)).any()
