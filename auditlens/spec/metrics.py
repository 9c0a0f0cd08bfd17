"""What a gate can measure: per metric its question, unit, better direction, what it needs and what it may name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from auditlens.errors import nearest

Relation = Literal["<=", ">=", "within"]
OTHER: Final = "other"
FROM_CLASS: Final = "from_class"
TO_CLASS: Final = "to_class"
"""Directions away from the gate's class and towards it, for gates that know no names of classes."""
Unit = Literal[
    "share of images", "share of relevance", "share of concepts", "probability", "AUROC", "share of effect", "cosine"
]

_CLASS: Final = frozenset({"class"})
_ARTEFACT: Final = frozenset({"artefact"})
_CLEAN: Final = frozenset({"class", "each", "within", "worst_subgroup"})
_TOLD: Final = _CLEAN | _ARTEFACT
_EFFECT: Final = _TOLD | {"true_class"}
_INSIDE: Final = frozenset({"class", "layer"})
_FLIP: Final = _TOLD | {"direction"}


@dataclass(frozen=True, slots=True)
class MetricRule:
    """What is fixed about one metric.

    Attributes
    ----------
    question : str
        What it measures, in one sentence.
    unit : str
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
        Whether the spec needs a `foundation`, since it looks inside.
    range : str
        What values it can take.
    source : str
        Where it is defined.
    describes : bool
        Whether it rather describes than decides: no limit of it is known to mean anything by itself.
    """

    question: str
    unit: Unit
    better: Literal["higher", "lower", "near zero"]
    relations: tuple[Relation, ...]
    needs: frozenset[str]
    takes: frozenset[str]
    needs_sham: bool = False
    needs_foundation: bool = False
    range: str = "0 to 1"
    source: str = ""
    describes: bool = False


METRIC_RULES: Final[dict[str, MetricRule]] = {
    "sensitivity": MetricRule(
        "Share of the class's clean images that are reported as the class at the operating point.",
        "share of images", "higher", (">=",), _CLASS, _CLEAN,
        source="`findings/performance.py`",
    ),
    "specificity": MetricRule(
        "Share of the other clean images that are not reported as the class.",
        "share of images", "higher", (">=",), _CLASS, _CLEAN,
        source="`findings/performance.py`",
    ),
    "auroc": MetricRule(
        "How well the class's probability ranks its clean images above the others.",
        "AUROC", "higher", (">=", "<="), _CLASS, _CLEAN,
        source="`findings/statistics/auroc.py`",
    ),
    "lesion_erased_auroc": MetricRule(
        "How well the class's probability still ranks its images once the lesion is erased by its mask.",
        "AUROC", "lower", ("<=",), _CLASS, _CLEAN,
        source="`findings/erasure.py`",
    ),
    "decision_flips": MetricRule(
        "Of the images of class A that the device gets right, the share that it calls B once the artefact is in.",
        "share of images", "lower", ("<=",), frozenset({"artefact", "direction"}), _FLIP,
        source="`findings/artefacts.py`",
    ),
    "decision_flips_beyond_sham": MetricRule(
        "The same, minus the share that the sham flips.",
        "share of images", "lower", ("<=", "within"), frozenset({"artefact", "direction"}), _FLIP, needs_sham=True,
        range="-1 to 1",
        source="`findings/artefacts.py`",
    ),
    "artefact_effect": MetricRule(
        "Mean change of the class's probability when the artefact is put into clean images.",
        "probability", "near zero", ("within", "<=", ">="), _ARTEFACT | _CLASS, _EFFECT,
        range="-1 to 1",
        source="paper, 4.2; `findings/artefacts.py`", describes=True,
    ),
    "effect_minus_sham": MetricRule(
        "The same, minus the change that the sham causes.",
        "probability", "near zero", ("within", "<=", ">="), _ARTEFACT | _CLASS, _EFFECT, needs_sham=True,
        range="-2 to 2",
        source="`findings/artefacts.py`",
    ),
    "spurious_relevance_share": MetricRule(
        "Share of the class's relevance on components that align with its spurious concepts.",
        "share of relevance", "lower", ("<=",), _CLASS, _INSIDE, needs_foundation=True,
        source="paper, 3.4, 4.2; `findings/components.py`",
    ),
    "unexpected_relevance_share": MetricRule(
        "Share of the class's relevance on components that no valid or spurious concept explains that counts.",
        "share of relevance", "lower", ("<=",), _CLASS, _INSIDE, needs_foundation=True,
        source="paper, 3.4; `findings/components.py`",
    ),
    "unread_relevance_share": MetricRule(
        "The same, without the components that a reader has decided about in `review`.",
        "share of relevance", "lower", ("<=",), _CLASS, _INSIDE, needs_foundation=True,
        source="paper, 3.4, 4.3; `findings/components.py`",
    ),
    "observability": MetricRule(
        "How well the foundation model tells images with the concept from images without it.",
        "AUROC", "higher", (">=",), frozenset({"concept"}), frozenset({"concept", "class", "each"}),
        needs_foundation=True,
        source="paper, Note I; `findings/observability.py`",
    ),
    "mediated_share": MetricRule(
        "Share of an artefact's effect on the class's margin that runs through components labelled with the artefact.",
        "share of effect", "lower", ("<=",), _ARTEFACT | _CLASS, frozenset({"artefact", "class", "each"}),
        needs_foundation=True,
        range="unbounded",
        source="`findings/mediation.py`",
    ),
    "separability": MetricRule(
        "How well the class's margin ranks its clean images above other classes' images with the artefact put in.",
        "AUROC", "higher", (">=",), _ARTEFACT | _CLASS, _TOLD,
        source="paper, 4.2, F.1.1; `findings/separability.py`",
    ),
    "separability_drop": MetricRule(
        "The same without the artefact, minus with it, on the same images.",
        "AUROC", "lower", ("<=",), _ARTEFACT | _CLASS, _TOLD,
        range="-1 to 1",
        source="`findings/separability.py`",
    ),
    "separability_drop_beyond_sham": MetricRule(
        "The drop with the artefact, minus the drop with its sham.",
        "AUROC", "lower", ("<=",), _ARTEFACT | _CLASS, _TOLD, needs_sham=True,
        range="-2 to 2",
        source="`findings/separability.py`",
    ),
    "flip_rate": MetricRule(
        "Share of images whose decision changes at all once the artefact is in, whatever the direction.",
        "share of images", "lower", ("<=",), _ARTEFACT | _CLASS, _TOLD,
        source="`findings/artefacts.py`",
    ),
    "accuracy_drop": MetricRule(
        "Accuracy on the clean images minus that on the same images with the artefact.",
        "share of images", "lower", ("<=", "within"), _ARTEFACT | _CLASS, _TOLD,
        range="-1 to 1",
        source="`findings/artefacts.py`",
    ),
    "strongest_spurious_component": MetricRule(
        "Largest share of the class's relevance on any single component that aligns with a spurious concept.",
        "share of relevance", "lower", ("<=",), _CLASS, _INSIDE, needs_foundation=True,
        source="paper, 3.4; `findings/inside_metrics.py`",
    ),
    "valid_coverage": MetricRule(
        "Share of the groups of valid concepts that some relevant component is labelled with.",
        "share of concepts", "higher", (">=",), _CLASS, _INSIDE, needs_foundation=True,
        source="paper, 3.4; `findings/inside_metrics.py`",
    ),
    "alignment_margin": MetricRule(
        "How far the best valid alignment of the relevant components stands above the best spurious one, by relevance.",
        "cosine", "higher", (">=",), _CLASS, _INSIDE, needs_foundation=True,
        range="-2 to 2",
        source="paper, 3.3, 3.4; `findings/inside_metrics.py`", describes=True,
    ),
    "clarity": MetricRule(
        "How alike the examples of the relevant components are, by relevance.",
        "cosine", "higher", (">=",), _CLASS, _INSIDE, needs_foundation=True,
        range="-1/(m - 1) to 1",
        source="paper, 3.5, eq. 7; `examine/interpretability.py`", describes=True,
    ),
    "redundancy": MetricRule(
        "How alike each relevant component is to the most similar other one, by relevance.",
        "cosine", "lower", ("<=",), _CLASS, _INSIDE, needs_foundation=True,
        range="-1 to 1",
        source="paper, 3.5; `examine/interpretability.py`", describes=True,
    ),
    "polysemanticity": MetricRule(
        "How far the examples of the relevant components fall into two groups, by relevance.",
        "cosine", "lower", ("<=",), _CLASS, _INSIDE, needs_foundation=True,
        range="0 to 2",
        source="paper, 3.5, eq. 10; `examine/interpretability.py`", describes=True,
    ),
}  # fmt: skip
"""By metric; the keys are those of `auditlens.spec.model.METRICS`."""


def parse_direction(text: str, classes: Sequence[str], class_name: str = "") -> tuple[str, str]:
    """Split `A_to_B` into two classes; class names may contain underscores, and `_to_` too.

    `other` stands for all classes but the one on the other side. `from_class` and `to_class` are the two directions of
    the gate's class, `class_name`.

    Raises
    ------
    ValueError
        Where no split gives two different classes, or more than one does.
    """
    if text in (FROM_CLASS, TO_CLASS):
        return (class_name, OTHER) if text == FROM_CLASS else (OTHER, class_name)
    sides = {*classes, OTHER}
    pairs = [(start, text[len(start) + 4 :]) for start in sides if text.startswith(f"{start}_to_")]
    known = [(start, end) for start, end in pairs if end in sides and start != end]
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
    """Write a value the way its unit is read: `4.1 %`, `+3.2 points`, `0.870`."""
    if metric == "change":
        return "differs" if value else "the same"
    factor, digits, unit = _reading(metric)
    sign = "+" if unit == " points" else ""
    return f"{factor * value:{sign}.{digits}f}{unit}"


def shown_limit(bound: float, metric: str) -> str:
    """Write a limit likewise, without a plus, and with all of its digits where it has more than a value is given."""
    if metric == "change":
        return shown_value(bound, metric)
    factor, digits, unit = _reading(metric)
    rounded = f"{factor * bound:.{digits}f}"
    exact = abs(float(rounded) - factor * bound) < 1e-9
    return f"{rounded if exact else f'{factor * bound:.9g}'}{unit}"


def _reading(metric: str) -> tuple[int, int, str]:
    """Factor, decimals and unit that a metric is read in."""
    rule = METRIC_RULES.get(metric)
    if rule is None or rule.unit in ("AUROC", "cosine"):
        return 1, 3, ""
    return 100, 1, " points" if rule.unit == "probability" else " %"
