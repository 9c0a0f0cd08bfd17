"""The states of components, concepts and gates, and the exit codes: one enum each, used everywhere."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class ComponentState(StrEnum):
    """What the audit says of one component for one class."""

    VALID = "valid"
    SPURIOUS = "spurious"
    BOTH = "both"
    UNEXPECTED = "unexpected"
    UNVERIFIED = "unverified"
    IRRELEVANT = "irrelevant"


class ConceptState(StrEnum):
    """Whether the foundation model can see a concept in these images."""

    OBSERVABLE = "observable"
    NOT_OBSERVABLE = "not observable"
    UNVERIFIED = "unverified"
    NOT_ASSESSABLE = "not assessable"


class GateState(StrEnum):
    """The outcome of a gate. `waived` is a flag beside it, never a state."""

    HOLDS = "holds"
    FAILS = "fails"
    INCONCLUSIVE = "inconclusive"
    NOT_EVALUATED = "not evaluated"


class Standing(StrEnum):
    """How a gate stands against a baseline; nothing is called new without one."""

    NEW = "new"
    """Does not hold, and held (or was not there) in the baseline."""
    UNCHANGED = "unchanged"
    """As in the baseline: holds in both, or in neither and is not shown to be worse."""
    WORSENED = "worsened"
    """Holds in neither, and the paired difference shows that it is worse."""
    FIXED = "fixed"
    """Holds, and did not in the baseline."""


class Severity(StrEnum):
    """What a failing gate does to the exit code."""

    WARN = "warn"
    ERROR = "error"


class ExitCode(IntEnum):
    """Exit codes of the command line; precedence is 4, 2, 1, 3, 0 (130 when interrupted)."""

    HOLDS = 0
    GATE_FAILS = 1
    USER_ERROR = 2
    UNDECIDED = 3
    INTERNAL_ERROR = 4
    INTERRUPTED = 130
