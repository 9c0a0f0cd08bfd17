"""The estimate that each gate reads, at the gate's own confidence with one-sided bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from auditlens.findings.against import Against, compared, missing
from auditlens.findings.alignment import AlignmentTable
from auditlens.findings.artefacts import Trials, accuracy_drop, change_estimate, effect_estimate, flip_estimate
from auditlens.findings.change import kept_equal
from auditlens.findings.components import share_of
from auditlens.findings.decision import OperatingPoint
from auditlens.findings.erasure import NO_MASK, erased_auroc
from auditlens.findings.inside_metrics import (
    SPURIOUS,
    coverage,
    interpretability_scores,
    margin_scores,
    strongest_share,
    weighted_score,
)
from auditlens.findings.labels import Labels
from auditlens.findings.mediation import OFF, labelled_place, mediated_share
from auditlens.findings.observability import observe
from auditlens.findings.performance import clean_metric
from auditlens.findings.relevance_rows import SHARES, seen_concepts
from auditlens.findings.response import shown_by
from auditlens.findings.selection import floor_for, select_components
from auditlens.findings.separability import Kind, separability_estimate, sides_of_trials
from auditlens.findings.subgroups import members, predictions_of, samples_of, trials_of
from auditlens.findings.worst import worst_of
from auditlens.plan.baselines import CHANGE
from auditlens.spec.model import AuditSpec
from auditlens.spec.review import Reading
from auditlens.stages.baselines import Altered
from auditlens.stages.evidence import INSIDE, Evidence, Floats
from auditlens.stages.findings import ConceptFinding, Estimate
from auditlens.stages.plan import PlannedGate
from auditlens.stages.states import ConceptState


@dataclass(frozen=True, slots=True)
class GateInputs:
    """Everything a gate may read."""

    spec: AuditSpec
    evidence: Evidence
    point: OperatingPoint
    trials: Mapping[str, Trials]
    layers: tuple[str, ...]
    """Examined layers, in the order of the network; a gate that names none reads the last."""
    labels: Mapping[tuple[str, str], Labels]
    """By layer and class, of all components of the layer."""
    concepts: Mapping[str, ConceptFinding]
    against: Against = field(default_factory=Against)
    """Baselines, for gates on the difference to one."""
    altered: tuple[Altered, ...] | None = None
    """What differs from the first baseline; None without one."""
    tables: Mapping[str, AlignmentTable | None] = field(default_factory=dict)
    """By layer: alignments of the components whose examples were cropped."""
    readings: Mapping[str, Reading] = field(default_factory=dict)
    """What readers decided about this very model's components, by name."""
    name_of: Callable[[str, int], str] = lambda layer, component: f"{layer}:{component}"
    """Name of a component of a layer, as reports write it."""

    def place(self, gate: PlannedGate) -> tuple[str, str]:
        """Layer and class that a gate of the inside reads."""
        return gate.layer or (self.layers[-1] if self.layers else ""), gate.class_name


def gate_estimate(gate: PlannedGate, inputs: GateInputs) -> Estimate:
    """Measure what a gate asks for; without evidence the value is None and the note says why."""
    if gate.metric == CHANGE:
        return kept_equal(gate, inputs.altered, inputs.against)
    if _changes_nothing(gate, inputs):
        return missing(gate, f"inserting {gate.artefact!r} changes no pixel of any image, so it was not tested")
    if gate.against is not None:
        return compared(gate, inputs.against, inputs.evidence.samples)
    measure = METRICS[gate.metric]
    if gate.worst_subgroup is None:
        return measure(gate, inputs)
    values = inputs.evidence.samples.partitions[gate.worst_subgroup].values
    return worst_of(gate, values, lambda within: measure(within, inputs))


def _clean(gate: PlannedGate, inputs: GateInputs) -> Estimate:
    images = members(inputs.evidence.samples, gate.within)
    return clean_metric(
        gate.metric,
        samples_of(inputs.evidence.samples, images),
        predictions_of(inputs.evidence.predictions, images),
        inputs.point,
        inputs.point.classes.index(gate.class_name),
        confidence=gate.confidence,
        sided="one",
    )


def _erased(gate: PlannedGate, inputs: GateInputs) -> Estimate:
    erased = inputs.evidence.erasures
    if erased is None or not len(erased.image_indices):
        return missing(gate, NO_MASK)
    class_index = inputs.point.classes.index(gate.class_name)
    erased = erased.of(members(inputs.evidence.samples, gate.within)) if gate.within else erased
    return erased_auroc(inputs.evidence, erased, class_index, confidence=gate.confidence, sided="one")


def _trials(gate: PlannedGate, inputs: GateInputs) -> Trials | None:
    """Trials of the gate's artefact within its subgroup; None where it was not put in."""
    trials = inputs.trials.get(gate.artefact or "")
    if trials is None or not gate.within:
        return trials
    return trials_of(trials, members(trials.samples, gate.within))


def _changes_nothing(gate: PlannedGate, inputs: GateInputs) -> bool:
    """Whether the gate's artefact left every image as it was (an opacity of 0, say): no test, and never a pass."""
    trials = _trials(gate, inputs)
    return trials is not None and trials.raw.area.size > 0 and not trials.raw.area.any()


def _flips(gate: PlannedGate, inputs: GateInputs) -> Estimate:
    trials = _trials(gate, inputs)
    if trials is None:
        return missing(gate, _why_not(gate.artefact, inputs))
    kind = "beyond" if gate.metric.endswith("sham") else "raw"
    source, target = gate.from_class or "", gate.to_class or ""
    return flip_estimate(trials, source, target, kind, confidence=gate.confidence, sided="one")


def _effect(gate: PlannedGate, inputs: GateInputs) -> Estimate:
    trials = _trials(gate, inputs)
    if trials is None:
        return missing(gate, _why_not(gate.artefact, inputs))
    kind = "beyond" if gate.metric == "effect_minus_sham" else "raw"
    class_index = inputs.point.classes.index(gate.class_name)
    return effect_estimate(trials, class_index, gate.true_class, kind, confidence=gate.confidence, sided="one")


def _changed(gate: PlannedGate, inputs: GateInputs) -> Estimate:
    trials = _trials(gate, inputs)
    if trials is None:
        return missing(gate, _why_not(gate.artefact, inputs))
    measure = {"flip_rate": change_estimate, "accuracy_drop": accuracy_drop}[gate.metric]
    class_index = inputs.point.classes.index(gate.class_name)
    return measure(trials, class_index, confidence=gate.confidence, sided="one")


def _why_not(artefact: str | None, inputs: GateInputs) -> str:
    for skipped in inputs.evidence.skipped:
        if skipped.what == f"artefact {artefact}":
            return skipped.why
    return f"the artefact {artefact!r} was not put in"


def _relevance_share(gate: PlannedGate, inputs: GateInputs) -> Estimate:
    relevance = inputs.evidence.relevance.get(inputs.place(gate))
    if relevance is None:
        return missing(gate, _why_no_relevance(gate, inputs))
    if gate.metric == "spurious_relevance_share" and not _seen(gate, inputs, "spurious"):
        return missing(gate, UNSEEN.format("spurious"))
    chosen = inputs.labels[inputs.place(gate)].where(*SHARES[gate.metric])
    return share_of(inputs.evidence, relevance, chosen, confidence=gate.confidence, sided="one")


def _unread(gate: PlannedGate, inputs: GateInputs) -> Estimate:
    """Relevance on what no concept explains, without what a reader has decided about; what was read is counted."""
    place = inputs.place(gate)
    relevance = inputs.evidence.relevance.get(place)
    if relevance is None:
        return missing(gate, _why_no_relevance(gate, inputs))
    unexplained = inputs.labels[place].where(*SHARES["unexpected_relevance_share"])
    names = {k: inputs.name_of(place[0], k) for k in unexplained}
    unread = [k for k in unexplained if names[k] not in inputs.readings]
    found = share_of(inputs.evidence, relevance, unread, confidence=gate.confidence, sided="one")
    read = [inputs.readings[names[k]] for k in unexplained if k not in unread]
    bad = sum(reading.decision == "spurious" for reading in read)
    told = f"{len(read)} of {len(unexplained)} such components read, {bad} of them called spurious"
    if not inputs.readings and inputs.spec.review is not None:
        told += "; the review is of another model, or decides nothing"
    return found.model_copy(update={"note": "; ".join(filter(None, (found.note, told)))})


def _why_no_relevance(gate: PlannedGate, inputs: GateInputs) -> str:
    closed = next((row.why for row in inputs.evidence.skipped if row.what == INSIDE), None)
    return closed or f"no relevance was computed for {gate.class_name}"


def _seen(gate: PlannedGate, inputs: GateInputs, role: str) -> list[str]:
    return seen_concepts(inputs.concepts, gate.class_name, role)


def _strongest(gate: PlannedGate, inputs: GateInputs) -> Estimate:
    relevance = inputs.evidence.relevance.get(inputs.place(gate))
    if relevance is None:
        return missing(gate, _why_no_relevance(gate, inputs))
    if not _seen(gate, inputs, "spurious"):
        return missing(gate, UNSEEN.format("spurious"))
    spurious = inputs.labels[inputs.place(gate)].where(*SPURIOUS)
    return strongest_share(relevance, spurious, inputs.evidence.samples.units, confidence=gate.confidence)


def _coverage(gate: PlannedGate, inputs: GateInputs) -> Estimate:
    """Of the concepts that count; those that the foundation model cannot see are named, and no fault."""
    relevance = inputs.evidence.relevance.get(inputs.place(gate))
    if relevance is None:
        return missing(gate, _why_no_relevance(gate, inputs))
    valid = _seen(gate, inputs, "valid")
    if not valid:
        return missing(gate, UNSEEN.format("valid"))
    unseen = [name for name, row in inputs.concepts.items() if row.role.get(gate.class_name) == "valid"]
    found = coverage(
        relevance,
        inputs.labels[inputs.place(gate)],
        {name: inputs.concepts[name].group or name for name in valid},
        floor_for(inputs.spec.examine.relevance_floor, relevance.relevance.shape[1]),
        inputs.evidence.samples.units,
        confidence=gate.confidence,
    )
    left = ", ".join(sorted(set(unseen) - set(valid)))
    said = f"not counted, since nothing shows that they can be seen: {left}" if left else ""
    return found.model_copy(update={"note": "; ".join(filter(None, (found.note, said)))})


def _weighted(gate: PlannedGate, inputs: GateInputs) -> Estimate:
    """A score of the class's examined components, weighted by relevance."""
    layer, _ = inputs.place(gate)
    relevance = inputs.evidence.relevance.get(inputs.place(gate))
    if relevance is None:
        return missing(gate, _why_no_relevance(gate, inputs))
    examples, examine = inputs.evidence.components[layer], inputs.spec.examine
    scores = _scores(gate, inputs, layer)
    if isinstance(scores, str):
        return missing(gate, scores)
    chosen, _ = select_components(relevance, examine.relevance_floor, examine.max_components)
    mine = np.isin(examples.components, chosen)
    units = inputs.evidence.samples.units
    found = weighted_score(relevance, examples.components[mine], scores[mine], units, confidence=gate.confidence)
    return found if found is not None else missing(gate, "no relevant component has examples to score")


def _scores(gate: PlannedGate, inputs: GateInputs, layer: str) -> Floats | str:
    """Scores of a layer's examined components, or why there are none."""
    if gate.metric != "alignment_margin":
        return interpretability_scores(gate.metric, inputs.evidence.components[layer])
    table = inputs.tables.get(layer)
    families = [_seen(gate, inputs, role) for role in ("valid", "spurious")]
    if table is None or not all(families):
        return UNSEEN.format("valid, or no spurious,")
    return margin_scores(table, *([name for name in family if name in table.concepts] for family in families))


def _observability(gate: PlannedGate, inputs: GateInputs) -> Estimate:
    name = gate.concept or ""
    finding, space = inputs.concepts[name], inputs.evidence.space
    if finding.state is ConceptState.NOT_ASSESSABLE:
        return missing(gate, f"{name} is not assessable: {finding.reason}")
    if space is None or name not in space.probes:
        return missing(gate, finding.reason)
    estimate, _ = observe(
        name, inputs.spec.concepts[name], inputs.evidence.samples, space, confidence=gate.confidence, sided="one"
    )
    if estimate is None:
        return missing(gate, finding.reason)
    if finding.specific is False:
        return estimate.model_copy(update={"value": None, "note": finding.reason})
    return estimate


def _mediated(gate: PlannedGate, inputs: GateInputs) -> Estimate:
    """Of the labelled set; where no component carries the label there is nothing to measure, which is no pass."""
    if inputs.trials.get(gate.artefact or "") is None:
        return missing(gate, _why_not(gate.artefact, inputs))
    shown = shown_by(inputs.spec, gate.artefact or "", inputs.concepts)
    if not shown:
        return missing(gate, f"the foundation model is not shown to see any concept that {gate.artefact} shows")
    labels = inputs.labels.get(inputs.place(gate))
    if labels is not None and not any(map(labels.labelled, shown)):
        return missing(gate, f"no component carries the label {' or '.join(shown)}, so none can be set to clean values")
    found = inputs.evidence.mediations.get(gate.artefact or "")
    place = None if found is None else labelled_place(found, gate.class_name)
    if found is None or place is None:
        closed = next((row.why for row in inputs.evidence.skipped if row.what == INSIDE), None)
        return missing(gate, closed or OFF)
    return mediated_share(inputs.evidence, found, place, confidence=gate.confidence, sided="one")


SEPARABILITY: Mapping[str, Kind] = {
    "separability": "with",
    "separability_drop": "drop",
    "separability_drop_beyond_sham": "beyond",
}


def _separability(gate: PlannedGate, inputs: GateInputs) -> Estimate:
    trials = _trials(gate, inputs)
    if trials is None:
        return missing(gate, _why_not(gate.artefact, inputs))
    sides = sides_of_trials(trials, inputs.point.classes.index(gate.class_name))
    return separability_estimate(sides, SEPARABILITY[gate.metric], confidence=gate.confidence, sided="one")


UNSEEN = "the foundation model is not shown to see any {} concept"

METRICS: Mapping[str, Callable[[PlannedGate, GateInputs], Estimate]] = {
    "sensitivity": _clean,
    "specificity": _clean,
    "auroc": _clean,
    "lesion_erased_auroc": _erased,
    "decision_flips": _flips,
    "decision_flips_beyond_sham": _flips,
    "artefact_effect": _effect,
    "effect_minus_sham": _effect,
    "spurious_relevance_share": _relevance_share,
    "unexpected_relevance_share": _relevance_share,
    "unread_relevance_share": _unread,
    "observability": _observability,
    "mediated_share": _mediated,
    **dict.fromkeys(SEPARABILITY, _separability),
    "flip_rate": _changed,
    "accuracy_drop": _changed,
    "strongest_spurious_component": _strongest,
    "valid_coverage": _coverage,
    "alignment_margin": _weighted,
    "clarity": _weighted,
    "redundancy": _weighted,
    "polysemanticity": _weighted,
}
