"""The columns by which every result is split."""

from __future__ import annotations

from pydantic import Field, field_validator

from auditlens.spec.parts import Part


class Strata(Part):
    """Columns such as site, device or skin type: every result is also shown for each of their values."""

    by: tuple[str, ...] = Field(
        min_length=1,
        description="Columns of the data; every value is a subgroup. Numbers are binned in the manifest before.",
    )
    cross: tuple[tuple[str, str], ...] = Field(
        (),
        description="Pairs that are crossed: a class and a column of `by` (within that true class), or two columns.",
        examples=[[["melanoma", "fitzpatrick"]]],
    )
    min_units: int = Field(
        30, ge=2, description="Units from which on a gate within a subgroup can hold; below, it is shown only."
    )

    @field_validator("by")
    @classmethod
    def _columns_stand_once(cls, by: tuple[str, ...]) -> tuple[str, ...]:
        twice = next((name for name in by if by.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice!r} is listed twice")
        return by

    @field_validator("cross")
    @classmethod
    def _two_different(cls, cross: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        same = next((pair for pair in cross if pair[0] == pair[1]), None)
        if same is not None:
            raise ValueError(f"{same[0]!r} is crossed with itself")
        return cross
