"""Plain words for a gate: what was measured, how sure that is, and what it means for the limit."""

from __future__ import annotations

from auditlens.plan.baselines import CHANGE
from auditlens.spec.metrics import METRIC_RULES
from auditlens.stages.findings import Estimate
from auditlens.stages.plan import PlannedGate
from auditlens.stages.states import GateState
from auditlens.verdict.gate import why_undecided

FLIPS = ("decision_flips", "decision_flips_beyond_sham")
BEYOND = "decision_flips_beyond_sham"
ARTICLES = ("a ", "an ", "the ")
SHARES = tuple(name for name, rule in METRIC_RULES.items() if rule.unit.startswith("share"))
"""Metrics written in per cent."""


def sentence_for(gate: PlannedGate, state: GateState, estimate: Estimate | None, decision: str, artefact: str) -> str:
    """One sentence for the reader of page one.

    Parameters
    ----------
    gate : PlannedGate
    state : GateState
    estimate : Estimate or None
    decision : str
        The operating point in words.
    artefact : str
        The artefact's plain name.
    """
    if gate.metric == CHANGE:
        return _changed(gate, state, estimate)
    if state is GateState.NOT_EVALUATED:
        why = estimate.note if estimate is not None and estimate.note else "there is no measurement"
        return f"{_placed(gate, _subject(gate, artefact))}: not evaluated, because {why}."
    assert estimate is not None  # every other state needs one
    said = _placed(gate, _measured(gate, estimate, decision, artefact))
    return f"{said} ({interval_text(gate, estimate)}). Limit {limit_text(gate)}: {_outcome(state, gate, estimate)}."


def _changed(gate: PlannedGate, state: GateState, estimate: Estimate | None) -> str:
    """What a change plan forbids, and whether it happened."""
    part = gate.id.partition("[")[2].removesuffix("]")
    why = estimate.note if estimate is not None else ""
    demand = f"The change plan demands the same {part} as the baseline's"
    if state is GateState.HOLDS:
        return f"{demand}: holds."
    return f"{demand}; {why}: fails." if state is GateState.FAILS else f"{demand}: not evaluated, because {why}."


def _compared(gate: PlannedGate, estimate: Estimate, artefact: str) -> str:
    """How much worse than a baseline; with a limit either way, how far from it."""
    value, subject = estimate.value or 0.0, _subject(gate, artefact).removesuffix(",")
    rated = gate.metric in SHARES
    size = f"{100 * abs(value):.1f} points" if rated else number(gate.metric, abs(value)).removeprefix("+")
    if gate.relation == "within":
        more = "more" if value >= 0 else "less"
        return f"{subject}: {size} {more} than the baseline {gate.against}"
    return f"{subject}: {'worse' if value >= 0 else 'better'} than the baseline {gate.against} by {size}"


def _placed(gate: PlannedGate, sentence: str) -> str:
    """Say first in which subgroup."""
    inner = f"{sentence[:1].lower()}{sentence[1:]}"
    if gate.worst_subgroup:
        inner = f"in the worst subgroup by {gate.worst_subgroup.replace('_', ' ')}: {inner}"
    if gate.within:
        return f"Within {subgroup_words(gate)}: {inner}"
    return f"{inner[:1].upper()}{inner[1:]}"


def subgroup_words(gate: PlannedGate) -> str:
    """Such as `fitzpatrick V-VI`; empty where the gate is about all images."""
    return ", ".join(f"{column.replace('_', ' ')} {value}" for column, value in gate.within.items())


def _outcome(state: GateState, gate: PlannedGate, estimate: Estimate) -> str:
    if state is GateState.INCONCLUSIVE:
        return f"undecided, {why_undecided(gate, estimate)}"
    return {GateState.HOLDS: "holds", GateState.FAILS: "fails"}[state]


def _measured(gate: PlannedGate, estimate: Estimate, decision: str, artefact: str) -> str:
    if gate.against is not None:
        return _compared(gate, estimate, artefact)
    put_in = inserting(artefact)
    if gate.metric in FLIPS:
        turned = f"turns {_turned(gate, estimate.value)} into {gate.to_class}"
        than_sham = " than its sham does" if gate.metric == BEYOND else ""
        right = f"Of 100 {gate.from_class} images that the model calls rightly ({decision})"
        return f"{right}, {put_in} {turned}{than_sham}"
    value = number(gate.metric, estimate.value)
    if gate.metric in ("artefact_effect", "effect_minus_sham"):
        beyond = ", beyond what its sham does" if gate.metric == "effect_minus_sham" else ""
        where = f" on {gate.true_class} images" if gate.true_class else ""
        moved = f"moves P({gate.class_name}){where} by {value} on average"
        return f"{put_in[:1].upper()}{put_in[1:]} {moved}{beyond}"
    return f"{_subject(gate, artefact)} is {value}"


def inserting(label: str) -> str:
    """Name the act: `inserting a ruler`, or `inserting 'ruler'` where the label is a bare name rather than a phrase."""
    return f"inserting {named(label)}"


def named(label: str) -> str:
    """Quote a label that brings no article: the sentence then reads well with any words."""
    return label if label.lower().startswith(ARTICLES) else f"'{label}'"


def _turned(gate: PlannedGate, value: float | None) -> str:
    """How many of 100 turn; against a sham, how many more or fewer, so that no reader meets a negative count."""
    if gate.metric != BEYOND or value is None:
        return number(gate.metric, value)
    return f"{number(gate.metric, abs(value))} {'fewer' if _negative(value) else 'more'}"


def _negative(value: float) -> bool:
    """Whether a share still is below zero when it is written with one decimal of a per cent."""
    return round(100 * value, 1) < 0


def _subject(gate: PlannedGate, artefact: str) -> str:
    put_in, concept = named(artefact), (gate.concept or "").replace("_", " ")
    turning = f"Decisions that turn from {gate.from_class} to {gate.to_class} when {put_in} goes in"
    return {
        "sensitivity": f"The share of {gate.class_name} images that the model detects",
        "specificity": f"The share of other images that the model does not call {gate.class_name}",
        "auroc": f"The AUROC of P({gate.class_name}) on clean images",
        "lesion_erased_auroc": f"The AUROC of P({gate.class_name}) with the lesion erased",
        "decision_flips": turning,
        "decision_flips_beyond_sham": f"{turning}, beyond its sham",
        "artefact_effect": f"The effect of {put_in} on P({gate.class_name})",
        "effect_minus_sham": f"The effect of {put_in} on P({gate.class_name}), beyond its sham",
        "spurious_relevance_share": f"The share of relevance for {gate.class_name} on components of spurious concepts",
        "unexpected_relevance_share": f"The share of relevance for {gate.class_name} that nothing in the spec explains",
        "unread_relevance_share": (
            f"The share of relevance for {gate.class_name} that nothing in the spec explains and nobody has read"
        ),
        "mediated_share": f"The share of the effect of {put_in} on {gate.class_name} that components labelled so carry",
        "separability": f"The AUROC of {gate.class_name} images against others with {put_in}",
        "separability_drop": f"The loss of AUROC of {gate.class_name} when {put_in} goes into the others' images",
        "separability_drop_beyond_sham": (
            f"The loss of AUROC of {gate.class_name} when {put_in} goes into the others' images, beyond its sham,"
        ),
        "flip_rate": f"The share of decisions that change when {put_in} goes in",
        "accuracy_drop": f"The loss of accuracy when {put_in} goes in",
        "strongest_spurious_component": (
            f"The largest share of relevance for {gate.class_name} on a single component of a spurious concept"
        ),
        "valid_coverage": f"The share of valid concepts for {gate.class_name} that relevant components carry",
        "alignment_margin": f"The margin of valid over spurious alignment for {gate.class_name}, by relevance,",
        "clarity": f"The clarity of the components that matter for {gate.class_name}",
        "redundancy": f"The redundancy of the components that matter for {gate.class_name}",
        "polysemanticity": f"The polysemanticity of the components that matter for {gate.class_name}",
        "observability": f"How well the foundation model tells '{concept}' (AUROC)",
    }[gate.metric]


def number(metric: str, value: float | None) -> str:
    """Format a value of a metric: per 100 for rates and shares, signed points for effects, AUROC as it is."""
    if value is None:
        return "-"
    if metric in FLIPS:
        return f"{round(100 * value, 1) + 0.0:.1f}"
    if metric in SHARES:
        return f"{100 * value:.1f} %"
    if metric in ("artefact_effect", "effect_minus_sham"):
        return f"{round(value, 3) + 0.0:+.3f}"
    return f"{value:.3f}"


def interval_text(gate: PlannedGate, estimate: Estimate) -> str:
    """Such as `95 % one-sided: 2.9 to 5.6`; against a sham, `1.1 fewer to 5.6 more` where it reaches below zero."""
    low, high = number(gate.metric, estimate.low).removesuffix(" %"), number(gate.metric, estimate.high)
    if gate.metric == BEYOND and estimate.low is not None and _negative(estimate.low):
        low, high = _turned(gate, estimate.low), _turned(gate, estimate.high)
    high = high if gate.against is None else high.removesuffix(" %")  # a difference is in points
    sided = " one-sided" if estimate.sided == "one" else ""
    return f"{100 * estimate.confidence:g} %{sided}: {low} to {high}"


def limit_text(gate: PlannedGate) -> str:
    """The limit in the units of the metric."""
    scaled = gate.metric in SHARES
    flips = gate.metric.startswith("decision_flips")
    percent = "" if flips or gate.against is not None else " %"
    bound = f"{100 * gate.bound:g}{percent}" if scaled else f"{gate.bound:g}"
    words = {"<=": "at most", ">=": "at least", "within": "within +/-"}[gate.relation]
    return f"{words} {bound}".replace("+/- ", "+/-")
