"""What a verdict must say of the lock of its spec and of the looks at the sealed data."""

from __future__ import annotations

from auditlens.stages.protocol import LockState, LookState, ProtocolState

SHOWN = 6


def exploratory(state: ProtocolState | None) -> bool:
    """Whether no lock fixed this very spec beforehand."""
    return state is None or state.lock is None or not state.lock.holds


def releases(state: ProtocolState | None) -> bool:
    """Whether lock and looks leave a release possible; a spec without a protocol promised neither."""
    if state is None:
        return True
    locked = state.lock is None or state.lock.holds
    return locked and (state.look is None or state.look.may_release)


def protocol_notes(state: ProtocolState | None) -> tuple[str, ...]:
    """Lock and looks in one sentence each; none without a protocol."""
    if state is None:
        return ()
    lines = [] if state.lock is None else [_lock(state.lock)]
    return (*lines, *([] if state.look is None else _look(state.look)))


def protocol_words(state: ProtocolState | None) -> tuple[str, ...]:
    """What the headline adds: nothing where all is as it was meant to be."""
    if state is None:
        return ()
    words = []
    if state.lock is not None and not state.lock.holds:
        words.append("not the locked spec" if state.lock.present else "not locked")
    if state.look is not None and not state.look.may_release:
        words.append(f"look {state.look.number} of {state.look.release_looks}")
    return tuple(words)


def _lock(lock: LockState) -> str:
    if not lock.present:
        return f"Exploratory: the spec names the lock {lock.file}, and there is none; it cannot release."
    n = lock.n_amendments
    amended = f"{n or 'no'} amendment{'' if n == 1 else 's'}" + (f", the last on {lock.last_amended}" if n else "")
    said = f"locked on {lock.date} by {lock.by}, {amended}"
    if lock.changed:
        fields = ", ".join(lock.changed[:SHOWN]) + (", ..." if len(lock.changed) > SHOWN else "")
        return f"Exploratory: the spec was {said}, and differs from that in {fields}; it cannot release."
    signed = f", signed with the key {lock.signed_with[:16]}" if lock.signed_with else ""
    return f"The spec was {said}{signed}."


def _look(look: LookState) -> list[str]:
    said = f"Look {look.number} of {look.release_looks} at the sealed data"
    lines = [f"{said}." if look.may_release else f"{said}: it cannot release, since the data were looked at before."]
    if look.amended_after_first:
        lines.append("The lock was amended on or after the day of the first look at the sealed data.")
    return lines
