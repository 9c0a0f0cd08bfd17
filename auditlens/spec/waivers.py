"""Waivers as the spec describes them."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import Field, field_validator, model_validator

from auditlens.spec.gates import Metric, check_limit
from auditlens.spec.parts import Part, Said, Sha256


class Waiver(Part):
    """A failing gate that two people accept for a while, within a bound, for one model."""

    id: str | None = Field(None, min_length=1, description="Number of the deviation; reports name the waiver by it.")
    gate: str | None = Field(
        None, min_length=1, description="The gate: its name, or one of a repeated gate such as `missed[ruler]`."
    )
    finding: str | None = Field(
        None,
        min_length=1,
        description="Instead of a gate: an artefact or a concept; all gates of `metric` that read it are meant.",
    )
    metric: Metric | None = Field(None, description="Metric of the gates that read the `finding`.")
    artefact: str | None = Field(None, description="Artefact, where the gate is repeated; any by default.")
    within: dict[str, str] = Field(
        default_factory=dict, description="Subgroup, where the gate is repeated; any by default."
    )
    bound: str = Field(
        description="The waiver holds only while the whole interval is inside this bound, such as `<= 0.08`."
    )
    model_sha256: Sha256 = Field(description="The weights, or the file that ships, that it is for.")
    owner: Said = Field(description="Who asks.")
    approved_by: Said = Field(description="The second person.")
    reason: Said = Field(description="Why.")
    expires: date = Field(description="Last day, as 2027-03-31.", strict=False)
    risk_id: str | None = Field(None, description="Risk.")

    @field_validator("bound")
    @classmethod
    def _bound_parses(cls, text: str) -> str:
        return check_limit(text)

    @field_validator("expires", mode="before")
    @classmethod
    def _is_a_day(cls, day: Any) -> Any:
        """Refuse a number, which would be read as seconds since 1970."""
        is_number = isinstance(day, int | float)
        if is_number:
            raise ValueError("write a day, such as 2027-03-31")
        return day

    @model_validator(mode="after")
    def _names_one_thing(self) -> Waiver:
        if (self.gate is None) == (self.finding is None):
            raise ValueError("name a gate, or a finding with its metric, one of the two")
        if (self.finding is None) != (self.metric is None):
            raise ValueError("finding and metric go together: the bound is in the unit of the metric")
        if self.finding is not None and self.artefact is not None:
            raise ValueError("the finding names the artefact; artefact goes with gate")
        return self

    @property
    def title(self) -> str:
        """Such as `waiver DEV-118 of j.weiss`."""
        return f"waiver {self.id} of {self.owner}" if self.id else f"waiver of {self.owner}"
