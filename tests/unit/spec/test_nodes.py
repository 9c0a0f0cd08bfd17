"""How many faults are kept, and how much of each."""

import pytest

from auditlens.errors import Location, SpecError
from auditlens.spec.nodes import MOST_FAULTS, TOO_MANY, Problems

AT = Location("s.yaml", 1, 1)


def test_doubts_without_number_are_no_error():
    problems = Problems()
    for n in range(MOST_FAULTS + 20):
        problems.add(AT, (f"c{n}",), "nothing uses it", "warning")
    assert not problems and len(problems.warnings) == MOST_FAULTS
    problems.add(AT, ("id",), "is required")
    assert [fault.path for fault in problems.errors] == ["id"]


def test_errors_without_number_end_the_reading():
    problems = Problems()
    with pytest.raises(SpecError) as caught:
        for n in range(MOST_FAULTS + 20):
            problems.add(AT, (f"c{n}",), "is wrong")
    assert len(caught.value.faults) == MOST_FAULTS + 1 and caught.value.faults[-1].message == TOO_MANY


def test_the_same_fault_counts_once():
    problems = Problems()
    for _ in range(2 * MOST_FAULTS):
        problems.add(AT, ("id",), "is wrong")
    assert len(problems.errors) == 1


def test_the_middle_of_an_endless_value_is_left_out():
    problems = Problems()
    problems.add(AT, ("id",), "found " + "x" * 100_000 + "; did you mean 'y'?")
    (fault,) = problems.errors
    assert len(fault.message) < 3000 and fault.message.endswith("did you mean 'y'?")
