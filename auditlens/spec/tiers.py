"""Tiers: smaller audits of the same spec, such as one for every pull request."""

from __future__ import annotations

from pydantic import Field

from auditlens.spec.parts import Part


class Tier(Part):
    """What `--tier NAME` runs."""

    data: str | None = Field(None, description="Which of `data.sets` is audited; the sealed one by default.")
    sample: int | None = Field(
        None, ge=1, description="At most so many images, in whole units, drawn by image hash; a sample never releases."
    )
    gates: tuple[str, ...] = Field(
        (), description="Names or tags of the gates that run, with what they require; all by default."
    )
    never_releases: bool = Field(
        False, description="Whether its verdict can never release, even where it runs all gates on all images."
    )
