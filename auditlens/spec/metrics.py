"""What a gate can measure: per metric its question, unit, better direction, what it needs and what it may name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from auditlens.errors import nearest

Relation = Literal["<=", ">=", "within"]
OTHER: Final = "other"
Unit = Literal["share of images", "share of relevance", "probability", "AUROC", "share of effect"]

_CLASS: Final = frozenset({"class"})
_ARTEFACT: Final = frozenset({"artefact"})
_CLEAN: Final = frozenset({"class", "each", "within"})
_EFFECT: Final = frozenset({"artefact", "class", "true_class", "each", "within"})
_TOLD: Final = frozenset({"artefact", "class", "each", "within"})
_INSIDE: Final = frozenset({"class", "layer"})
_FLIP: Final = frozenset({"artefact", "direction", "class", "each", "within"})


@dataclass(frozen=True, slots=True)
class MetricRule:
    """What is fixed about one metric.

    Attributes
    ----------
    question : str
        What it measures, in one sentence.
    unit : str
        All values lie in [0, 1], those of `within` metrics in [-1, 1]; a share of an effect may leave it.
    better : {"higher", "lower", "near zero"}
        Direction that a maker wants.
    relations : tuple of str
        Relations that its limit may use.
    needs : frozenset of str
        What the gate must name, itself or by `each`.
    takes : frozenset of str
        What the gate may name at all.
    needs_sham : bool
        Whether its artefacts need a sham.
    needs_foundation : bool
        Whether the spec needs a `foundation`.
    """

    question: str
    unit: Unit
    better: Literal["higher", "lower", "near zero"]
    relations: tuple[Relation, ...]
    needs: frozenset[str]
    takes: frozenset[str]
    needs_sham: bool = False
    needs_foundation: bool = False


METRIC_RULES: Final[dict[str, MetricRule]] = {
    "sensitivity": MetricRule(
        "Share of the class's clean images that are reported as the class at the operating point.",
        "share of images", "higher", (">=",), _CLASS, _CLEAN,
    ),
    "specificity": MetricRule(
        "Share of the other clean images that are not reported as the class.",
        "share of images", "higher", (">=",), _CLASS, _CLEAN,
    ),
    "auroc": MetricRule(
        "How well the class's probability ranks its clean images above the others.",
        "AUROC", "higher", (">=", "<="), _CLASS, _CLEAN,
    ),
    "lesion_erased_auroc": MetricRule(
        "How well the class's probability still ranks its images once the lesion is erased by its mask.",
        "AUROC", "lower", ("<=",), _CLASS, _CLEAN,
    ),
    "decision_flips": MetricRule(
        "Of the images of class A that the device gets right, the share that it calls B once the artefact is in.",
        "share of images", "lower", ("<=",), frozenset({"artefact", "direction"}), _FLIP,
    ),
    "decision_flips_beyond_sham": MetricRule(
        "The same, minus the share that the sham flips.",
        "share of images", "lower", ("<=", "within"), frozenset({"artefact", "direction"}), _FLIP, needs_sham=True,
    ),
    "artefact_effect": MetricRule(
        "Mean change of the class's probability when the artefact is put into clean images.",
        "probability", "near zero", ("within", "<=", ">="), _ARTEFACT | _CLASS, _EFFECT,
    ),
    "effect_minus_sham": MetricRule(
        "The same, minus the change that the sham causes.",
        "probability", "near zero", ("within", "<=", ">="), _ARTEFACT | _CLASS, _EFFECT, needs_sham=True,
    ),
    "spurious_relevance_share": MetricRule(
        "Share of the class's relevance on components that align with its spurious concepts.",
        "share of relevance", "lower", ("<=",), _CLASS, _INSIDE, needs_foundation=True,
    ),
    "unexpected_relevance_share": MetricRule(
        "Share of the class's relevance on components that no valid or spurious concept explains that counts.",
        "share of relevance", "lower", ("<=",), _CLASS, _INSIDE, needs_foundation=True,
    ),
    "observability": MetricRule(
        "How well the foundation model tells images with the concept from images without it.",
        "AUROC", "higher", (">=",), frozenset({"concept"}), frozenset({"concept", "class", "each"}),
        needs_foundation=True,
    ),
    "mediated_share": MetricRule(
        "Share of an artefact's effect on the class's margin that runs through components labelled with the artefact.",
        "share of effect", "lower", ("<=",), _ARTEFACT | _CLASS, frozenset({"artefact", "class", "each"}),
        needs_foundation=True,
    ),
    "separability": MetricRule(
        "How well the class's margin ranks its clean images above other classes' images with the artefact put in.",
        "AUROC", "higher", (">=",), _ARTEFACT | _CLASS, _TOLD,
    ),
    "separability_drop": MetricRule(
        "The same without the artefact, minus with it, on the same images.",
        "AUROC", "lower", ("<=",), _ARTEFACT | _CLASS, _TOLD,
    ),
    "separability_drop_beyond_sham": MetricRule(
        "The drop with the artefact, minus the drop with its sham.",
        "AUROC", "lower", ("<=",), _ARTEFACT | _CLASS, _TOLD, needs_sham=True,
    ),
}  # fmt: skip
"""By metric; the keys are those of `auditlens.spec.model.METRICS`."""


def parse_direction(text: str, classes: Sequence[str]) -> tuple[str, str]:
    """Split `A_to_B` into two classes; class names may contain underscores, and `_to_` too.

    `other` stands for all classes but the one on the other side.

    Raises
    ------
    ValueError
        Where no split gives two different classes, or more than one does.
    """
    pairs = [(text[:at], text[at + 4 :]) for at in range(len(text)) if text.startswith("_to_", at)]
    sides = {*classes, OTHER}
    known = [(start, end) for start, end in pairs if start in sides and end in sides and start != end]
    if len(known) == 1:
        return known[0]
    if known:
        raise ValueError(f"{text!r} can be read in two ways with these class names; rename a class")
    valid = [f"{start}_to_{end}" for start in classes for end in classes if start != end]
    shown = ", ".join(valid[:6]) + (", ..." if len(valid) > 6 else "")
    raise ValueError(f"{text!r} is no direction; valid are {shown}{nearest(text, valid)}")


def independent_sides(source: str, target: str) -> str:
    """Say why a direction between two classes has no meaning where several labels may hold."""
    return (
        f"with multi-label outputs {source} and {target} do not exclude each other; "
        f"write {source}_to_{OTHER} or {OTHER}_to_{target}"
    )


def shown_value(value: float, metric: str) -> str:
    """Write a value the way its unit is read: `4.1 %`, `+3.2 points`, `0.87`."""
    if metric == "change":
        return "differs" if value else "the same"
    rule = METRIC_RULES.get(metric)
    if rule is None or rule.unit == "AUROC":
        return f"{value:.2f}"
    if rule.unit == "probability":
        return f"{100 * value:+.1f} points"
    return f"{100 * value:.1f} %"
