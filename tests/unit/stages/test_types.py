"""Stored types: frozen, closed, one canonical JSON text, and the same after a round trip."""

import math

import pytest
from pydantic import ValidationError

from auditlens.stages.base import canonical_json
from auditlens.stages.findings import Estimate
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import ComponentState, ConceptState, ExitCode, GateState
from tests.unit.cli.conftest import make_record, make_verdict


def test_canonical_json_has_one_text():
    assert canonical_json({"b": 1, "a": [1.5, None, "ä"]}) == '{"a":[1.5,null,"ä"],"b":1}'
    assert canonical_json({"a": 1, "b": 2}) == canonical_json({"b": 2, "a": 1})


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_numbers_are_finite(value):
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_json([value])
    with pytest.raises(ValidationError):
        Estimate(value=value)


def test_stored_types_are_frozen_and_closed():
    estimate = Estimate(value=0.5)
    with pytest.raises(ValidationError, match="frozen"):
        estimate.value = 0.6
    with pytest.raises(ValidationError, match="extra"):
        Estimate(value=0.5, middle=0.5)


def test_a_record_survives_its_own_json():
    record = make_record(make_verdict(GateState.HOLDS, GateState.FAILS, GateState.NOT_EVALUATED))
    again = AuditRecord.model_validate_json(record.to_json())
    assert again == record
    assert again.to_json() == record.to_json()
    assert record.to_json().endswith("}\n")
    assert "\n" not in record.to_json()[:-1]


def test_states_read_as_words():
    assert str(GateState.NOT_EVALUATED) == "not evaluated"
    assert str(ConceptState.NOT_OBSERVABLE) == "not observable"
    assert {state.value for state in ComponentState} >= {"valid", "spurious", "both", "unverified", "unexpected"}


def test_the_exit_codes_are_those_of_the_documentation():
    assert {code.name: int(code) for code in ExitCode} == {
        "HOLDS": 0,
        "GATE_FAILS": 1,
        "USER_ERROR": 2,
        "UNDECIDED": 3,
        "INTERNAL_ERROR": 4,
        "INTERRUPTED": 130,
    }
