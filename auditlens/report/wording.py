"""Numbers and states in the words and digits of the report, the same in every writer."""

from __future__ import annotations

import math
import re

from markupsafe import Markup, escape

from auditlens.plan.baselines import CHANGE
from auditlens.spec.metrics import METRIC_RULES
from auditlens.stages.findings import Confrontation, Effect, Estimate
from auditlens.stages.plan import PlannedGate
from auditlens.stages.states import GateState
from auditlens.stages.verdict import GateResult
from auditlens.verdict.weight import is_accepted as is_accepted

RATES = frozenset(name for name, rule in METRIC_RULES.items() if rule.unit.startswith("share"))
"""Metrics shown in per cent."""
DIFFERENCES = frozenset({"artefact_effect", "effect_minus_sham"})
"""Metrics shown as a signed change of a probability."""
OUTCOMES = {
    GateState.HOLDS: "holds",
    GateState.FAILS: "FAILS",
    GateState.INCONCLUSIVE: "undecided",
    GateState.NOT_EVALUATED: "not evaluated",
}
CONCLUSIONS = {
    "both": "Both lines show it: it is encoded, and putting it in moves the score.",
    "inside only": "Encoded, not shown to be used: putting it in does not move the score.",
    "behaviour only": "Putting it in moves the score, but no component carries its label.",
    "neither": "Neither line shows it, within what this audit can detect.",
    "not evaluated": "One line is missing, so there is nothing to confront.",
}
ACCEPTED = "fails, accepted"
MISSING = "\N{EN DASH}"


def kind_of(metric: str) -> str:
    """`percent`, `signed`, `score` or `change`: how a metric's numbers are written."""
    if metric in RATES:
        return "percent"
    if metric == CHANGE:
        return "change"
    return "signed" if metric in DIFFERENCES else "score"


def number(value: float | None, kind: str = "score") -> str:
    """Write one number: `percent` as 4.1 %, `signed` as +0.246, `score` as 0.912; a dash for None."""
    if value is None or not math.isfinite(value):
        return MISSING
    if kind == "change":
        return "differs" if value else "the same"
    if kind == "percent":
        return minus(f"{_flat(100 * value, 1):.1f} %")
    if kind == "signed":
        return minus(f"{_flat(value, 3):+.3f}")
    return minus(f"{_flat(value, 3):.3f}")


def digits(value: float, n: int) -> str:
    """Write a number with `n` decimals, a real minus sign and no negative zero."""
    return minus(f"{_flat(value, n):.{n}f}")


def typeset(text: str) -> str:
    """Set a sentence of the record: real signs for <=, >=, +/- and minus, curly quotes, no break before a %."""
    for plain_sign, sign in ((">=", "≥"), ("<=", "≤"), ("+/-", "±")):
        text = text.replace(plain_sign, sign)
    text = re.sub(r"(?<![\w.)\]-])-(?=\d)", "\N{MINUS SIGN}", text)
    text = re.sub(r"(?<!\w)'([^']+)'(?!\w)", "“\\1”", text)
    return re.sub(r"(\d) %", "\\1\N{NO-BREAK SPACE}%", text)


def minus(text: str) -> str:
    """Replace the hyphen of a negative number by a minus sign."""
    return text.replace("-", "\N{MINUS SIGN}")


def _flat(value: float, digits: int) -> float:
    """Round, and turn a negative zero into zero."""
    return round(value, digits) + 0.0


def interval(estimate: Estimate | None, kind: str = "score") -> str:
    """Write the interval alone, such as `2.9 to 5.6 %`; empty without one."""
    if estimate is None or estimate.low is None or estimate.high is None or kind == "change":
        return ""
    low, high = number(estimate.low, kind), number(estimate.high, kind)
    return f"{low.removesuffix(' %')} to {high}"


def estimate_text(estimate: Estimate | None, kind: str = "score") -> str:
    """Value and interval, such as `4.1 % (2.9 to 5.6 %)`."""
    if estimate is None:
        return MISSING
    bounds = interval(estimate, kind)
    return number(estimate.value, kind) + (f" ({bounds})" if bounds else "")


def confidence_text(estimate: Estimate) -> str:
    """Level and sidedness of an interval, such as `95 %, one-sided`."""
    return f"{100 * estimate.confidence:g} %" + (", one-sided" if estimate.sided == "one" else "")


def limit_text(gate: PlannedGate) -> str:
    """Write the limit in the units of the metric, such as `≤ 2 %`."""
    if gate.metric == CHANGE:
        return "the same"
    scaled = gate.metric in RATES
    bound = f"{100 * gate.bound:.6g} %" if scaled else f"{gate.bound:g}"
    return {"<=": f"≤ {bound}", ">=": f"≥ {bound}", "within": f"within ± {bound}"}[gate.relation]


def outcome_word(result: GateResult) -> str:
    """Write the outcome: holds, FAILS, undecided, not evaluated, or `fails, accepted`."""
    return ACCEPTED if is_accepted(result) else OUTCOMES[result.state]


def count_text(n: int) -> str:
    """Write a count with thousands separators."""
    return f"{n:,}"


def plural(n: int, one: str, many: str | None = None) -> str:
    """Count and noun, such as `1 image` or `1,500 images`."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def plain(name: str | None) -> str:
    """Write an identifier as words."""
    return (name or "").replace("_", " ")


def short_hash(digest: str | None) -> str:
    """First twelve digits of a hash; a dash where there is none."""
    return digest[:12] if digest else MISSING


def capitalise(text: str) -> str:
    """Raise the first letter and leave the rest."""
    return text[:1].upper() + text[1:]


def quantity_text(estimate: Estimate | None) -> str:
    """What an estimate rests on: events, images, units, instances."""
    if estimate is None or not estimate.n:
        return MISSING
    images = f"{estimate.n_events:,} of {estimate.n:,}" if estimate.n_events is not None else f"{estimate.n:,}"
    parts = [f"{images} images"]
    if estimate.n_units:
        parts.append(plural(estimate.n_units, "unit"))
    if estimate.n_instances is not None:
        parts.append(plural(estimate.n_instances, "instance"))
    return ", ".join(parts)


def sham_did_more(metric: str, estimate: Estimate | None) -> bool:
    """Whether a share beyond the sham is below zero as written: the sham turned more decisions than the artefact."""
    negative = estimate is not None and estimate.value is not None and round(100 * estimate.value, 1) < 0
    return negative and metric == "decision_flips_beyond_sham"


def sham_moved_more(effect: Effect) -> bool:
    """Whether the sham moved the probability further than the artefact did, and the same way."""
    if effect.raw.value is None or effect.beyond is None or effect.beyond.value is None:
        return False
    return effect.raw.value * effect.beyond.value < 0


def breakable(name: str) -> Markup:
    """Let a long technical name break after its separators and nowhere else."""
    return Markup(re.sub(r"([:./_])(?=\w)", r"\1<wbr>", str(escape(name))))


def conclusion_text(row: Confrontation) -> str:
    """What the two lines of evidence say together; their numbers stand beside it."""
    if row.inside is None:
        return "Nothing shows that the foundation model sees it, so the inside does not count."
    return CONCLUSIONS[row.conclusion]
