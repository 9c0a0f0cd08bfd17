"""A spec without what none of some gates reads: nothing is measured for nobody."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from auditlens.plan.gates import targets_of
from auditlens.spec.metrics import METRIC_RULES
from auditlens.spec.model import AuditSpec, Gate, Waiver


def reduced(spec: AuditSpec, gates: Mapping[str, Gate], left_out: Iterable[str] = ()) -> AuditSpec:
    """Return the spec with these gates and without what none of them reads.

    Parameters
    ----------
    left_out : iterable of str
        Artefacts that are put in only where a gate names them.
    """
    named = {target for name, gate in gates.items() for target, _ in targets_of(spec, gate, gate.class_ or "")}
    metrics: set[str] = {gate.metric for gate in gates.values()}
    if any(METRIC_RULES[metric].needs_foundation for metric in metrics):
        named |= {concept.artefact for concept in spec.concepts.values()} - set(left_out)
    artefacts = {
        name: artefact.model_copy(update={"dose": None}) for name, artefact in spec.artefacts.items() if name in named
    }
    audited = {gate.class_ for gate in gates.values()}
    return spec.model_copy(
        update={
            "gates": dict(gates),
            "artefacts": artefacts,
            "concepts": {
                name: concept if concept.artefact in artefacts else concept.model_copy(update={"artefact": None})
                for name, concept in spec.concepts.items()
            },
            "classes": {name: rule for name, rule in spec.classes.items() if name in audited},
            "vocabulary": None,
            "change": None,
            "baselines": spec.baselines if any(gate.against for gate in gates.values()) else {},
            "opinions": (),
            "examine": spec.examine.model_copy(update={"ablation_images": 0}),
            "challenge": _challenge(spec, metrics),
            "waivers": tuple(waiver for waiver in spec.waivers if _may_cover(waiver, gates, artefacts)),
        }
    )


def _may_cover(waiver: Waiver, gates: Mapping[str, Gate], artefacts: Collection[str]) -> bool:
    """Whether a waiver can be about a gate that runs; the others are not unused, they were not looked at."""
    if waiver.finding is not None:
        return waiver.metric in {gate.metric for gate in gates.values()}
    return (waiver.gate or "").partition("[")[0] in gates and waiver.artefact in (None, *artefacts)


def _challenge(spec: AuditSpec, metrics: set[str]) -> Any:
    """Leave out the tests that no gate reads."""
    unread: dict[str, Any] = {"response_images": 0, "combinations": None}
    if "lesion_erased_auroc" not in metrics:
        unread["erased_images"] = 0
    if "mediated_share" not in metrics:
        unread["mediation_images"] = 0
    plain = spec.challenge.separability.model_copy(update={"images": None, "backgrounds": 0, "combined": ()})
    return spec.challenge.model_copy(update={**unread, "separability": plain})
