"""What all stored values share: frozen, closed to unknown fields, and a canonical JSON form."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict


class Stage(BaseModel):
    """A frozen pydantic model that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def canonical_json(value: Any) -> str:
    """Serialise to the one JSON text that hashes and byte comparisons rest on: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
