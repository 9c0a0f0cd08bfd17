"""The lock of a spec, the looks at its sealed data, and what a run found of both."""

from __future__ import annotations

from typing import Any, Literal

from auditlens.stages.base import Stage


class FieldChange(Stage):
    """One field of the spec that differs; values as JSON, None where the field was not there."""

    field: str
    """Path, such as `gates.missed.limit`."""
    old: str | None
    new: str | None

    def __str__(self) -> str:
        """Such as `gates.missed.limit: "<= 0.02" -> "<= 0.05"`."""
        return f"{self.field}: {self.old or 'absent'} -> {self.new or 'absent'}"


class LockEntry(Stage):
    """The lock itself, or one amendment."""

    date: str
    """Day in UTC, as `2026-09-30`."""
    by: str
    spec_sha256: str
    """Of the canonical JSON of what is locked."""
    reason: str = ""
    """Why it was amended; empty for the lock itself."""
    changes: tuple[FieldChange, ...] = ()
    """Against the entry before."""
    previous_sha256: str | None = None
    """Of the canonical JSON of the entry before."""
    signature: str | None = None
    """Ed25519, base64, over the canonical JSON of the entry without this field."""
    public_key: str | None = None
    """Its raw public key, base64."""


class LockFile(Stage):
    """What `auditlens lock` writes."""

    auditlens_lock: Literal[1] = 1
    audit_id: str
    entries: tuple[LockEntry, ...]
    """The lock, then its amendments, oldest first."""
    spec: dict[str, Any]
    """What is locked, as of the last entry."""


class LockState(Stage):
    """What a run found of the lock that its spec names."""

    file: str
    """As the spec names it."""
    present: bool
    date: str = ""
    by: str = ""
    n_amendments: int = 0
    last_amended: str = ""
    changed: tuple[str, ...] = ()
    """Fields in which the spec differs from what was locked."""
    signed_with: str = ""
    """Fingerprint of the public key that signed the last entry; empty without a signature."""

    @property
    def holds(self) -> bool:
        """Whether the spec that ran is the one that was locked."""
        return self.present and not self.changed


class Look(Stage):
    """One look at the sealed data: one line of the ledger."""

    look: int
    date: str
    spec_sha256: str
    """Of what a lock fixes: waivers and report settings make no further look."""
    model_sha256: str | None
    data_sha256: str
    outcome: str
    exit_code: int
    user: str
    auditlens: str
    previous_sha256: str | None
    """Of the line before."""

    @property
    def identity(self) -> tuple[str, str | None, str]:
        """What makes two runs the same look."""
        return self.spec_sha256, self.model_sha256, self.data_sha256


class LookState(Stage):
    """Which look at the sealed data a run is; the same spec, model and data are the same look again."""

    file: str
    """Ledger, as the spec names it."""
    number: int
    release_looks: int
    amended_after_first: bool = False
    """Whether the lock was amended on or after the day of the first look."""

    @property
    def may_release(self) -> bool:
        """Whether so many looks still allow a release."""
        return self.number <= self.release_looks


class ProtocolState(Stage):
    """Lock and look, of a run."""

    lock: LockState | None = None
    look: LookState | None = None
