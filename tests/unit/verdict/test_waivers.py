"""Waivers in the verdict: what they cover, why they do not count, and those that nothing needs."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditlens.stages.states import ExitCode, GateState

from .test_decide import MISSED, TODAY, WAIVER, run

HOLDS, FAILS = (0.0, 0.01), (0.03, 0.07)


def decided(*waivers, ruler=HOLDS, ink=FAILS, today=TODAY, **gates):
    estimates = {"missed[ruler]": ruler, "missed[ink]": ink} | dict.fromkeys(gates, FAILS)
    return run({"missed": MISSED} | gates, estimates, [WAIVER | change for change in waivers], today)


def result(verdict, name):
    return next(row for row in verdict.gates if row.gate.id == name)


@pytest.mark.parametrize(
    "names",
    [
        {"gate": "missed", "artefact": "ink"},
        {"gate": "missed", "artefact": None},
        {"gate": "missed[ink]", "artefact": None},
        {"gate": None, "artefact": None, "finding": "ink", "metric": "decision_flips"},
    ],
)
def test_a_waiver_covers_the_gate_that_it_names(names):
    verdict = decided(names)
    assert result(verdict, "missed[ink]").waived
    assert verdict.exit_code is ExitCode.HOLDS
    assert verdict.notes == ()


@pytest.mark.parametrize(
    "names",
    [
        {"artefact": "ruler"},
        {"gate": "missed[ruler]", "artefact": None},
        {"gate": None, "artefact": None, "finding": "ruler", "metric": "decision_flips"},
        {"gate": None, "artefact": None, "finding": "ink", "metric": "artefact_effect", "bound": "within 0.2"},
        {"within": {"site": "A"}},
    ],
)
def test_a_waiver_for_something_else_does_not(names):
    verdict = decided(names)
    assert not result(verdict, "missed[ink]").waived
    assert verdict.exit_code is ExitCode.GATE_FAILS


def test_a_bound_of_the_other_direction_accepts_nothing():
    assert not result(decided({"bound": ">= 0.01"}), "missed[ink]").waived


def test_the_second_of_two_waivers_may_count():
    verdict = decided({"expires": date(2026, 1, 1)}, {})
    assert result(verdict, "missed[ink]").waived
    assert verdict.notes == ()


def test_letter_case_and_spaces_make_no_second_person():
    assert "no second person" in result(decided({"approved_by": " J. Weiss"}), "missed[ink]").waiver


def test_the_text_names_who_until_when_and_why():
    verdict = decided({"id": "W-7", "risk_id": "H-06"})
    text = "accepted by j.weiss and dr.ito until 2027-03-31 within <= 0.08 (W-7): DEV-118. Risk H-06."
    assert result(verdict, "missed[ink]").waiver == text
    assert verdict.sentences[0].endswith(f": fails, {text}")


def test_why_a_waiver_does_not_count_is_said_behind_the_sentence():
    verdict = decided({"id": "W-7", "expires": date(2026, 11, 19)})
    assert verdict.sentences[0].endswith("Not accepted: the waiver W-7 of j.weiss expired on 2026-11-19.")


def test_the_last_day_still_counts():
    assert result(decided({}, today=date(2027, 3, 31)), "missed[ink]").waived
    assert not result(decided({}, today=date(2027, 4, 1)), "missed[ink]").waived


def test_an_unused_waiver_is_noted():
    (note,) = decided({"id": "W-7"}, ink=HOLDS).notes
    assert note == (
        "The waiver W-7 of j.weiss for missed[ink] is not used: nothing that it names fails. Take it out of the spec."
    )


def test_an_expired_waiver_that_nothing_needs_is_noted():
    (note,) = decided({"expires": date(2026, 1, 1)}, ink=HOLDS).notes
    assert "nothing that it names fails, and it expired on 2026-01-01" in note


def test_a_waiver_of_an_undecided_gate_says_so_and_the_gate_stays_undecided():
    verdict = decided({}, ink=(0.0, 0.05))
    assert "missed[ink] not decided" in verdict.notes[0]
    assert verdict.exit_code is ExitCode.UNDECIDED


def test_a_waiver_of_a_gate_that_did_not_run_is_noted():
    (note,) = decided({"gate": "left_out", "artefact": None}, ink=HOLDS).notes
    assert "no gate of this run is meant by it" in note


def test_a_waiver_that_is_needed_and_does_not_count_is_told_at_its_gate_only():
    assert decided({"bound": "<= 0.05"}).notes == ()


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.03, 1))
def test_no_waiver_makes_a_gate_hold_or_accepts_beyond_its_bound(a, b, bound):
    low, high = sorted((a, b))
    plain, covered = decided(ink=(low, high)), decided({"bound": f"<= {bound:.4f}"}, ink=(low, high))
    before, after = result(plain, "missed[ink]"), result(covered, "missed[ink]")
    assert after.state is before.state
    assert after.waived is (before.state is GateState.FAILS and high <= float(f"{bound:.4f}"))
