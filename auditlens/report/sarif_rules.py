"""The rules of `results.sarif`: one a metric, with what it measures, its unit and direction, from `spec/metrics.py`."""

from __future__ import annotations

from typing import Any, Final

from auditlens.spec.metrics import METRIC_RULES, MetricRule

DIRECTIONS: Final = {"higher": "Higher is better.", "lower": "Lower is better.", "near zero": "Near zero is better."}
DECISION: Final = (
    "A gate holds where its whole interval lies inside the limit, fails where the whole interval lies outside, and is "
    "undecided otherwise; without a measurement it is not evaluated, which is never a pass."
)
NEXT: Final = "Open report.html of the run: section 2 has the gate with its interval, section 4 the pictures behind it."
AGAIN: Final = "The same"
"""How a question begins that goes on from the metric before it."""


def rule_id(metric: str) -> str:
    """Stable identifier of the rule behind a metric."""
    return f"auditlens/{metric}"


def rule(metric: str) -> dict[str, Any]:
    """One `reportingDescriptor`; a metric that this version does not know keeps its name alone."""
    words = _words(metric)
    known = METRIC_RULES.get(metric)
    question = full_question(metric) if known is not None else f"{words}."
    described = f"{question} {_described(known)}" if known is not None else question
    return {
        "id": rule_id(metric),
        "name": "".join(word.capitalize() for word in metric.split("_")),
        "shortDescription": {"text": words},
        "fullDescription": {"text": question},
        "help": {
            "text": f"{described} {DECISION} {NEXT}",
            "markdown": f"**{words}**: {described}\n\n{DECISION}\n\n{NEXT}",
        },
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["audit", "shortcut"]},
    }


def full_question(metric: str) -> str:
    """What a metric measures, in sentences that stand alone."""
    asked = ""
    for name, known in METRIC_RULES.items():
        goes_on = known.question.startswith(AGAIN)
        asked = asked if goes_on else known.question
        if name == metric:
            return f"{asked} {known.question}" if goes_on else asked
    return ""


def _words(metric: str) -> str:
    words = metric.replace("_", " ").replace("auroc", "AUROC")
    return words[:1].upper() + words[1:]


def _described(known: MetricRule) -> str:
    """Unit, direction and what a limit may be."""
    limits = " or ".join(known.relations)
    sham = " Needs a sham." if known.needs_sham else ""
    return f"Unit: {known.unit}. {DIRECTIONS[known.better]} Limits: {limits}.{sham}"
