"""Inside against behaviour: do the components that encode an artefact and the effect of inserting it agree?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from auditlens.spec.model import AuditSpec
from auditlens.spec.selection import roles_of
from auditlens.stages.findings import (
    ArtefactFinding,
    ClassFinding,
    ConceptFinding,
    Confrontation,
    Effect,
    Estimate,
)
from auditlens.stages.states import ConceptState

Conclusion = Literal["both", "inside only", "behaviour only", "neither", "not evaluated"]
SMALLEST_EFFECT = 0.01
"""Mean change of probability under which an effect clear of zero is still called none; shown in the report."""


def confront(
    spec: AuditSpec,
    inside: ClassFinding,
    concepts: Sequence[ConceptFinding],
    artefacts: Sequence[ArtefactFinding],
) -> tuple[Confrontation, ...]:
    """Put both lines of evidence side by side for each spurious or contested concept that has either."""
    by_artefact = {finding.artefact: finding for finding in artefacts if finding.class_name == inside.class_name}
    roles = roles_of(spec, inside.class_name)
    lines = [
        _confront_one(spec, inside, concept, by_artefact)
        for concept in concepts
        if roles.get(concept.concept) in ("spurious", "contested")
    ]
    return tuple(line for line in lines if line.inside is not None or line.behaviour is not None)


def artefact_of(spec: AuditSpec, concept: str) -> str | None:
    """The artefact whose insertion shows a concept: named in the spec, or of the same name."""
    named = spec.concepts[concept].artefact
    if named is not None:
        return named
    return concept if concept in spec.artefacts else None


def _confront_one(
    spec: AuditSpec, inside: ClassFinding, concept: ConceptFinding, artefacts: dict[str, ArtefactFinding]
) -> Confrontation:
    name, artefact = concept.concept, artefact_of(spec, concept.concept)
    seen = concept.state is ConceptState.OBSERVABLE
    n_components = inside.components_by_concept.get(name, 0) if seen else 0
    share = inside.share_by_concept.get(name, _nothing(inside)) if seen else None
    effect = overall_effect(artefacts.get(artefact or ""))
    behaviour = None if effect is None else effect.beyond or effect.raw
    conclusion = _conclude(share, n_components, effect)
    return Confrontation(
        class_name=inside.class_name,
        concept=name,
        artefact=artefact,
        inside=share,
        n_components=n_components,
        behaviour=behaviour,
        conclusion=conclusion,
        sentence=_sentence(name, inside.class_name, share, n_components, behaviour, conclusion),
    )


def _nothing(inside: ClassFinding) -> Estimate:
    return Estimate(value=0.0, low=0.0, high=0.0, n=inside.n_components, note="no component carries this label")


def overall_effect(finding: ArtefactFinding | None) -> Effect | None:
    """Effect on the class's probability over all images."""
    if finding is None:
        return None
    return next(row for row in finding.effects if row.scale == "probability" and row.true_class is None)


def _conclude(inside: Estimate | None, n_components: int, effect: Effect | None) -> Conclusion:
    if inside is None or effect is None or effect.raw.value is None:
        return "not evaluated"
    acts = _acts(effect)
    if n_components:
        return "both" if acts else "inside only"
    return "behaviour only" if acts else "neither"


def _acts(effect: Effect) -> bool:
    """Whether the artefact's content moves the score: with it and beyond its sham, in the same direction.

    A difference that comes from the sham alone (the artefact does nothing, its sham does) is no effect of the artefact.
    """
    directions = {_direction(found) for found in (effect.raw, effect.beyond) if found is not None}
    return directions in ({1}, {-1})


def _direction(estimate: Estimate) -> int:
    """Sign of an effect that is clear of zero and not negligible; 0 otherwise."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return 0
    clear = estimate.low > 0 or estimate.high < 0
    return int(math.copysign(1, estimate.value)) if clear and abs(estimate.value) >= SMALLEST_EFFECT else 0


def _sentence(
    concept: str,
    class_name: str,
    inside: Estimate | None,
    n_components: int,
    behaviour: Estimate | None,
    conclusion: Conclusion,
) -> str:
    name = concept.replace("_", " ")
    seen = _inside_words(name, inside, n_components)
    done = _behaviour_words(name, class_name, behaviour)
    verdict = {
        "both": "Both lines of evidence show it: it is encoded, and putting it in moves the score.",
        "inside only": "It is encoded, but inserting it does not move the score: encoded, not shown to be used.",
        "behaviour only": "Inserting it moves the score, but no component carries its label.",
        "neither": "Neither line of evidence shows it, within what this audit can detect.",
        "not evaluated": "Only one line of evidence was available, so there is nothing to confront.",
    }[conclusion]
    return f"{seen} {done} {verdict}"


def _inside_words(name: str, inside: Estimate | None, n_components: int) -> str:
    if inside is None:
        return f"Inside: whether the foundation model sees {name} is not shown, so labels do not count."
    if n_components == 0:
        return f"Inside: no component is labelled {name}."
    share = 100 * (inside.value or 0.0)
    plural = "component" if n_components == 1 else "components"
    return f"Inside: {n_components} {name} {plural} with {share:.0f} % of the relevance."


def _behaviour_words(name: str, class_name: str, behaviour: Estimate | None) -> str:
    if behaviour is None or behaviour.value is None or behaviour.low is None or behaviour.high is None:
        return f"Behaviour: inserting {name} was not tested."
    return (
        f"Behaviour: inserting {name} moves P({class_name}) by {behaviour.value:+.3f} "
        f"(95 %: {behaviour.low:+.3f} to {behaviour.high:+.3f})."
    )
