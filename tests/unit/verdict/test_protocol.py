"""What a verdict says of lock and looks."""

import pytest

from auditlens.stages.protocol import LockState, LookState, ProtocolState
from auditlens.verdict.protocol import exploratory, protocol_notes, protocol_words, releases

LOCKED = LockState(file="p.lock", present=True, date="2026-09-30", by="j.weiss")
CHANGED = LOCKED.model_copy(update={"changed": ("gates.missed.limit",)})
ABSENT = LockState(file="p.lock", present=False)


def look(number):
    return LookState(file="looks.jsonl", number=number, release_looks=1)


@pytest.mark.parametrize(
    "state, is_exploratory, may_release, words",
    [
        (None, True, True, ()),
        (ProtocolState(lock=LOCKED), False, True, ()),
        (ProtocolState(lock=CHANGED), True, False, ("not the locked spec",)),
        (ProtocolState(lock=ABSENT), True, False, ("not locked",)),
        (ProtocolState(lock=LOCKED, look=look(1)), False, True, ()),
        (ProtocolState(lock=LOCKED, look=look(2)), False, False, ("look 2 of 1",)),
        (ProtocolState(look=look(1)), True, True, ()),
    ],
)
def test_what_follows(state, is_exploratory, may_release, words):
    assert exploratory(state) is is_exploratory
    assert releases(state) is may_release
    assert protocol_words(state) == words


def test_the_sentences():
    assert protocol_notes(None) == ()
    assert protocol_notes(ProtocolState(lock=LOCKED, look=look(1))) == (
        "The spec was locked on 2026-09-30 by j.weiss, no amendments.",
        "Look 1 of 1 at the sealed data.",
    )
    (changed,) = protocol_notes(ProtocolState(lock=CHANGED))
    assert changed.startswith("Exploratory: ") and "differs from that in gates.missed.limit" in changed
    (_, second) = protocol_notes(ProtocolState(lock=LOCKED, look=look(2)))
    assert second.startswith("Look 2 of 1 at the sealed data: it cannot release")
