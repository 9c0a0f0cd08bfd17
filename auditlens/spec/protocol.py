"""What fixes an audit beforehand: its lock, and the ledger of looks at the sealed data."""

from __future__ import annotations

from pydantic import Field

from auditlens.spec.parts import Part


class Protocol(Part):
    """Pre-registration: without it a verdict is exploratory."""

    lock: str | None = Field(
        None,
        min_length=1,
        description="Lock file that `auditlens lock` writes; a run of another spec is exploratory and never releases.",
        examples=["MEL-AUD-007.lock"],
    )
    looks: str | None = Field(
        None,
        min_length=1,
        description="Ledger, one line per look at the sealed data: a run that decides on them adds one.",
        examples=["looks.jsonl"],
    )
    release_looks: int = Field(1, ge=1, description="Looks after which no further one can release.")
