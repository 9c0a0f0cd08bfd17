"""Gates that will have nothing to read, however many images there are: known from the spec and from what was loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from auditlens.challenge.rendering import ArtefactSource
from auditlens.findings.confrontation import artefact_of
from auditlens.gather.context import Context
from auditlens.gather.space import assessable
from auditlens.plan.baselines import CHANGE
from auditlens.preview.basis import INSIDE
from auditlens.preview.layers import named_concepts
from auditlens.preview.seen import seen_images
from auditlens.spec.baselines import WHY_NOT_PAIRED
from auditlens.stages.plan import PlannedGate

ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "spurious_relevance_share": ("spurious",),
    "strongest_spurious_component": ("spurious",),
    "valid_coverage": ("valid",),
    "alignment_margin": ("valid", "spurious"),
}
"""Roles of which the class needs a concept that can be assessed."""
NO_NUMBER: Final = "No number of images decides this: it compares what the plan says of the model with the baseline's."


def why_no_number(gate: PlannedGate) -> str:
    """Say why a gate is not a matter of the number of images at all; empty where it is."""
    return NO_NUMBER if gate.metric == CHANGE else ""


def why_never(gate: PlannedGate, context: Context, sources: Mapping[str, ArtefactSource]) -> str:
    """Say why a gate cannot be evaluated by this run, whatever its images show; empty where it may be."""
    if gate.against is not None and gate.metric in WHY_NOT_PAIRED:
        return f"{gate.metric} has no difference to {gate.against}: it {WHY_NOT_PAIRED[gate.metric]}."
    if gate.metric == "observability":
        return _unseen(gate, context, sources)
    if gate.metric not in (*INSIDE, "mediated_share"):
        return ""
    if context.no_inside is not None:
        return f"The inside of the model cannot be looked at: {context.no_inside.why}."
    if gate.metric == "mediated_share":
        return _unmediated(gate, context)
    for role in ROLES.get(gate.metric, ()):
        if not named_concepts(context, gate.class_name, role):
            return f"{gate.class_name} has no {role} concept that can be assessed, so there is nothing to look for."
    return ""


def _unseen(gate: PlannedGate, context: Context, sources: Mapping[str, ArtefactSource]) -> str:
    concept = context.spec.concepts.get(gate.concept or "")
    if concept is not None and concept.not_assessable is not None:
        return f"{gate.concept} is not assessable: {concept.not_assessable}"
    if seen_images(context, gate.concept or "", sources) is not None:
        return ""
    return (
        f"No labelled column, no example images and no artefact that goes in show where {gate.concept} is, "
        "so how well it is seen cannot be measured."
    )


def _unmediated(gate: PlannedGate, context: Context) -> str:
    if not context.spec.challenge.mediation_images or not context.layer_names():
        return "Mediation is not measured: `challenge.mediation_images` is 0, or no layer of the model can be examined."
    if any(artefact_of(context.spec, name) == gate.artefact for name in assessable(context)):
        return ""
    return f"No concept of the spec says what {gate.artefact} looks like, so no component can carry its label."
