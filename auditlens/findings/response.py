"""Labels against responses: does what is labelled with an artefact move when it goes in (decision rule 16)?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from auditlens.findings.alignment import AlignmentTable
from auditlens.findings.confrontation import artefact_of
from auditlens.findings.labels import Labels
from auditlens.findings.selection import mean_magnitude, select_components
from auditlens.findings.statistics import auroc, holm, holm_confidences
from auditlens.findings.statistics.many import Means, mean_effects
from auditlens.spec.model import AuditSpec
from auditlens.stages.estimate import Estimate
from auditlens.stages.evidence import Bools, Evidence, Floats, Ints
from auditlens.stages.findings import ConceptFinding, Confrontation
from auditlens.stages.plan import AuditPlan
from auditlens.stages.response import (
    SMALLEST_RESPONSE,
    ComponentResponse,
    ResponseFinding,
    ResponseKind,
    Responses,
)
from auditlens.stages.states import ConceptState

ALPHA = 0.05
Scores = Mapping[str, Floats]
"""By concept: alignment z of every component of a layer."""


@dataclass(frozen=True, slots=True)
class Tested:
    """The components of one layer that are tested for one artefact and class, in ascending order.

    Attributes
    ----------
    components : Ints, (tested,)
    labelled : Bools, (tested,)
        Whether a component carries a label that counts, of a concept that the artefact shows.
    response, contribution : Means
        Over the trials; one column per tested component.
    raw, p_adjusted : Floats, (tested,)
    intervals, contributions : list of Estimate
        At Holm's levels.
    """

    components: Ints
    labelled: Bools
    raw: Floats
    p_adjusted: Floats
    intervals: list[Estimate]
    contributions: list[Estimate]

    def responds(self) -> Bools:
        """Clear of zero among all tested, large enough, and in the direction in which the artefact itself moves it.

        What the sham moves further than the artefact does is no response to the artefact.
        """
        means = np.array([found.value for found in self.intervals])
        large = np.abs(means) >= SMALLEST_RESPONSE
        return np.asarray((self.p_adjusted <= ALPHA) & large & (means * self.raw > 0))

    def kinds(self) -> list[ResponseKind | None]:
        """What each component is listed as; None for those that are not listed."""
        pairs = zip(self.labelled, self.responds(), self.intervals, strict=True)
        return [_kind(bool(label), bool(acts), found) for label, acts, found in pairs]


def _kind(labelled: bool, responds: bool, found: Estimate) -> ResponseKind | None:
    if responds:
        return "responds" if labelled else "without label"
    if not labelled:
        return None
    known = found.low is not None and found.high is not None
    small = known and max(abs(found.low or 0.0), abs(found.high or 0.0)) < SMALLEST_RESPONSE
    return "silent" if small else "unclear"


def response_findings(
    spec: AuditSpec,
    plan: AuditPlan,
    evidence: Evidence,
    concepts: Mapping[str, ConceptFinding],
    labels: Mapping[tuple[str, str], Labels],
    scores: Mapping[str, Scores],
) -> tuple[ResponseFinding, ...]:
    """Judge every artefact, layer and class.

    Parameters
    ----------
    labels : mapping of (layer, class) to Labels
        Of all components.
    scores : mapping of layer to Scores
        From `alignment_scores`.
    """
    return tuple(
        _finding(
            spec, plan, evidence, concepts, labels[found.layer, class_name], scores[found.layer], found, class_name
        )
        for found in evidence.responses.values()
        for class_name in plan.audited_classes
    )


def alignment_scores(cropped: AlignmentTable | None, whole: AlignmentTable | None, examined: Ints) -> dict[str, Floats]:
    """Alignment z of every component of a layer by concept: by crops for the examined ones, else by whole images."""
    if whole is None:
        return {}
    scores = whole.z.copy()
    if cropped is not None:
        scores[examined] = cropped.z
    return {name: scores[:, column] for column, name in enumerate(whole.concepts)}


def shown_by(spec: AuditSpec, artefact: str, concepts: Mapping[str, ConceptFinding]) -> tuple[str, ...]:
    """Concepts that an artefact shows, as far as the foundation model is shown to see them."""
    own = (name for name in concepts if artefact_of(spec, name) == artefact)
    return tuple(name for name in own if concepts[name].state is ConceptState.OBSERVABLE)


def _finding(
    spec: AuditSpec,
    plan: AuditPlan,
    evidence: Evidence,
    concepts: Mapping[str, ConceptFinding],
    labels: Labels,
    scores: Scores,
    found: Responses,
    class_name: str,
) -> ResponseFinding:
    own = shown_by(spec, found.artefact, concepts)
    relevance = evidence.relevance[found.layer, class_name]
    shares = mean_magnitude(relevance.relevance)
    relevant, _ = select_components(relevance, spec.examine.relevance_floor, len(shares))
    carries = np.array([label in own for label in labels.labels])
    tested = _tested(evidence, found, class_name, np.union1d(relevant, np.flatnonzero(carries)), carries)
    kinds, responds = tested.kinds(), tested.responds()
    rows = tuple(
        ComponentResponse(
            id=plan.model.component_id(found.layer, int(component)),
            index=int(component),
            kind=kind,
            state=labels.states[component],
            label=labels.labels[component],
            relevance=float(shares[component]),
            response=tested.intervals[place],
            raw=float(tested.raw[place]),
            contribution=tested.contributions[place],
            p_adjusted=float(tested.p_adjusted[place]),
        )
        for place, (component, kind) in enumerate(zip(tested.components, kinds, strict=True))
        if kind is not None
    )
    finding = ResponseFinding(
        artefact=found.artefact,
        class_name=class_name,
        layer=found.layer,
        concepts=own,
        n_trials=len(found.image_indices),
        n_relevant=len(tested.components),
        n_responding=int(responds.sum()),
        n_labelled=int(tested.labelled.sum()),
        n_labelled_responding=kinds.count("responds"),
        n_labelled_silent=kinds.count("silent"),
        components=tuple(sorted(rows, key=_order)),
        **_parts(evidence, found, class_name, carries),
        told=_told(scores, own, tested.components, responds),
        sentence="",
    )
    return finding.model_copy(update={"sentence": sentence(finding)})


def _order(row: ComponentResponse) -> tuple[bool, float, int]:
    return row.kind == "without label", -abs(row.contribution.value or 0.0), row.index


def _tested(evidence: Evidence, found: Responses, class_name: str, components: Ints, carries: Bools) -> Tested:
    response = _means(evidence, found, found.response[:, components])
    contribution = _means(evidence, found, found.contributions[class_name][:, components])
    p_values = response.p_values()
    return Tested(
        components=components,
        labelled=carries[components],
        raw=found.raw[:, components].mean(axis=0),
        p_adjusted=holm(p_values),
        intervals=response.estimates(holm_confidences(p_values, 1 - ALPHA)),
        contributions=contribution.estimates(holm_confidences(contribution.p_values(), 1 - ALPHA)),
    )


def responding_components(evidence: Evidence, found: Responses, class_name: str, components: Ints) -> Ints:
    """Of these components (ascending) the ones that respond, by the rule of the list."""
    unlabelled = np.zeros(found.response.shape[1], dtype=bool)
    return components[_tested(evidence, found, class_name, components, unlabelled).responds()]


def _means(evidence: Evidence, found: Responses, columns: Floats) -> Means:
    return mean_effects(columns, evidence.samples.units[found.image_indices], found.instances)


def _parts(evidence: Evidence, found: Responses, class_name: str, carries: Bools) -> dict[str, Estimate]:
    """Split the change of the margin by components with and without the label: no part is chosen by its response."""
    contributions = found.contributions[class_name].astype(np.float64)
    labelled, others = contributions[:, carries].sum(axis=1), contributions[:, ~carries].sum(axis=1)
    columns = np.column_stack([found.change[class_name], labelled, others])
    names = ("change", "by_labelled", "by_others")
    return dict(zip(names, _means(evidence, found, columns).estimates(), strict=True))


def _told(scores: Scores, concepts: Sequence[str], components: Ints, responds: Bools) -> Estimate:
    """AUROC of the best alignment with the artefact's concepts, among the tested components."""
    columns = [scores[name][components] for name in concepts if name in scores]
    if not columns:
        return Estimate(value=None, note="no concept that is seen names this artefact")
    best = np.max(columns, axis=0)
    finite = np.isfinite(best)
    return auroc(best[finite], responds[finite], components[finite])


def sentence(row: ResponseFinding) -> str:
    """Say what responds, in words, as it stands beside the two lines of evidence."""
    name = row.artefact.replace("_", " ")
    silent, unclear, others = (_count(row, kind) for kind in ("silent", "unclear", "without label"))
    if not row.concepts:
        with_label = f"No label that counts names {name}"
    elif not row.n_labelled:
        with_label = f"No component carries a label that {name} shows"
    else:
        acts = _respond(row.n_labelled_responding)
        with_label = f"Of {_components(row.n_labelled, 'labelled')}, {row.n_labelled_responding} {acts} to {name}"
        left = [text for n, text in ((silent, f"{silent} silent"), (unclear, f"{unclear} unclear")) if n]
        with_label += f" ({', '.join(left)})" if left else ""
    rest = f"{_components(others, 'other')} {_respond(others)}" if others else "no other component responds"
    return f"{with_label}; {rest} without the label."


def _count(row: ResponseFinding, kind: str) -> int:
    return sum(found.kind == kind for found in row.components)


def _respond(n: int) -> str:
    return "responds" if n == 1 else "respond"


def _components(n: int, which: str) -> str:
    return f"{n} {which} component" + ("" if n == 1 else "s")


def with_responses(
    lines: tuple[Confrontation, ...], found: Sequence[ResponseFinding], layers: Sequence[str]
) -> tuple[Confrontation, ...]:
    """Join what the last layer's components do to the lines that confront inside and behaviour."""
    sentences = {(row.artefact, row.class_name): row.sentence for row in found if row.layer in layers[-1:]}
    return tuple(
        line.model_copy(update={"response": sentences.get((line.artefact or "", line.class_name), "")})
        for line in lines
    )
