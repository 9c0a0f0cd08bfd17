"""A second foundation model's opinion: its labels beside the first's, never mixed with them.

The same crops, embedded by another model, are labelled by the same rule with the same thresholds, and the other model
has to show for itself which concepts it sees. Agreement over the components is counted, and corrected for chance by
Cohen's kappa (1960). Two models that agree may share a fault; two that differ cannot both be right. No gate reads
any of this.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from auditlens.findings.labels import Labels
from auditlens.findings.observability import concept_findings
from auditlens.spec.model import AuditSpec
from auditlens.stages.evidence import Evidence, OpinionEvidence
from auditlens.stages.findings import (
    ComponentFinding,
    ConceptFinding,
    LabelAgreement,
    LabelPair,
    Opinion,
    SeenByBoth,
)
from auditlens.stages.plan import AuditPlan
from auditlens.stages.states import ComponentState, ConceptState

FEWEST_LABELS = 5
"""Components that each of the two must label before their agreement is put into a number."""
NOBODYS_EVIDENCE = (ComponentState.UNVERIFIED, ComponentState.IRRELEVANT)
LabelsOf = Callable[[AuditSpec, AuditPlan, Evidence], Mapping[tuple[str, str], Labels]]
"""Labels of all components by layer and class, as the verdict's own are made."""


def opinion_findings(
    spec: AuditSpec,
    plan: AuditPlan,
    evidence: Evidence,
    concepts: Sequence[ConceptFinding],
    components: Sequence[ComponentFinding],
    labels_of: LabelsOf,
) -> tuple[Opinion, ...]:
    """Judge every further foundation model, and compare it with the first.

    Parameters
    ----------
    spec, plan, evidence
    concepts : sequence of ConceptFinding
        What the first model sees.
    components : sequence of ComponentFinding
        With the first model's labels.
    labels_of : callable
        The rule by which components are labelled.
    """
    if len(evidence.opinions) != len(plan.opinions):
        raise ValueError(f"{len(evidence.opinions)} opinions were gathered, {len(plan.opinions)} were planned")
    found = []
    for place, opinion in enumerate(evidence.opinions):
        own_plan = plan.model_copy(update={"foundation": plan.opinions[place]})
        own = replace(evidence, space=opinion.space, components=opinion.components)
        seen = concept_findings(spec, own_plan, own.samples, own.space)
        pairs = label_pairs(components, labels_of(spec, own_plan, own))
        found.append(_opinion(opinion, pairs, tuple(_seen(*both) for both in zip(concepts, seen, strict=True))))
    return tuple(found)


def _opinion(opinion: OpinionEvidence, pairs: tuple[LabelPair, ...], concepts: tuple[SeenByBoth, ...]) -> Opinion:
    groups = groupby(pairs, key=lambda pair: (pair.layer, pair.class_name))
    agreements = tuple(agreement(layer, name, tuple(rows)) for (layer, name), rows in groups)
    return Opinion(
        model=opinion.model,
        sha256=opinion.sha256,
        pairs=pairs,
        agreements=agreements,
        concepts=concepts,
        sentence=_sentence(opinion.model, agreements, concepts),
    )


def label_pairs(
    components: Sequence[ComponentFinding], labels: Mapping[tuple[str, str], Labels]
) -> tuple[LabelPair, ...]:
    """Put the labels side by side, in the order of the components."""
    return tuple(_pair(row, labels[row.layer, row.class_name]) for row in components)


def _pair(row: ComponentFinding, labels: Labels) -> LabelPair:
    state, label = labels.states[row.index], labels.labels[row.index]
    return LabelPair(
        id=row.id,
        layer=row.layer,
        class_name=row.class_name,
        first=_counted(row.state, row.label),
        first_state=row.state,
        second=_counted(state, label),
        second_state=state,
    )


def _counted(state: ComponentState, label: str | None) -> str | None:
    return None if state in NOBODYS_EVIDENCE else label


def agreement(layer: str, class_name: str, pairs: Sequence[LabelPair]) -> LabelAgreement:
    """Count equal labels, and correct them for chance where there are enough of them."""
    n_first, n_second = (sum(name is not None for name in names) for names in _columns(pairs))
    kappa, note = _kappa(pairs, n_first, n_second)
    return LabelAgreement(
        layer=layer,
        class_name=class_name,
        n=len(pairs),
        n_first=n_first,
        n_second=n_second,
        n_either=sum(pair.first is not None or pair.second is not None for pair in pairs),
        n_same=sum(pair.first is not None and pair.first == pair.second for pair in pairs),
        kappa=kappa,
        note=note,
    )


def _columns(pairs: Sequence[LabelPair]) -> tuple[list[str | None], list[str | None]]:
    return [pair.first for pair in pairs], [pair.second for pair in pairs]


def _kappa(pairs: Sequence[LabelPair], n_first: int, n_second: int) -> tuple[float | None, str]:
    if min(n_first, n_second) < FEWEST_LABELS:
        counted = f"the first labels {n_first} and the second {n_second} of {len(pairs)} components"
        return None, f"too few labels to measure agreement: {counted}; {FEWEST_LABELS} of each are needed"
    value = cohens_kappa(*_columns(pairs))
    return value, "" if value is not None else "both give one and the same label to every component"


def cohens_kappa(first: Sequence[str | None], second: Sequence[str | None]) -> float | None:
    """Agreement beyond chance, (p_o - p_e) / (1 - p_e), at most 1; None answers count as an answer of their own.

    Returns
    -------
    float or None
        None where both give one and the same answer throughout, so that chance alone agrees.
    """
    n = len(first)
    observed = sum(one == other for one, other in zip(first, second, strict=True)) / n
    ours, theirs = Counter(first), Counter(second)
    expected = sum(ours[answer] * theirs[answer] for answer in ours) / n**2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def _seen(first: ConceptFinding, second: ConceptFinding) -> SeenByBoth:
    return SeenByBoth(
        concept=first.concept,
        first=first.state,
        second=second.state,
        first_auroc=first.auroc,
        second_auroc=second.auroc,
    )


def _sentence(model: str, agreements: Sequence[LabelAgreement], concepts: Sequence[SeenByBoth]) -> str:
    seen = [row for row in concepts if row.first is ConceptState.OBSERVABLE]
    both = sum(row.second is ConceptState.OBSERVABLE for row in seen)
    parts = [f"{model}, asked beside the first foundation model, sees {both} of the {len(seen)} concepts that it sees"]
    parts += [_counts(row) for row in agreements]
    return "; ".join(parts) + ". The verdict rests on the first model alone."


def _counts(row: LabelAgreement) -> str:
    place = f"{row.class_name}, {row.layer}"
    measured = f"kappa {row.kappa:.2f}" if row.kappa is not None else "too few labels for a kappa"
    return f"{place}: the same label on {row.n_same} of the {row.n_either} components that either labels ({measured})"
