"""Gates as the spec describes them."""

from __future__ import annotations

import re
from typing import Any, Literal, get_args

from pydantic import ConfigDict, Field, field_validator, model_validator

from auditlens.spec.parts import CLOSED, Name, Part
from auditlens.stages.states import Severity

Metric = Literal[
    "sensitivity",
    "specificity",
    "auroc",
    "lesion_erased_auroc",
    "decision_flips",
    "decision_flips_beyond_sham",
    "artefact_effect",
    "effect_minus_sham",
    "spurious_relevance_share",
    "unexpected_relevance_share",
    "unread_relevance_share",
    "observability",
    "mediated_share",
    "separability",
    "separability_drop",
    "separability_drop_beyond_sham",
    "flip_rate",
    "accuracy_drop",
    "strongest_spurious_component",
    "valid_coverage",
    "alignment_margin",
    "clarity",
    "redundancy",
    "polysemanticity",
]
METRICS: tuple[str, ...] = get_args(Metric)
LIMIT = re.compile(r"^(<=|>=|within)\s*([0-9]*\.?[0-9]+)$")


def check_limit(text: str) -> str:
    """Refuse a limit that is not `<= x`, `>= x` or `within x` with x in [0, 1].

    Raises
    ------
    ValueError
    """
    match = LIMIT.fullmatch(text)
    if not match:
        raise ValueError("write '<= x', '>= x' or 'within x', with x a plain number such as 0.02")
    if float(match.group(2)) > 1:
        raise ValueError("no metric has a limit beyond 1; write 2 % as 0.02")
    return text


class Each(Part):
    """Repeat a gate for several artefacts or concepts, or for every subgroup."""

    artefact: Literal["all"] | tuple[str, ...] | None = Field(None, description="Artefacts, or `all`.")
    concept: Literal["valid", "spurious"] | tuple[str, ...] | None = Field(
        None, description="Concepts, or all that are `valid` or `spurious` for the class."
    )
    subgroup: str | None = Field(
        None, min_length=1, description="Column of `data.strata.by`: one gate for every value, also beside `artefact`."
    )

    @model_validator(mode="after")
    def _repeats_over_one(self) -> Each:
        given = [value for value in (self.artefact, self.concept) if value]
        if len(given) + bool(self.subgroup) == 0 or len(given) == 2:
            raise ValueError("repeat a gate over artefacts or over concepts, one of the two")
        return self


class GateDefaults(Part):
    """What may lie under every gate, as `gates.defaults`; a gate says otherwise where it needs to."""

    class_: str | None = Field(None, alias="class", description="Class; the decision's class by default.")
    severity: Severity = Field(
        Severity.ERROR, description="error: decides the exit code; warn: only with --fail-on warn.", strict=False
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Confidence of the interval that decides.")
    sided: Literal["one"] = Field(
        "one",
        exclude=True,
        description="Says what is always so: a gate reads one-sided bounds at its confidence (`within x` both).",
    )
    unit: str | None = Field(
        None,
        exclude=True,
        min_length=1,
        description="Says what intervals count: the data's `unit`, with or without `_id`; `image` where it has none.",
        examples=["patient"],
    )
    rationale: str = Field("", description="Why this limit.")
    risk_id: str | None = Field(None, description="Risk that the gate controls.")
    clause: str | None = Field(
        None,
        min_length=1,
        description="Clause of a standard or regulation that the gate speaks to.",
        examples=["ISO 14971, 7.4"],
    )
    tags: tuple[Name, ...] = Field((), description="Words to select gates by, such as `--select tag=fast`.")


def _may_be_null(schema: dict[str, Any]) -> None:
    """In the JSON Schema, null takes out what was taken over."""
    for name, part in schema["properties"].items():
        if {"type": "null"} not in part.get("anyOf", ()):
            told = {key: part.pop(key) for key in ("default", "description", "examples", "title") if key in part}
            schema["properties"][name] = {"anyOf": [part, {"type": "null"}]} | told


class Gate(GateDefaults):
    """A claim with a limit fixed before the run."""

    model_config = CLOSED | ConfigDict(json_schema_extra=_may_be_null)

    extends: str | None = Field(
        None,
        exclude=True,
        description="Another gate whose fields this one takes over, key by key; `null` takes one out.",
    )
    metric: Metric = Field(description="What is measured.")
    limit: str = Field(
        description="`<= x`, `>= x` or `within x` (two-sided), x between 0 and 1: 2 % is 0.02.",
        examples=["<= 0.02", ">= 0.9", "within 0.03"],
    )
    artefact: str | None = Field(None, description="Artefact, for metrics of the artefact tests.")
    concept: str | None = Field(None, description="Concept, for `observability`.")
    direction: str | None = Field(
        None,
        description="`A_to_B`: images of class A that the device gets right and then calls B. `from_class` and "
        "`to_class` stand for the gate's class to all others and back.",
    )
    true_class: str | None = Field(None, description="For effects: only images of this class (all images by default).")
    each: Each | None = Field(None, description="Repeat the gate.")
    within: dict[str, str] = Field(
        default_factory=dict,
        description="Column of `data.strata.by` -> value: only images of this subgroup.",
        examples=[{"fitzpatrick": "V-VI"}],
    )
    against: str | tuple[str, ...] | None = Field(
        None,
        description="Baseline(s): the limit is then on how much worse this model is, by `better` of the metric.",
        examples=["predecessor", ["predecessor", "authorised"]],
    )
    compare: Literal["paired_difference"] | None = Field(
        None, description="How, with `against`: by the difference on the same pictures, which is the default."
    )
    worst_subgroup: str | None = Field(
        None,
        min_length=1,
        description="Column of `data.strata.by`: the worst of its subgroups decides, with bounds that allow for that.",
        examples=["fitzpatrick"],
    )
    required_by: Literal["all"] | tuple[str, ...] = Field(
        (), description="Gates that cannot hold unless this one does, or `all` others."
    )
    layer: str | None = Field(
        None, min_length=1, description="Examined layer, for metrics of the inside; the last one by default."
    )

    @field_validator("limit")
    @classmethod
    def _limit_parses(cls, text: str) -> str:
        return check_limit(text)

    @property
    def relation(self) -> str:
        """`<=`, `>=` or `within`."""
        return self._match.group(1)

    @property
    def bound(self) -> float:
        """The number of the limit."""
        return float(self._match.group(2))

    @property
    def _match(self) -> re.Match[str]:
        match = LIMIT.match(self.limit)
        assert match is not None  # the validator has seen it
        return match
