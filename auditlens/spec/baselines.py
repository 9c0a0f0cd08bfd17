"""Baselines and change plans as the spec describes them."""

from __future__ import annotations

from typing import Final, Literal, get_args

from pydantic import Field, model_validator

from auditlens.spec.parts import Part, Sha256

PAIRED: Final = (
    "sensitivity",
    "specificity",
    "auroc",
    "decision_flips",
    "decision_flips_beyond_sham",
    "artefact_effect",
    "effect_minus_sham",
    "flip_rate",
    "accuracy_drop",
    "separability",
    "separability_drop",
    "separability_drop_beyond_sham",
    "lesion_erased_auroc",
    "spurious_relevance_share",
    "unexpected_relevance_share",
)
"""Metrics whose rows a run folder keeps, so that two models are compared picture by picture."""
_NO_PAIRS: Final = "is a summary over each model's own components; compare spurious_relevance_share"
WHY_NOT_PAIRED: Final = {
    "observability": "is about the foundation model and the data, which two comparable audits share",
    "mediated_share": "is a share of each model's own effect, and has no value where that is not clear of zero; "
    "compare artefact_effect",
    "unread_relevance_share": "rests on what readers decided about one model; compare unexpected_relevance_share",
    "strongest_spurious_component": "is about one component, which another model does not have; "
    "compare spurious_relevance_share",
    **dict.fromkeys(("valid_coverage", "alignment_margin", "clarity", "redundancy", "polysemanticity"), _NO_PAIRS),
}
"""Why the other metrics have no paired difference."""
Aspect = Literal["weights", "architecture", "preprocessing", "classes", "output", "decision", "silenced", "released"]
ASPECTS: tuple[str, ...] = get_args(Aspect)


class Baseline(Part):
    """An earlier audit that this one is compared with."""

    record: str | None = Field(
        None,
        min_length=1,
        description="Run folder, or its record.json; without it the command gives it: `--baseline NAME=RECORD`.",
    )
    sha256: Sha256 | None = Field(None, description="SHA-256 of record.json.")


class Change(Part):
    """What a planned change may touch, checked against the first baseline."""

    plan: str = Field(
        min_length=1, description="The change plan, as your quality system numbers it.", examples=["PCCP-02/M3"]
    )
    may_change: tuple[Aspect, ...] = Field((), description="What may differ from the baseline.")
    must_equal: tuple[Aspect, ...] = Field(
        (), description="What must not: one gate each, such as `change[decision]`, which fails where it differs."
    )

    @model_validator(mode="after")
    def _says_one_thing(self) -> Change:
        both = sorted(set(self.may_change) & set(self.must_equal))
        if both:
            raise ValueError(f"{both[0]} may change and must be equal; it is one of the two")
        if not (self.may_change or self.must_equal):
            raise ValueError("name what may change, or what must be equal")
        return self
