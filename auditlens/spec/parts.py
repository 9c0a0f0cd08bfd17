"""What every part of the spec is built on: frozen, strict and closed types."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$", max_length=80)]
Said = Annotated[str, Field(min_length=1, pattern=r"\S")]
"""Text that is there for somebody to read: not empty, not blank."""
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
CLOSED = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class Part(BaseModel):
    """A part of the spec: frozen, strict, closed to unknown keys."""

    model_config = CLOSED
