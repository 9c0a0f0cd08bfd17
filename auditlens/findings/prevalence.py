"""Whether the shortcut is in the data: how often an artefact comes with a class, by flags or by scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from auditlens.findings.confrontation import artefact_of
from auditlens.findings.observability import image_scores
from auditlens.findings.statistics import rate
from auditlens.findings.statistics.contrasts import difference_within, rate_contrast
from auditlens.spec.metrics import OTHER
from auditlens.spec.model import AuditSpec
from auditlens.stages.evidence import Bools, Evidence, Floats, Samples
from auditlens.stages.findings import ConceptFinding, Confrontation, Estimate
from auditlens.stages.plan import AuditPlan
from auditlens.stages.prevalence import PrevalenceFinding
from auditlens.stages.states import ConceptState

MIN_UNITS = 10
"""Units with known flags, of the class and of the others, below which nothing is said."""
SMALLEST_DIFFERENCE = 0.05
"""Difference of two rates from which on one that is clear of zero makes the artefact a sign of the class."""
SMALLEST_RATIO = 2.0
"""Or the one rate is so many times the other, which is what counts for rare artefacts."""
AS_FREQUENT = 0.10
"""An interval of the difference within this on both sides: as frequent in both."""
SMALLEST_SHIFT, AS_HIGH = 0.2, 0.2
"""The same for scores, in standard deviations (Cohen's small effect)."""
MOST_CLASSES = 20


@dataclass(frozen=True, slots=True)
class Source:
    """What says where an artefact is in the data as it is."""

    artefact: str
    by: str
    flags: Floats | None
    """NaN where nobody looked."""
    scores: Floats | None


def prevalence_findings(
    spec: AuditSpec, plan: AuditPlan, evidence: Evidence, concepts: Mapping[str, ConceptFinding]
) -> tuple[PrevalenceFinding, ...]:
    """P(artefact | class) for each artefact that a column flags, or whose concept the foundation model is shown to see.

    Flags come from the artefact's own column, else from that of its concept. Scores are not turned into prevalences:
    that needs the error of the score, which needs flags.
    """
    sources = (source_of(spec, evidence, concepts, name) for name in spec.artefacts)
    return tuple(
        _finding(source, class_name, plan.model.classes, spec, evidence.samples)
        for source in sources
        if source is not None
        for class_name in plan.audited_classes
    )


def source_of(
    spec: AuditSpec, evidence: Evidence, concepts: Mapping[str, ConceptFinding], artefact: str
) -> Source | None:
    """The best that says where an artefact is: its column, its concept's column, its concept's score."""
    names = [name for name in spec.concepts if artefact_of(spec, name) == artefact]
    columns = (spec.artefacts[artefact].column, *(spec.concepts[name].flag for name in names))
    column = next((column for column in columns if column is not None and column in evidence.samples.columns), None)
    if column is not None:
        return Source(artefact, column, evidence.samples.columns[column], None)
    space = evidence.space
    for name in names:
        elsewhere = concepts[name].source in ("images", "insertion") or concepts[name].measured_on is not None
        measured = concepts[name].state is ConceptState.OBSERVABLE and elsewhere
        if space is not None and measured and name in space.probes:
            return Source(artefact, name, None, image_scores(space.probes[name], space))
    return None


def _finding(
    source: Source, class_name: str, classes: tuple[str, ...], spec: AuditSpec, samples: Samples
) -> PrevalenceFinding:
    label = spec.artefacts[source.artefact].label or source.artefact.replace("_", " ")
    inside = samples.labels == classes.index(class_name)
    if source.flags is not None:
        return _by_flag(source, source.flags, class_name, classes, label, inside, samples)
    assert source.scores is not None  # a source has one of the two
    return _by_score(source, source.scores, class_name, label, inside, samples)


def _by_flag(
    source: Source,
    flags: Floats,
    class_name: str,
    classes: tuple[str, ...],
    label: str,
    inside: Bools,
    samples: Samples,
) -> PrevalenceFinding:
    known = ~np.isnan(flags)
    events, here, units = flags[known] > 0.5, inside[known], samples.units[known]
    with_it, without = rate(events[here], units[here]), rate(events[~here], units[~here])
    difference = rate_contrast(events, here, units)
    conclusion = _conclude_rates(with_it, without, difference)
    found = PrevalenceFinding(
        artefact=source.artefact,
        class_name=class_name,
        source="flag",
        by=source.by,
        rates=_rates(events, samples.labels[known], units, classes),
        inside=with_it,
        outside=without,
        difference=difference,
        class_given=rate(here[events], units[events]),
        class_overall=float(here.mean()) if here.size else None,
        n_unknown=int((~known).sum()),
        conclusion=conclusion,
        sentence="",
    )
    return found.model_copy(update={"sentence": _flag_words(found, label, _rest(classes, class_name))})


def _rates(events: Bools, labels: np.ndarray, units: np.ndarray, classes: tuple[str, ...]) -> dict[str, Estimate]:
    if len(classes) > MOST_CLASSES:
        return {}
    return {name: rate(events[labels == number], units[labels == number]) for number, name in enumerate(classes)}


def _rest(classes: tuple[str, ...], class_name: str) -> str:
    """The name of the only other class, or `other`."""
    rest = [name for name in classes if name != class_name]
    return rest[0] if len(rest) == 1 else OTHER


def _conclude_rates(inside: Estimate, outside: Estimate, difference: Estimate) -> str:
    if difference.value is None or min(inside.n_units, outside.n_units) < MIN_UNITS:
        return "too few"
    assert difference.low is not None  # rates always have limits
    assert difference.high is not None
    assert inside.value is not None
    assert outside.value is not None
    less, more = sorted((inside.value, outside.value))
    large = more - less >= SMALLEST_DIFFERENCE or more >= SMALLEST_RATIO * less
    if large and (difference.low > 0 or difference.high < 0):
        return "in the data"
    return "as frequent" if difference.low >= -AS_FREQUENT and difference.high <= AS_FREQUENT else "undecided"


def _flag_words(found: PrevalenceFinding, label: str, rest: str) -> str:
    inside, outside, difference = found.inside, found.outside, found.difference
    assert inside is not None
    assert outside is not None
    if found.conclusion == "too few" or difference.value is None or inside.value is None or outside.value is None:
        return f"Too few images of either side are flagged for '{label}' to say how often the classes carry it."
    said = (
        f"In the data, {_percent(outside.value)} of {rest} and {_percent(inside.value)} of {found.class_name} images "
        f"are flagged with '{label}' (difference {100 * difference.value:+.1f} points, 95 %: "
        f"{100 * (difference.low or 0.0):+.1f} to {100 * (difference.high or 0.0):+.1f}):"
    )
    given, overall = found.class_given, found.class_overall
    if found.conclusion == "in the data" and given is not None and given.value is not None and overall is not None:
        return (
            f"{said} the shortcut is in the data. Of the images with it {_percent(given.value)} are "
            f"{found.class_name}, of all images {_percent(overall)}."
        )
    return f"{said} {_ENDS[found.conclusion]}"


_ENDS: Mapping[str, str] = {
    "in the data": "the shortcut is in the data.",
    "as frequent": "it is about as frequent in both.",
    "undecided": "whether it is more frequent in one is not decided.",
}


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if 0 < share < 0.1 else f"{100 * share:.0f} %"


def _by_score(
    source: Source, scores: Floats, class_name: str, label: str, inside: Bools, samples: Samples
) -> PrevalenceFinding:
    known = ~np.isnan(scores)
    here, units = inside[known], samples.units[known]
    difference = _shift(scores[known], here, units)
    conclusion = _conclude_shift(difference, here, units)
    return PrevalenceFinding(
        artefact=source.artefact,
        class_name=class_name,
        source="score",
        by=source.by,
        difference=difference,
        n_unknown=int((~known).sum()),
        conclusion=conclusion,
        sentence=_score_words(difference, conclusion, label, class_name),
    )


def _shift(scores: Floats, here: Bools, units: np.ndarray) -> Estimate:
    """Difference of the mean scores in standard deviations within the two sides, which are taken as known."""
    centred = np.asarray(scores, dtype=np.float64).copy()
    for side in (here, ~here):
        if side.any():
            centred[side] -= centred[side].mean()
    spread = float(np.sqrt(np.mean(centred**2)))
    found = difference_within(scores / spread, here, units) if spread > 0 else None
    if found is None:
        return Estimate(value=None, note="the scores do not vary, or a side has fewer than two units")
    return found.estimates(0.95)[0]


def _conclude_shift(difference: Estimate, here: Bools, units: np.ndarray) -> str:
    if difference.value is None or difference.low is None or difference.high is None:
        return "too few"
    if min(len(np.unique(units[side])) for side in (here, ~here)) < MIN_UNITS:
        return "too few"
    if (difference.low > 0 or difference.high < 0) and abs(difference.value) >= SMALLEST_SHIFT:
        return "in the data"
    return "as frequent" if difference.low >= -AS_HIGH and difference.high <= AS_HIGH else "undecided"


def _score_words(difference: Estimate, conclusion: str, label: str, class_name: str) -> str:
    if conclusion == "too few" or difference.value is None:
        return f"Too few images of either side to say how their scores for '{label}' differ."
    said = (
        f"By score, not by flag: images of {class_name} score {difference.value:+.2f} standard deviations "
        f"for '{label}' against the others (95 %: {difference.low:+.2f} to {difference.high:+.2f})"
    )
    ends = {
        "in the data": "the shortcut seems to be in the data, unless the score follows the class itself.",
        "as frequent": "the scores of the classes are about the same.",
        "undecided": "whether one class scores higher is not decided.",
    }
    return f"{said}: {ends[conclusion]}"


def with_prevalences(
    confrontations: Sequence[Confrontation], prevalences: Sequence[PrevalenceFinding]
) -> tuple[Confrontation, ...]:
    """Set beside both lines of evidence whether the data brings the artefact and the class together."""
    said = {(row.artefact, row.class_name): row.sentence for row in prevalences if row.conclusion != "too few"}
    return tuple(
        row.model_copy(update={"data": said.get((row.artefact or "", row.class_name), "")}) for row in confrontations
    )
