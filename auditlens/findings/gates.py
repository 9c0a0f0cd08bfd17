"""The estimate that each gate reads, at the gate's own confidence with one-sided bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from auditlens.findings.against import Against, compared, missing
from auditlens.findings.artefacts import Trials, effect_estimate, flip_estimate
from auditlens.findings.change import kept_equal
from auditlens.findings.components import share_of
from auditlens.findings.decision import OperatingPoint
from auditlens.findings.erasure import NO_MASK, erased_auroc
from auditlens.findings.labels import Labels
from auditlens.findings.mediation import OFF, labelled_place, mediated_share
from auditlens.findings.observability import observe
from auditlens.findings.performance import clean_metric
from auditlens.findings.response import shown_by
from auditlens.findings.separability import Kind, separability_estimate, sides_of_trials
from auditlens.findings.subgroups import members, predictions_of, samples_of, trials_of
from auditlens.plan.baselines import CHANGE
from auditlens.spec.model import AuditSpec
from auditlens.stages.baselines import Altered
from auditlens.stages.evidence import INSIDE, Evidence
from auditlens.stages.findings import ConceptFinding, Estimate
from auditlens.stages.plan import PlannedGate
from auditlens.stages.states import ComponentState, ConceptState


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

    def place(self, gate: PlannedGate) -> tuple[str, str]:
        """Layer and class that a gate of the inside reads."""
        return gate.layer or (self.layers[-1] if self.layers else ""), gate.class_name


def gate_estimate(gate: PlannedGate, inputs: GateInputs) -> Estimate:
    """Measure what a gate asks for; without evidence the value is None and the note says why."""
    if gate.metric == CHANGE:
        return kept_equal(gate, inputs.altered, inputs.against)
    if gate.against is not None:
        return compared(gate, inputs.against, inputs.evidence.samples)
    return METRICS[gate.metric](gate, inputs)


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


def _flips(gate: PlannedGate, inputs: GateInputs) -> Estimate:
    trials = inputs.trials.get(gate.artefact or "")
    if trials is None:
        return missing(gate, _why_not(gate.artefact, inputs))
    trials = trials_of(trials, members(trials.samples, gate.within)) if gate.within else trials
    kind = "beyond" if gate.metric.endswith("sham") else "raw"
    source, target = gate.from_class or "", gate.to_class or ""
    return flip_estimate(trials, source, target, kind, confidence=gate.confidence, sided="one")


def _effect(gate: PlannedGate, inputs: GateInputs) -> Estimate:
    trials = inputs.trials.get(gate.artefact or "")
    if trials is None:
        return missing(gate, _why_not(gate.artefact, inputs))
    trials = trials_of(trials, members(trials.samples, gate.within)) if gate.within else trials
    kind = "beyond" if gate.metric == "effect_minus_sham" else "raw"
    class_index = inputs.point.classes.index(gate.class_name)
    return effect_estimate(trials, class_index, gate.true_class, kind, confidence=gate.confidence, sided="one")


def _why_not(artefact: str | None, inputs: GateInputs) -> str:
    for skipped in inputs.evidence.skipped:
        if skipped.what == f"artefact {artefact}":
            return skipped.why
    return f"the artefact {artefact!r} was not put in"


def _relevance_share(gate: PlannedGate, inputs: GateInputs) -> Estimate:
    relevance = inputs.evidence.relevance.get(inputs.place(gate))
    if relevance is None:
        return missing(gate, _why_no_relevance(gate, inputs))
    if gate.metric == "spurious_relevance_share" and not _sees_any(gate, inputs):
        return missing(gate, "the foundation model is not shown to see any spurious concept")
    wanted = {
        "spurious_relevance_share": (ComponentState.SPURIOUS, ComponentState.BOTH),
        "unexpected_relevance_share": (ComponentState.UNEXPECTED, ComponentState.UNVERIFIED),
    }[gate.metric]
    chosen = inputs.labels[inputs.place(gate)].where(*wanted)
    return share_of(inputs.evidence, relevance, chosen, confidence=gate.confidence, sided="one")


def _why_no_relevance(gate: PlannedGate, inputs: GateInputs) -> str:
    closed = next((row.why for row in inputs.evidence.skipped if row.what == INSIDE), None)
    return closed or f"no relevance was computed for {gate.class_name}"


def _sees_any(gate: PlannedGate, inputs: GateInputs) -> bool:
    return any(
        finding.state is ConceptState.OBSERVABLE and finding.role.get(gate.class_name) == "spurious"
        for finding in inputs.concepts.values()
    )


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
    trials = inputs.trials.get(gate.artefact or "")
    if trials is None:
        return missing(gate, _why_not(gate.artefact, inputs))
    trials = trials_of(trials, members(trials.samples, gate.within)) if gate.within else trials
    sides = sides_of_trials(trials, inputs.point.classes.index(gate.class_name))
    return separability_estimate(sides, SEPARABILITY[gate.metric], confidence=gate.confidence, sided="one")


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
    "observability": _observability,
    "mediated_share": _mediated,
    **dict.fromkeys(SEPARABILITY, _separability),
}
