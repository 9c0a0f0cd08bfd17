"""What people decided about components that no concept of the spec explains."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from auditlens.spec.parts import Part, Said, Sha256
from auditlens.stages.component_names import read_name


class Reading(Part):
    """One component, as a person read it."""

    decision: Literal["valid", "spurious", "unclear"] = Field(
        description="What the reader makes of the component; `unclear` leaves it unread.", examples=["valid"]
    )
    reader: Said = Field(description="Who looked at its examples.", examples=["dr.ito"])
    reason: Said = Field(description="What the reader saw.", examples=["blue-white veil"])


class Review(Part):
    """Decisions of readers, for the model whose components they looked at; best kept in a file that is included."""

    model_sha256: Sha256 = Field(
        description="The weights, or the file that ships, whose components were read.", examples=["9f1c" * 16]
    )
    components: dict[str, Reading] = Field(
        description="Component, as reports write it (`layer:channel`) -> decision.",
        examples=[{"layer4.1:3": {"decision": "valid", "reader": "dr.ito", "reason": "blue-white veil"}}],
    )

    @field_validator("components")
    @classmethod
    def _names_of_components(cls, components: dict[str, Reading]) -> dict[str, Reading]:
        return {str(read_name(name)): reading for name, reading in components.items()}

    def read(self, model_sha256: str | None) -> dict[str, Reading]:
        """Decided components; none where the review is of another model, whose components are others."""
        if model_sha256 != self.model_sha256:
            return {}
        return {name: reading for name, reading in self.components.items() if reading.decision != "unclear"}
